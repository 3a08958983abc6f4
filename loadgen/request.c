// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Requests: a head that is made once, and a body that is never made at all.
 *
 * A body is eight fresh bytes, which number the request in a way that no two bodies of a run
 * share, and then random bytes from a place in an arena, round and round. So bodies neither compress
 * nor repeat, and a body of any size takes no memory. The arena is no larger than that needs, since a
 * copy out of the processor's cache takes a fraction of one out of memory. A request can be cut at any
 * byte: what is left to send is found from how much was sent.
 *
 * Methods without payload have no body at all, others one of zero bytes at least.
 */
#include "request.h"

#include "header.h"
#include "util/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define MIN_ARENA (1U << 16)
#define MAX_ARENA (1U << 20)
#define FRESH_STEP \
	0x9e3779b97f4a7c15ULL /* odd: k * step is another number for each k, in any width */
#define PLACE_STEP  0xd1342543de82ef95ULL /* Steele and Vigna's multiplier for 64 bits */
#define PIECE_ALIGN 64

static int fill_random(char *data, size_t n)
{
	ssize_t got;

	for (size_t done = 0; done < n; done += (size_t)got) {
		got = getrandom(data + done, n - done, 0);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got < 0)
			got = 0;
	}
	return 0;
}

struct head {
	char *data;
	size_t size, n;
};

static void head_add(struct head *head, const char *name, const char *value)
{
	int n = snprintf(head->data + head->n, head->size - head->n, "%s: %s\r\n", name, value);

	head->n += (size_t)n; /* may be more than there is room for; make_head() looks */
	if (head->n > head->size)
		head->n = head->size;
}

/* One of the generator's own, unless the configuration has it. */
static void head_add_own(struct head *head, const struct config *config, const char *name,
			 const char *value)
{
	if (!header_find(&config->headers, name))
		head_add(head, name, value);
}

/* Host comes first (RFC 9110, 7.2), also where the configuration has another. */
static void head_add_host(struct head *head, const struct config *config)
{
	const char *host = header_find(&config->headers, "Host");

	head_add(head, "Host", host ? header_value(host) : config->url.authority);
}

static void head_add_configured(struct head *head, const struct config *config)
{
	char name[LOADGEN_MAX_HEADER + 1];

	for (uint32_t i = 0; i < config->headers.n; i++) {
		const char *header = config->headers.text[i];

		if (header_is(header, "Host"))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(header, ":"), header);
		head_add(head, name, header_value(header));
	}
}

static int make_head(const struct config *config, uint64_t body_size, char *data, size_t size,
		     size_t *ret_n)
{
	struct head head = { .data = data, .size = size };
	char length[24];

	head.n = (size_t)snprintf(data, size, "%s %s HTTP/1.1\r\n", method_name(config->method),
				  config->url.target);
	head_add_host(&head, config);
	head_add_own(&head, config, "User-Agent", "sampler-loadgen/" SAMPLER_VERSION);
	head_add_own(&head, config, "Accept", "*/*");
	if (method_has_payload(config->method)) {
		snprintf(length, sizeof(length), "%" PRIu64, body_size);
		head_add_own(&head, config, "Content-Type", "application/octet-stream");
		head_add(&head, "Content-Length", length);
	}
	head_add_configured(&head, config);
	if (head.n + sizeof("\r\n") > size)
		return -ENAMETOOLONG;
	memcpy(data + head.n, "\r\n", sizeof("\r\n"));
	*ret_n = head.n + strlen("\r\n");
	return 0;
}

/* Room for two bodies, so that they begin at many places: a power of two within its bounds. */
static size_t arena_for(uint64_t body_size)
{
	size_t size = MIN_ARENA;

	while (size < MAX_ARENA && size / 2 < body_size)
		size *= 2;
	return size;
}

/**
 * request_maker_init() - prepare what all requests of a worker share
 * @maker: freed by request_maker_free(), also after a failure
 * @config: what to send; is used as long as the maker
 * @fresh_base: a random number, the same for all workers of a run
 *
 * Return: 0 or negative errno.
 */
int request_maker_init(struct request_maker *maker, const struct config *config,
		       uint64_t fresh_base)
{
	int r;

	*maker = (struct request_maker){
		.config = config,
		.fresh_base = fresh_base,
		.head_size = config->request_size,
	};
	r = make_head(config, config->request_size, maker->head, sizeof(maker->head),
		      &maker->n_head);
	if (r || !config->request_size)
		return r;
	maker->arena_size = arena_for(config->request_size);
	maker->arena = malloc(maker->arena_size);
	if (!maker->arena)
		return -ENOMEM;
	return fill_random(maker->arena, maker->arena_size);
}

/** request_maker_free() - release what request_maker_init() has made */
void request_maker_free(struct request_maker *maker)
{
	free(maker->arena);
	maker->arena = NULL;
}

static int own_head(const struct request_maker *maker, struct request *request)
{
	int r;

	request->last_head = malloc(REQUEST_MAX_HEAD);
	if (!request->last_head)
		return -ENOMEM;
	r = make_head(maker->config, request->body_size, request->last_head, REQUEST_MAX_HEAD,
		      &request->n_head);
	request->head = request->last_head;
	return r;
}

/**
 * request_begin() - make request @k
 * @maker: the worker's
 * @k: its number in the run
 * @body_size: bytes of its payload
 * @request: the request, to be released by request_end()
 *
 * Return: 0 or negative errno (only where @body_size is not the configuration's request_size).
 */
int request_begin(struct request_maker *maker, uint64_t k, uint64_t body_size,
		  struct request *request)
{
	uint64_t fresh = maker->fresh_base + k * FRESH_STEP;
	uint64_t place = (fresh ^ (fresh >> 32)) * PLACE_STEP >> 32;

	*request = (struct request){
		.head = maker->head,
		.n_head = maker->n_head,
		.body_size = body_size,
	};
	if (maker->arena_size)
		request->arena_offset = place & (maker->arena_size - PIECE_ALIGN);
	for (size_t i = 0; i < REQUEST_FRESH_SIZE; i++)
		request->fresh[i] = (char)(fresh >> (8 * i)); /* the low bytes differ most */
	return body_size == maker->head_size ? 0 : own_head(maker, request);
}

/** request_end() - release what a request holds */
void request_end(struct request *request)
{
	free(request->last_head);
	request->last_head = NULL;
}

/** request_size() - Return: bytes of head and body */
uint64_t request_size(const struct request *request)
{
	return request->n_head + request->body_size;
}

/** request_payload_sent() - Return: bytes of the body that have been sent */
uint64_t request_payload_sent(const struct request *request)
{
	return request->sent > request->n_head ? request->sent - request->n_head : 0;
}

static int add_piece(struct iovec *iov, int n, const char *data, uint64_t size)
{
	if (!size)
		return n;
	memcpy(&iov[n].iov_base, &data, sizeof(data)); /* is only read */
	iov[n].iov_len = size;
	return n + 1;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The body from byte offset on: what is left of the fresh bytes, then the arena once around. */
static int body_iov(const struct request_maker *maker, const struct request *request,
		    uint64_t offset, struct iovec *iov, int n)
{
	uint64_t n_fresh = min_u64(request->body_size, REQUEST_FRESH_SIZE);
	uint64_t left, place, piece;

	if (offset < n_fresh) {
		n = add_piece(iov, n, request->fresh + offset, n_fresh - offset);
		offset = n_fresh;
	}
	left = min_u64(request->body_size - offset, maker->arena_size);
	if (!left)
		return n;
	place = (request->arena_offset + offset) & (maker->arena_size - 1);
	piece = min_u64(left, maker->arena_size - place);
	n = add_piece(iov, n, maker->arena + place, piece);
	return add_piece(iov, n, maker->arena, left - piece);
}

/**
 * request_iov() - what is to be sent next
 * @maker: the worker's
 * @request: a request of which something is left to send
 * @iov: pieces in order; not always to the end of a large body
 *
 * Return: how many pieces.
 */
int request_iov(const struct request_maker *maker, const struct request *request,
		struct iovec iov[REQUEST_MAX_IOV])
{
	uint64_t offset = request_payload_sent(request);
	int n = 0;

	if (request->sent < request->n_head)
		n = add_piece(iov, n, request->head + request->sent,
			      request->n_head - request->sent);
	return body_iov(maker, request, offset, iov, n);
}
