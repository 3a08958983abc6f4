// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/sink-request.c: requests behind one another, as a client may send them. However they come in
 * pieces, the same requests are found in the same places.
 *
 * The first byte says how large pieces are.
 */
#include "fuzz.h"

#include "sink-request.h"

#include <stdbool.h>

#define MAX_FOUND 64

struct found {
	enum message_result result;
	unsigned int status;
	const char *why;
	size_t end; /* where in the text */
	bool keep_alive, head_method, is_http_1_0, wants_continue;
	uint64_t wants_body, n_content;
};

struct finder {
	struct sink_request request;
	struct found found[MAX_FOUND];
	size_t n;
	bool ended;
};

static void keep(struct finder *f, enum message_result result, const char *why, size_t end)
{
	const struct sink_request *r = &f->request;

	fuzz_assert((result == MESSAGE_BAD) == (r->status != 0));
	fuzz_assert((result == MESSAGE_BAD) == (why != NULL));
	fuzz_assert(r->message.n_head <= MESSAGE_MAX_HEAD + 1);
	fuzz_assert(r->wants_body == SINK_DEFAULT_BODY || r->wants_body <= SINK_MAX_BODY);
	fuzz_assert(result != MESSAGE_BAD || !r->keep_alive);
	f->found[f->n++] = (struct found){ result,
					   r->status,
					   why,
					   end,
					   r->keep_alive,
					   r->head_method,
					   r->is_http_1_0,
					   r->wants_continue,
					   r->wants_body,
					   r->message.n_content };
	f->ended = result == MESSAGE_BAD || f->n == MAX_FOUND;
	sink_request_init(&f->request);
}

static void feed_piece(struct finder *f, const uint8_t *data, size_t n, size_t at)
{
	_cleanup_free_ char *copy = fuzz_copy(data, n);
	enum message_result result;
	size_t done = 0, used;

	while (done < n && !f->ended) {
		const char *why = NULL;

		result = sink_request_feed(&f->request, copy + done, n - done, &used, &why);
		fuzz_assert(used && used <= n - done);
		done += used;
		if (result != MESSAGE_MORE)
			keep(f, result, why, at + done);
		else
			fuzz_assert(done == n);
	}
}

static struct finder *find(const uint8_t *data, size_t n, size_t piece)
{
	struct finder *f = calloc(1, sizeof(*f));

	fuzz_assert(f);
	sink_request_init(&f->request);
	for (size_t at = 0; at < n && !f->ended; at += piece)
		feed_piece(f, data + at, n - at < piece ? n - at : piece, at);
	return f;
}

static void check_same(const struct found *a, const struct found *b)
{
	fuzz_assert(a->result == b->result && a->status == b->status && a->why == b->why &&
		    a->end == b->end);
	fuzz_assert(a->keep_alive == b->keep_alive && a->head_method == b->head_method &&
		    a->is_http_1_0 == b->is_http_1_0 && a->wants_continue == b->wants_continue &&
		    a->wants_body == b->wants_body && a->n_content == b->n_content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t piece = fuzz_byte(&data, &n) % 64 + 1;
	_cleanup_free_ struct finder *whole = find(data, n, n ?: 1), *pieces = find(data, n, piece);

	fuzz_assert(whole->n == pieces->n);
	for (size_t i = 0; i < whole->n; i++)
		check_same(&whole->found[i], &pieces->found[i]);
	fuzz_assert(sink_request_begun(&whole->request) == sink_request_begun(&pieces->request));
	return 0;
}
