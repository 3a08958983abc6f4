// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/response.c: whatever a server sends, and however it comes in pieces, shown to the parser or
 * skipped where it says so, the same comes out.
 *
 * The first byte says whether it answers a HEAD and whether bodies are skipped, the second how large
 * pieces are.
 */
#include "fuzz.h"

#include "response.h"

#include <stdbool.h>

struct outcome {
	enum response_result result, end;
	size_t used;
	const char *why, *why_end;
};

static size_t feed_piece(struct response *response, const uint8_t *data, size_t n, bool skips,
			 struct outcome *o)
{
	_cleanup_free_ char *copy = fuzz_copy(data, n);
	uint64_t skippable = skips ? response_skippable(response) : 0;
	size_t used = n;

	if (skippable) {
		used = n < skippable ? n : skippable;
		o->result = response_skip(response, used);
	} else {
		o->result = response_feed(response, copy, n, &used, &o->why);
		fuzz_assert(used <= n && (o->result != RESPONSE_MORE || used == n));
	}
	return used;
}

static void feed(struct response *response, const uint8_t *data, size_t n, size_t piece, bool skips,
		 struct outcome *o)
{
	*o = (struct outcome){ .result = RESPONSE_MORE };
	while (o->used < n && o->result == RESPONSE_MORE)
		o->used += feed_piece(response, data + o->used,
				      n - o->used < piece ? n - o->used : piece, skips, o);
	o->end = response_end(response, &o->why_end);
}

static void check(const struct response *response, const struct outcome *o)
{
	fuzz_assert((o->result == RESPONSE_BAD) == (o->why != NULL));
	fuzz_assert((o->end == RESPONSE_BAD) == (o->why_end != NULL));
	fuzz_assert(o->end != RESPONSE_MORE);
	fuzz_assert(response->message.n_head + response->message.n_body == o->used);
	fuzz_assert(response->message.n_content <= response->message.n_body);
	fuzz_assert(response->message.n_head <= RESPONSE_MAX_HEAD + 1);
	if (o->result == RESPONSE_DONE)
		fuzz_assert(response->status >= 200 && response->status <= 599);
	if (o->result == RESPONSE_BAD || o->end == RESPONSE_BAD)
		fuzz_assert(!response->keep_alive);
}

/* What is known again is read as the first time. */
static void check_known(const struct response *whole, const struct outcome *o, bool head_request,
			const uint8_t *data, size_t n)
{
	_cleanup_free_ char *copy = fuzz_copy(data, n);
	struct response_memory memory = { 0 };
	struct response response;

	for (int i = 0; i < 3; i++) {
		const char *why = NULL;
		size_t used = 0;

		response_init(&response, head_request);
		fuzz_assert(response_feed_known(&response, &memory, copy, n, &used, &why) ==
			    o->result);
		fuzz_assert(used == o->used && why == o->why);
		fuzz_assert(response.status == whole->status);
		fuzz_assert(response.message.n_head == whole->message.n_head &&
			    response.message.n_body == whole->message.n_body &&
			    response.message.n_content == whole->message.n_content);
		if (o->result == RESPONSE_DONE)
			fuzz_assert(response.keep_alive == whole->keep_alive);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t flags = fuzz_byte(&data, &n);
	size_t piece = fuzz_byte(&data, &n) % 64 + 1;
	struct response whole, pieces;
	struct outcome a, b;

	response_init(&whole, flags & 1);
	response_init(&pieces, flags & 1);
	feed(&whole, data, n, n ?: 1, false, &a);
	feed(&pieces, data, n, piece, flags & 2, &b);
	check(&whole, &a);
	check(&pieces, &b);
	check_known(&whole, &a, flags & 1, data, n);
	fuzz_assert(a.result == b.result && a.end == b.end && a.used == b.used && a.why == b.why &&
		    a.why_end == b.why_end);
	fuzz_assert(whole.status == pieces.status && whole.keep_alive == pieces.keep_alive &&
		    whole.message.n_head == pieces.message.n_head &&
		    whole.message.n_body == pieces.message.n_body &&
		    whole.message.n_content == pieces.message.n_content);
	return 0;
}
