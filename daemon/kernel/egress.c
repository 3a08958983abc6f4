// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Filters at tc egress: which are there, and putting ours there or taking it off.
 *
 * Reading is a question by netlink, which needs no privilege; libbpf asks for one filter only, and not
 * for what a qdisc is. Ours are told by their programs. Their handles, 0x53414dXX ("SAM"), are for
 * people; and they say whether clsact was made for them, so that who takes them off knows whether it
 * may go too, whatever became of the pins.
 *
 * A qdisc is never taken off by libbpf's flags for one direction, which flush all that is there.
 */
#include "kernel/egress.h"

#include "kernel/link.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define HANDLE_OURS	   0x53414d00u
#define HANDLE_MASK	   0xffffff00u
#define HANDLE_MADE_CLSACT 0x80u
#define HANDLE_NUMBERS	   EGRESS_MAX /* at one priority */

#define PARENT_INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define PARENT_EGRESS  TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

struct request {
	struct nlmsghdr header;
	struct tcmsg tc;
	struct rtattr kind_header; /* TCA_KIND, of a question for one filter */
	char kind[4];
};

/* One answer: a qdisc, a filter, or with a handle of 0 the head of a list of filters. */
struct answer {
	char kind[16];
	uint32_t handle, priority, chain, prog_id;
	uint16_t protocol;
};

typedef void (*answer_fn)(const struct answer *answer, void *user);

static void read_options(const struct rtattr *nested, struct answer *answer)
{
	int len = RTA_PAYLOAD(nested);

	for (const struct rtattr *a = RTA_DATA(nested); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == TCA_BPF_ID)
			memcpy(&answer->prog_id, RTA_DATA(a), sizeof(answer->prog_id));
}

static void read_answer(const struct nlmsghdr *message, struct answer *ret_answer)
{
	const struct tcmsg *tc = NLMSG_DATA(message);
	const struct rtattr *options = NULL;
	int len = TCA_PAYLOAD(message);
	struct answer answer = {
		.handle = tc->tcm_handle,
		.priority = TC_H_MAJ(tc->tcm_info) >> 16,
		.protocol = TC_H_MIN(tc->tcm_info),
	};

	for (const struct rtattr *a = TCA_RTA(tc); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		switch (a->rta_type & NLA_TYPE_MASK) {
		case TCA_KIND:
			snprintf(answer.kind, sizeof(answer.kind), "%s", (const char *)RTA_DATA(a));
			break;
		case TCA_CHAIN:
			memcpy(&answer.chain, RTA_DATA(a), sizeof(answer.chain));
			break;
		case TCA_OPTIONS:
			options = a;
			break;
		}
	}
	if (options && !strcmp(answer.kind, "bpf"))
		read_options(options, &answer);
	*ret_answer = answer;
}

/* Return: 1 where more is to come, 0 at the end, or negative errno. */
static int take_message(const struct nlmsghdr *message, answer_fn fn, void *user)
{
	struct answer answer;

	if (message->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EAGAIN;
	if (message->nlmsg_type == NLMSG_DONE) /* or the error that broke a list off */
		return NLMSG_PAYLOAD(message, 0) < sizeof(int) ? 0
							       : *(const int *)NLMSG_DATA(message);
	read_answer(message, &answer);
	fn(&answer, user);
	return !!(message->nlmsg_flags & NLM_F_MULTI);
}

static int receive(int fd, uint32_t sequence, answer_fn fn, void *user)
{
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	int r = 1;

	while (r > 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (struct nlmsghdr *m = (void *)buf; r > 0 && NLMSG_OK(m, n);
		     m = NLMSG_NEXT(m, n))
			if (m->nlmsg_seq == sequence)
				r = take_message(m, fn, user);
	}
	return r;
}

static int ask(struct request *request, answer_fn fn, void *user)
{
	struct timeval timeout = { .tv_sec = 5 };
	_cleanup_close_ int fd = link_socket();

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	request->header.nlmsg_seq = clock_boottime_ns();
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	return receive(fd, request->header.nlmsg_seq, fn, user);
}

static int ask_for_all(uint32_t ifindex, uint32_t parent, answer_fn fn, void *user)
{
	struct request request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.tc)),
			    .nlmsg_type = RTM_GETTFILTER,
			    .nlmsg_flags = NLM_F_DUMP },
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = parent },
	};

	return ask(&request, fn, user);
}

/* ---- what is there ---- */

static void take_qdisc(const struct answer *answer, void *user)
{
	memcpy(user, answer->kind, sizeof(answer->kind));
}

/* What stands where clsact does; "" for nothing, also where there is no interface, or no tc. */
static int read_qdisc(uint32_t ifindex, char ret_kind[16])
{
	struct request request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.tc)),
			    .nlmsg_type = RTM_GETQDISC,
			    .nlmsg_flags = NLM_F_ECHO }, /* else others alone are told */
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = TC_H_CLSACT },
	};
	int r;

	ret_kind[0] = 0;
	r = ask(&request, take_qdisc, ret_kind);
	return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP ? 0 : r;
}

/* Lists of filters come in the order in which they run. */
static void find_place(struct egress *egress, const struct answer *answer)
{
	bool joinable = !strcmp(answer->kind, "bpf") && answer->protocol == htons(ETH_P_ALL);

	if (answer->chain || answer->priority != egress->priority)
		return;
	if (!joinable) {
		egress->priority++;
		egress->taken = 0;
	} else if ((answer->handle & HANDLE_MASK) == HANDLE_OURS) {
		egress->taken |= 1u << (answer->handle % HANDLE_NUMBERS);
	}
}

static void take_filter(const struct answer *answer, void *user)
{
	struct egress *egress = user;
	struct program program;
	int r;

	find_place(egress, answer);
	if (!answer->prog_id)
		return;
	r = program_read(answer->prog_id, &program);
	if (r) {
		egress->r = r == -ENOENT ? egress->r : r; /* gone meanwhile */
	} else if (strcmp(program.name, SAMPLER_PROG_TX) || egress->n == EGRESS_MAX) {
		close(program.fd);
	} else {
		egress->filter[egress->n++] = (struct egress_filter){
			.program = program,
			.handle = answer->handle,
			.priority = answer->priority,
		};
	}
}

/**
 * egress_read() - what is at tc egress of an interface
 * @ifindex: interface
 * @ret_egress: filled on success; end it with egress_close()
 * @err: why not
 *
 * Return: 0, -EBUSY where another qdisc is in the place of clsact, or negative errno.
 */
int egress_read(uint32_t ifindex, struct egress *ret_egress, struct error *err)
{
	struct egress egress;
	char kind[16];
	int r = read_qdisc(ifindex, kind);

	if (r)
		return error_set(err, r, "cannot tell what is in the place of clsact: %s",
				 strerror(-r));
	if (*kind && strcmp(kind, "clsact"))
		return error_set(err, -EBUSY, "qdisc %s is in the place of clsact: %s", kind,
				 "what it is for works with clsact as well");
	r = -EAGAIN;
	for (int tries = 0; r == -EAGAIN && tries < 5; tries++) { /* changed while it was listed */
		egress = (struct egress){ .clsact = *kind, .priority = 1 };
		r = *kind ? ask_for_all(ifindex, PARENT_EGRESS, take_filter, &egress) : 0;
		r = r ?: egress.r;
		if (r)
			egress_close(&egress);
	}
	if (r)
		return error_set(err, r, "cannot list the filters at tc egress: %s", strerror(-r));
	*ret_egress = egress;
	return 0;
}

/** egress_close() - release what egress_read() opened */
void egress_close(struct egress *egress)
{
	for (uint32_t i = 0; i < egress->n; i++)
		close(egress->filter[i].program.fd);
	egress->n = 0;
}

static void take_prog_id(const struct answer *answer, void *user)
{
	*(uint32_t *)user = answer->prog_id;
}

/**
 * egress_query() - which program a filter has, without privilege
 * @ifindex: interface
 * @handle: of the filter
 * @priority: of the filter
 * @ret_prog_id: filled on success
 *
 * Return: 0, or negative errno where there is no such filter or nobody can tell.
 */
int egress_query(uint32_t ifindex, uint32_t handle, uint32_t priority, uint32_t *ret_prog_id)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETTFILTER },
		.tc = { .tcm_ifindex = ifindex,
			.tcm_parent = PARENT_EGRESS,
			.tcm_handle = handle,
			.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL)) },
		.kind_header = { .rta_len = RTA_LENGTH(sizeof(request.kind)),
				 .rta_type = TCA_KIND },
		.kind = "bpf",
	};
	uint32_t id = 0;
	int r = ask(&request, take_prog_id, &id);

	if (!r)
		*ret_prog_id = id;
	return r;
}

/* ---- changes ---- */

static void count_filter(const struct answer *answer, void *user)
{
	*(unsigned int *)user += !!answer->handle;
}

/*
 * Only what was made for a filter of ours, and only where nothing of anybody's is in it. The kernel removes no
 * qdisc on condition: what somebody puts there between the look and the removal, some 0.1 ms, goes with it.
 * To leave it would be worse: until the next boot nothing else (ingress) could be in its place.
 */
static void remove_clsact(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	char name[SAMPLER_NAME_MAX];
	unsigned int n = 0;
	int r = ask_for_all(ifindex, PARENT_INGRESS, count_filter, &n)
			?: ask_for_all(ifindex, PARENT_EGRESS, count_filter, &n);

	if (!r && !n)
		r = bpf_tc_hook_destroy(&hook);
	if (r && r != -ENOENT && r != -ENODEV)
		log_warning(
			"%s: qdisc clsact, which was made for us, stays: %s; if nothing else is "
			"in it: tc qdisc del dev %s clsact",
			link_label(ifindex, name), strerror(-r), name);
}

static int put(uint32_t ifindex, struct egress_filter *filter, int prog_fd, uint32_t flags,
	       struct error *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .flags = flags, .handle = filter->handle,
		    .priority = filter->priority);
	int r = bpf_tc_attach(&hook, &opts);

	if (r)
		return error_set(err, r, "cannot attach at tc egress: %s", strerror(-r));
	filter->program.id = opts.prog_id;
	return 0;
}

static int pick_handle(const struct egress *egress, bool made_clsact, uint32_t *ret_handle)
{
	for (uint32_t i = 0; i < HANDLE_NUMBERS; i++) {
		if (egress->taken & 1u << i)
			continue;
		*ret_handle = HANDLE_OURS | (made_clsact ? HANDLE_MADE_CLSACT : 0) | i;
		return 0;
	}
	return -ENOSPC;
}

/** egress_made_clsact() - Return: true where clsact was made for a filter of ours, or its predecessor */
bool egress_made_clsact(const struct egress_filter *filter)
{
	return filter->handle & HANDLE_MADE_CLSACT;
}

/**
 * egress_attach() - put a program at tc egress, beside whatever is there
 * @ifindex: interface
 * @egress: of egress_read()
 * @clsact_is_ours: it was made for a filter that is to go when this one is there
 * @prog_fd: program
 * @ret_filter: handle, priority and the program's id on success
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int egress_attach(uint32_t ifindex, const struct egress *egress, bool clsact_is_ours, int prog_fd,
		  struct egress_filter *ret_filter, struct error *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	struct egress_filter filter = { .priority = egress->priority };
	int r = egress->clsact ? -EEXIST : bpf_tc_hook_create(&hook);
	bool made = !r;

	if (r && r != -EEXIST)
		return error_set(err, r, "cannot make qdisc clsact: %s", strerror(-r));
	r = pick_handle(egress, made || clsact_is_ours, &filter.handle);
	if (r)
		error_set(err, r, "too many samplers at tc egress");
	r = r ?: put(ifindex, &filter, prog_fd, 0, err);
	if (!r)
		*ret_filter = filter;
	else if (made)
		remove_clsact(ifindex);
	return r;
}

/**
 * egress_replace() - give a filter another program, in one step
 * @ifindex: interface
 * @filter: of egress_read(); gets the program's id
 * @prog_fd: program
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int egress_replace(uint32_t ifindex, struct egress_filter *filter, int prog_fd, struct error *err)
{
	return put(ifindex, filter, prog_fd, BPF_TC_F_REPLACE, err);
}

/**
 * egress_remove() - take a filter off, and clsact where it was made for it and is empty now
 * @ifindex: interface
 * @filter: of egress_read()
 * @err: why not
 *
 * Return: 0, also where it is gone already, or negative errno.
 */
int egress_remove(uint32_t ifindex, const struct egress_filter *filter, struct error *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = filter->handle, .priority = filter->priority);
	int r = bpf_tc_detach(&hook, &opts);

	if (r && r != -ENOENT)
		return error_set(err, r, "cannot detach at tc egress: %s", strerror(-r));
	if (!r && egress_made_clsact(filter))
		remove_clsact(ifindex);
	return 0;
}
