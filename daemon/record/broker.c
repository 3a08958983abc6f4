// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The privileged child of a recorder that root started in the foreground.
 *
 * The recorder gives up all privilege before its first tick, so what needs privilege (attach, verify,
 * new port table, detach at a clean stop) is done by a child that does nothing else. It takes no
 * argument from the recorder but the verb: configuration it reads itself, from files and from the
 * command line that root typed. When the recorder dies without a word, the child ends and touches
 * nothing: a crash detaches nothing.
 *
 * Under systemd there is no such child; sampler-attach@.service does its work.
 */
#include "record/broker.h"

#include "config/config.h"
#include "kernel/pins.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/privileges.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define ANSWER_TIMEOUT_S 60 /* a driver may take seconds to reset its rings */
#define LOCK_PAUSE_NS	 20000000
#define LOCK_PAUSES \
	100 /* 2 s: a child of which the recorder was killed finishes its errand first */

enum verb { VERB_ATTACH, VERB_DETACH, VERB_VERIFY, VERB_RELOAD };

struct request {
	uint64_t sequence; /* told back in the answer: one that comes too late is nobody's */
	enum verb verb;
};

struct answer {
	uint64_t sequence;
	int r;
	enum attach_outcome outcome;
	struct sampler_meta meta;
	struct error err;
};

static int attach_from(const struct config_source *source, const struct config *config,
		       enum attach_outcome *ret_outcome, struct sampler_meta *ret_meta,
		       struct error *err)
{
	struct attach_options options = {
		.pin_dir = config->pin_dir,
		.ifname = source->ifname,
		.mode = config->mode,
		.run_priority = config->run_priority,
		.chain_actions = config->chain_actions,
		.tx = config->tx,
		.services = &config->services,
	};
	uid_t uid;
	int r = privileges_lookup(config->user, &uid, &options.group, err);

	return r ?: attach_interface(&options, ret_outcome, ret_meta, err);
}

/**
 * broker_attach_now() - attach as a configuration says, in this process
 * @source: the configuration, with the interface
 * @ret_outcome: as attach_interface()
 * @ret_meta: as attach_interface()
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int broker_attach_now(const struct config_source *source, enum attach_outcome *ret_outcome,
		      struct sampler_meta *ret_meta, struct error *err)
{
	struct config config;
	int r = config_resolve(source, &config, err);

	return r ?: attach_from(source, &config, ret_outcome, ret_meta, err);
}

/* ---- the child ---- */

struct child {
	const struct config_source *source;
	const char *pin_dir;
	int lock_fd; /* of pins_lock_recorder() */
};

static int reload(const struct config_source *source, struct error *err)
{
	struct config config;
	int r = config_resolve(source, &config, err);

	return r ?: attach_set_services(config.pin_dir, source->ifname, &config.services, err);
}

/* The lock is held as long as the child lives. It moves to new pins when they had to be made. */
static int lock(struct child *child, struct error *err)
{
	struct pins pins;
	int fd = pins_find(child->pin_dir, child->source->ifname, &pins, err);

	fd = fd ?: pins_lock_recorder(&pins, err);
	if (fd < 0)
		return fd;
	if (child->lock_fd >= 0)
		close(child->lock_fd);
	child->lock_fd = fd;
	return 0;
}

/* A recorder that was killed leaves its child a moment longer, and the lock with it. */
static int lock_first(struct child *child, struct error *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int r = lock(child, err);

	for (int i = 0; r == -EBUSY && i < LOCK_PAUSES; i++) {
		nanosleep(&pause, NULL);
		r = lock(child, err);
	}
	return r;
}

static int attach(struct child *child, struct answer *answer)
{
	int r = child->lock_fd < 0 ? lock_first(child, &answer->err) : 0;

	if (r && r != -ENOENT)
		return r;
	r = broker_attach_now(child->source, &answer->outcome, &answer->meta, &answer->err);
	if (r)
		return r;
	r = lock(child, &answer->err);
	return r == -EBUSY && child->lock_fd >= 0 ? 0 : r; /* the pins that we hold already */
}

static void perform(enum verb verb, struct child *child, struct answer *answer)
{
	const char *pin_dir = child->pin_dir, *ifname = child->source->ifname;

	switch (verb) {
	case VERB_ATTACH:
		answer->r = attach(child, answer);
		break;
	case VERB_DETACH:
		answer->r = attach_detach(pin_dir, ifname, &answer->err);
		break;
	case VERB_VERIFY:
		answer->r = attach_verify(pin_dir, ifname, &answer->err);
		break;
	case VERB_RELOAD:
		answer->r = reload(child->source, &answer->err);
		break;
	default:
		answer->r = error_set(&answer->err, -EINVAL, "unknown request %d", verb);
	}
}

/* Ctrl-C reaches the whole foreground group: the recorder decides what it means, not the child. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	sigset_t none;

	for (size_t i = 0; i < array_size(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void serve(int fd, const struct config_source *source, const char *pin_dir)
{
	struct child child = { .source = source, .pin_dir = pin_dir, .lock_fd = -1 };
	struct request request;

	while (recv(fd, &request, sizeof(request), 0) == sizeof(request)) {
		struct answer answer = { .sequence = request.sequence };

		perform(request.verb, &child, &answer);
		malloc_trim(0); /* the kernel's BTF took 10 MiB, and the child lives for years */
		if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			return;
	}
}

/**
 * broker_start() - fork the privileged child
 * @ret_broker: the line to it; end it with broker_end()
 * @source: kept by the child; must outlive it
 * @err: why not
 *
 * Call it before anything that the child should not have (threads, open files, locks).
 *
 * Return: 0 or negative errno.
 */
int broker_start(struct broker *ret_broker, const struct config_source *source, struct error *err)
{
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct config config;
	int pair[2], r = config_resolve(source, &config, err);
	pid_t pid;

	if (r)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		r = error_set(err, -errno, "fork: %s", strerror(errno));
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (!pid) {
		close(pair[0]);
		ignore_signals();
		prctl(PR_SET_NAME, "samplerd-priv");
		serve(pair[1], source, config.pin_dir);
		_exit(0);
	}
	close(pair[1]);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	*ret_broker = (struct broker){ .fd = pair[0], .pid = pid };
	return 0;
}

/* ---- the recorder's side ---- */

static int ask(struct broker *broker, enum verb verb, struct answer *ret_answer, struct error *err)
{
	struct request request = { .sequence = ++broker->sequence, .verb = verb };
	ssize_t n = send(broker->fd, &request, sizeof(request), MSG_NOSIGNAL);

	if (n == sizeof(request))
		do {
			n = recv(broker->fd, ret_answer, sizeof(*ret_answer), 0);
		} while ((n < 0 && errno == EINTR) ||
			 (n == sizeof(*ret_answer) && ret_answer->sequence != request.sequence));
	if (n != sizeof(*ret_answer))
		return error_set(err, -EPIPE, "the privileged process %d does not answer: %s",
				 broker->pid, n < 0 ? strerror(errno) : "it has ended");
	if (ret_answer->r && err)
		*err = ret_answer->err;
	return ret_answer->r;
}

/** broker_attach() - broker_attach_now() in the child */
int broker_attach(struct broker *broker, enum attach_outcome *ret_outcome,
		  struct sampler_meta *ret_meta, struct error *err)
{
	struct answer answer;
	int r = ask(broker, VERB_ATTACH, &answer, err);

	if (r)
		return r;
	*ret_outcome = answer.outcome;
	*ret_meta = answer.meta;
	return 0;
}

/** broker_detach() - attach_detach() in the child */
int broker_detach(struct broker *broker, struct error *err)
{
	struct answer answer;

	return ask(broker, VERB_DETACH, &answer, err);
}

/** broker_verify() - attach_verify() in the child */
int broker_verify(struct broker *broker, struct error *err)
{
	struct answer answer;

	return ask(broker, VERB_VERIFY, &answer, err);
}

/** broker_reload() - read the configuration again and write its services to the port table */
int broker_reload(struct broker *broker, struct error *err)
{
	struct answer answer;

	return ask(broker, VERB_RELOAD, &answer, err);
}

/** broker_end() - let the child go; it detaches nothing of its own accord */
void broker_end(struct broker *broker)
{
	close(broker->fd);
	while (waitpid(broker->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
