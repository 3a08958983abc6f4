// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Responses, good and bad. Pieces are handed over in memory of just their size, so that ASan sees
 * every byte read too far.
 */
#include "responses.h"

#include "unit.h"
#include "util/cleanup.h"

#include <stdlib.h>
#include <string.h>

const struct good goods[] = {
	/* status lines */
	{ OK "Content-Length: 0\r\n\r\n", 200, .keep_alive = true },
	{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, .keep_alive = true },
	{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, .keep_alive = true },
	{ "HTTP/1.1 404 Not Found, \xc3\xa4\t!\r\nContent-Length: 0\r\n\r\n", 404,
	  .keep_alive = true },
	{ "HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", 599, .keep_alive = true },
	{ "HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n", 200, .keep_alive = true },
	/* Content-Length */
	{ OK "Content-Length: 5\r\n\r\nhello", 200, .keep_alive = true, .n_body = 5 },
	{ OK "content-length:5\r\n\r\nhello", 200, .keep_alive = true, .n_body = 5 },
	{ OK "CONTENT-LENGTH: \t 5 \t\r\n\r\nhello", 200, .keep_alive = true, .n_body = 5 },
	{ OK "Content-Length: 005\r\n\r\nhello", 200, .keep_alive = true, .n_body = 5 },
	{ OK "Content-Length: 5, 5\r\n\r\nhello", 200, .keep_alive = true, .n_body = 5 },
	{ OK "Content-Length: 5\r\nContent-Length: 05\r\n\r\nhello", 200, .keep_alive = true,
	  .n_body = 5 },
	{ OK "Content-Length: 2\r\n\r\n\r\n", 200, .keep_alive = true, .n_body = 2 },
	{ OK "Content-Length: 3\r\n\r\nabcHTTP", 200, .keep_alive = true, .n_body = 3,
	  .n_rest = 4 },
	{ OK "Content-Length: 0\r\n\r\n\r\n", 200, .keep_alive = true, .n_rest = 2 },
	{ OK "Content-Length: 0\r\n\r\n" OK, 200, .keep_alive = true, .n_rest = sizeof(OK) - 1 },
	/* other headers */
	{ OK "Server: x\r\nX:\r\nY: a,b;c=\"d\"\r\nContent-Length: 1\r\n\r\na", 200,
	  .keep_alive = true, .n_body = 1 },
	{ OK "!#$%&'*+-.^_`|~09azAZ: \xff\t\x80\r\nContent-Length: 0\r\n\r\n", 200,
	  .keep_alive = true },
	{ OK "X: Content-Length: 5\r\nContent-Length: 0\r\n\r\n", 200, .keep_alive = true },
	{ OK "Content-Lengths: 5\r\nX-Content-Length: 7\r\nContent-Length: 0\r\n\r\n", 200,
	  .keep_alive = true },
	/* bodies that end with the connection */
	{ OK "\r\n", 200, .ends = true },
	{ OK "\r\nanything\r\n\r\n\n\x01", 200, .ends = true, .n_body = 14 },
	{ "HTTP/1.0 200 OK\r\n\r\nold", 200, .ends = true, .n_body = 3 },
	{ OK "Connection: keep-alive\r\n\r\nabc", 200, .ends = true, .n_body = 3 },
	{ OK "Transfer-Encoding: gzip\r\n\r\nabc", 200, .ends = true, .n_body = 3 },
	{ "HTTP/1.1 205 x\r\n\r\n", 205, .ends = true },
	/* Connection */
	{ OK "Connection: close\r\nContent-Length: 1\r\n\r\na", .status = 200, .n_body = 1 },
	{ OK "Connection: CLOSE\r\nContent-Length: 0\r\n\r\n", .status = 200 },
	{ OK "Connection: foo , , close,bar\r\nContent-Length: 0\r\n\r\n", .status = 200 },
	{ OK "Connection: foo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", .status = 200 },
	{ OK "Connection: closed, not-close\r\nContent-Length: 0\r\n\r\n", 200,
	  .keep_alive = true },
	{ OK "Connection: keep-alive, close\r\nContent-Length: 0\r\n\r\n", .status = 200 },
	{ OK "Connection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
	  .status = 200 },
	{ OK "Connection:\r\nContent-Length: 0\r\n\r\n", 200, .keep_alive = true },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", .status = 200, .n_body = 2 },
	{ "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nab", 200,
	  .keep_alive = true, .n_body = 2 },
	/* no body, whatever the headers say */
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, .keep_alive = true },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/", 204, .keep_alive = true,
	  .n_rest = 5 },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, .keep_alive = true },
	{ "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304,
	  .keep_alive = true },
	{ OK "Content-Length: 500\r\n\r\n", 200, .keep_alive = true, .head_request = true },
	{ CHUNKED, 200, .keep_alive = true, .head_request = true },
	{ OK "\r\n", 200, .keep_alive = true, .head_request = true },
	{ OK "Connection: close\r\n\r\n", 200, .head_request = true },
	/* chunked */
	{ CHUNKED "0\r\n\r\n", 200, .keep_alive = true, .n_body = 5 },
	{ CHUNKED "5\r\nhello\r\n0\r\n\r\n", 200, .keep_alive = true, .n_body = 15 },
	{ CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\nX", 200, .keep_alive = true,
	  .n_body = 36, .n_rest = 1 },
	{ CHUNKED "0000000000000000000000005\r\nhello\r\n0\r\n\r\n", 200, .keep_alive = true,
	  .n_body = 39 },
	{ CHUNKED "9\r\n012345678\r\nf\r\n0123456789abcde\r\n0\r\n\r\n", 200, .keep_alive = true,
	  .n_body = 39 },
	{ CHUNKED "2\r\n\r\n\r\n0\r\n\r\n", 200, .keep_alive = true, .n_body = 12 },
	{ CHUNKED "5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", 200, .keep_alive = true,
	  .n_body = 29 },
	{ CHUNKED "5 \t; a\r\nhello\r\n0\r\n\r\n", 200, .keep_alive = true, .n_body = 20 },
	{ CHUNKED "0\r\nX-Sum: 5\r\nContent-Length: 9\r\n\r\n", 200, .keep_alive = true,
	  .n_body = 34 },
	{ CHUNKED "0\r\nConnection: close\r\n\r\n", 200, .keep_alive = true, .n_body = 24 },
	{ OK "TRANSFER-encoding:\tChunked \r\n\r\n0\r\n\r\n", 200, .keep_alive = true,
	  .n_body = 5 },
	{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 200, .keep_alive = true,
	  .n_body = 5 },
	{ OK "Transfer-Encoding: a;b=c\r\nTransfer-Encoding: , chunked ,\r\n\r\n0\r\n\r\n", 200,
	  .keep_alive = true, .n_body = 5 },
	{ OK "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .status = 200,
	  .n_body = 5 },
	/* interim responses */
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na", 200, .keep_alive = true,
	  .n_body = 1 },
	{ "HTTP/1.1 103 x\r\nLink: <a>\r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 204 \r\n\r\n", 204,
	  .keep_alive = true },
	{ "HTTP/1.1 100 x\r\nConnection: close\r\nContent-Length: 7\r\n\r\n" OK
	  "Content-Length: 0\r\n\r\n",
	  200, .keep_alive = true },
	{ "HTTP/1.0 100 x\r\n\r\n" CHUNKED "0\r\n\r\n", 200, .keep_alive = true, .n_body = 5 },
};

const size_t n_goods = array_size(goods);

const struct bad bads[] = {
	/* not HTTP/1 */
	{ "SSH-2.0-OpenSSH\r\n", "status line" },
	{ "\x15\x03\x01", "status line" },
	{ "\r\n", "status line" },
	{ "\n", "status line" },
	{ " HTTP/1.1 200 OK\r\n", "status line" },
	{ "http/1.1 200 OK\r\n", "status line" },
	{ "HTTP/2.0 200 OK\r\n", "status line" },
	{ "HTTP/1,1 200 OK\r\n", "status line" },
	{ "HTTP/1.\r\n", "status line" },
	{ "HTTP/1.1\r\n", "status line" },
	{ "HTTP/1.1 \r\n", "status line" },
	{ "HTTP/1.1 20\r\n", "status line" },
	{ "HTTP/1.x 200 OK\r\n", "status line" },
	{ "HTTP/1.11 200 OK\r\n", "status line" },
	{ "HTTP/1.1\t200 OK\r\n", "status line" },
	{ "HTTP/1.1  200 OK\r\n", "status code" },
	{ "HTTP/1.1 2000 OK\r\n", "status code" },
	{ "HTTP/1.1 20x OK\r\n", "status code" },
	{ "HTTP/1.1 -20 OK\r\n", "status code" },
	{ "HTTP/1.1 099 OK\r\n", "status code" },
	{ "HTTP/1.1 600 OK\r\n", "status code" },
	{ "HTTP/1.1 200\tOK\r\n", "status code" },
	{ "HTTP/1.1 101 Switching\r\n", "101" },
	/* lines */
	{ "HTTP/1.1 200 OK\n", "LF without CR" },
	{ "HTTP/1.1 200 OK\rX", "CR without LF" },
	{ "HTTP/1.1 200 OK\r\r", "CR without LF" },
	{ "HTTP/1.1 200 O\x01", "control character" },
	{ "HTTP/1.1 200 O\x7f", "control character" },
	{ OK "X: a\n", "LF without CR" },
	{ OK "X: a\rb", "CR without LF" },
	{ OK "X: a\x0b", "control character" },
	{ OK "\n", "LF without CR" },
	{ OK "\r\r", "CR without LF" },
	/* headers */
	{ OK "X\r\n", "name: value" },
	{ OK ": x\r\n", "name: value" },
	{ OK "X : x\r\n", "name: value" },
	{ OK "X\t: x\r\n", "name: value" },
	{ OK "X(y): x\r\n", "name: value" },
	{ OK "\xc3\xa4: x\r\n", "name: value" },
	{ OK " X: x\r\n", "folded" },
	{ OK "X: x\r\n y\r\n", "folded" },
	{ OK "X: x\r\n\ty: z\r\n", "folded" },
	{ OK "X: x\r\n \r\n", "folded" },
	/* Content-Length */
	{ OK "Content-Length:\r\n", "not a number" },
	{ OK "Content-Length: -1\r\n", "not a number" },
	{ OK "Content-Length: +1\r\n", "not a number" },
	{ OK "Content-Length: 1.0\r\n", "not a number" },
	{ OK "Content-Length: 0x10\r\n", "not a number" },
	{ OK "Content-Length: 5 5\r\n", "not a number" },
	{ OK "Content-Length: 5;\r\n", "not a number" },
	{ OK "Content-Length: 5,\r\n", "not a number" },
	{ OK "Content-Length: 5,,5\r\n", "not a number" },
	{ OK "Content-Length: 18446744073709551615\r\n", "not a number" },
	{ OK "Content-Length: 99999999999999999999\r\n", "not a number" },
	{ OK "Content-Length: 5, 6\r\n", "differ" },
	{ OK "Content-Length: 5\r\nContent-Length: 6\r\n", "differ" },
	{ OK "Content-Length: 0\r\nContent-Length: 6\r\n", "differ" },
	/* Transfer-Encoding */
	{ OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "both" },
	{ OK "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "both" },
	{ OK "Transfer-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "both" },
	{ "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "both" },
	{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0" },
	{ OK "Transfer-Encoding:\r\n", "without a coding" },
	{ OK "Transfer-Encoding: ,\r\n", "without a coding" },
	{ OK "Transfer-Encoding: \"chunked\"\r\n", "list of codings" },
	{ OK "Transfer-Encoding: chunked, gzip\r\n", "after chunked" },
	{ OK "Transfer-Encoding: chunked, chunked\r\n", "after chunked" },
	{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "after chunked" },
	{ OK "Transfer-Encoding: chunked;q=1\r\n", "parameters" },
	{ OK "Transfer-Encoding: CHUNKED ;q\r\n", "parameters" },
	/* chunks */
	{ CHUNKED "\r\n", "without a size" },
	{ CHUNKED "g\r\n", "not a hexadecimal" },
	{ CHUNKED ";a\r\n", "not a hexadecimal" },
	{ CHUNKED "-1\r\n", "not a hexadecimal" },
	{ CHUNKED " 5\r\n", "not a hexadecimal" },
	{ CHUNKED "0x5\r\n", "neither an extension" },
	{ CHUNKED "5 \r\n", "neither an extension" },
	{ CHUNKED "5 5\r\n", "neither an extension" },
	{ CHUNKED "5,a\r\n", "neither an extension" },
	{ CHUNKED "10000000000000000\r\n", "too large" },
	{ CHUNKED "ffffffffffffffffff\r\n", "too large" },
	{ CHUNKED "5\n", "LF without CR" },
	{ CHUNKED "5;a\x01", "control character" },
	{ CHUNKED "5\r\nhellox\r\n", "longer than its size" },
	{ CHUNKED "5\r\nhello\n", "LF without CR" },
	{ CHUNKED "5\r\nhello\rx", "CR without LF" },
	{ CHUNKED "0\r\nx\r\n", "name: value" },
	{ CHUNKED "0\r\n x: y\r\n", "folded" },
	{ CHUNKED "0\r\nx: y\n", "LF without CR" },
	/* the second response of a pair */
	{ "HTTP/1.1 100 Continue\r\n\r\nhello", "status line" },
	{ "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello", "status line" },
};

const size_t n_bads = array_size(bads);

/* Feeds a copy of n bytes that ends where its memory does. */
enum response_result feed_piece(struct response *response, const char *data, size_t n,
				size_t *ret_used, const char **ret_why)
{
	_cleanup_free_ char *copy = malloc(n ?: 1);

	assert_non_null(copy);
	memcpy(copy, data, n);
	return response_feed(response, copy, n, ret_used, ret_why);
}

/* Feeds until there is nothing more, or more is not wanted. Return: how much was used. */
size_t feed_text(struct response *response, const char *text, size_t n,
		 const struct cutting *cutting, enum response_result *ret_result,
		 const char **ret_why)
{
	size_t at = 0, piece = cutting->first;
	enum response_result result = RESPONSE_MORE;

	for (; at < n && result == RESPONSE_MORE; piece = cutting->size) {
		uint64_t skippable = cutting->skips ? response_skippable(response) : 0;
		size_t used = n - at < piece ? n - at : piece;

		if (skippable) {
			used = used < skippable ? used : skippable;
			result = response_skip(response, used);
		} else {
			size_t n_piece = used;

			result = feed_piece(response, text + at, n_piece, &used, ret_why);
			assert_true(used <= n_piece);
			assert_true(result != RESPONSE_MORE || used == n_piece);
		}
		at += used;
	}
	*ret_result = result;
	return at;
}
