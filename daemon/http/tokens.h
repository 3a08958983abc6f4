/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_TOKENS_H
#define SAMPLER_HTTP_TOKENS_H

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKENS_MAX	 8
#define TOKEN_LEN_MIN	 16
#define TOKEN_LEN_MAX	 512
#define TOKEN_HASH_LEN	 32
#define TOKEN_COOKIE_MAX (16 + 1 + 2 * TOKEN_HASH_LEN + 1)
#define TOKEN_COOKIE_S	 (30 * 86400) /* how long a login lasts */

/* Tokens that let in, as their hashes; any of them will do. */
struct tokens {
	size_t n;
	unsigned char hash[TOKENS_MAX][TOKEN_HASH_LEN];
};

int tokens_parse(const char *text, size_t len, struct tokens *ret_tokens, struct error *err);
int tokens_find(const struct tokens *tokens, const char *token, size_t len);
void tokens_make_cookie(const struct tokens *tokens, int which, uint64_t now_s,
			char ret_cookie[TOKEN_COOKIE_MAX]);
bool tokens_know_cookie(const struct tokens *tokens, const char *cookie, size_t len,
			uint64_t now_s);

#endif
