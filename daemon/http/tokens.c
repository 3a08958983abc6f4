// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Bearer tokens (RFC 6750), and the cookies that stand for them in a browser.
 *
 * Tokens are kept and compared as SHA-256 hashes, each with each in constant time: neither the time nor the
 * length of a comparison says how much of a guess was right. A cookie is the time at which it ends and an HMAC of
 * that by a token's hash. So it is not the token and cannot be turned into it, it needs no list of who is
 * logged in and holds over a restart, and it is worth nothing once its token is taken out of the file.
 */
#include "http/tokens.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define EXPIRY_LEN 16 /* hexadecimal digits */

_Static_assert(TOKEN_HASH_LEN == SHA256_DIGEST_LENGTH, "a hash of SHA-256");

static bool is_token(const char *text, size_t len)
{
	static const char bytes[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr(bytes, text[i]))
			return false;
	return true;
}

static int add_token(struct tokens *tokens, const char *text, size_t len, unsigned int line,
		     struct error *err)
{
	if (len < TOKEN_LEN_MIN || len > TOKEN_LEN_MAX || !is_token(text, len))
		return error_set(
			err, -EINVAL,
			"line %u: expected a token of %d to %d letters, digits and -._~+/= "
			"(openssl rand -hex 32 makes a good one)",
			line, TOKEN_LEN_MIN, TOKEN_LEN_MAX);
	if (tokens->n == TOKENS_MAX)
		return error_set(err, -E2BIG, "line %u: more than %d tokens", line, TOKENS_MAX);
	SHA256((const unsigned char *)text, len, tokens->hash[tokens->n++]);
	return 0;
}

/**
 * tokens_parse() - read tokens, one a line
 * @text: lines; those that are empty or begin with # are none, blanks at the ends do not count
 * @len: bytes at @text
 * @ret_tokens: at least one
 * @err: what is wrong in which line, without the token
 *
 * Return: 0, -EINVAL, -E2BIG.
 */
int tokens_parse(const char *text, size_t len, struct tokens *ret_tokens, struct error *err)
{
	const char *end = text + len;
	struct tokens tokens = {};
	unsigned int line = 0;
	int r = 0;

	while (!r && text < end) {
		const char *next = memchr(text, '\n', (size_t)(end - text)) ?: end, *last = next;

		line++;
		while (text < last && isspace((unsigned char)*text))
			text++;
		while (last > text && isspace((unsigned char)last[-1]))
			last--;
		if (last > text && *text != '#')
			r = add_token(&tokens, text, (size_t)(last - text), line, err);
		text = next + (next < end);
	}
	if (!r && !tokens.n)
		r = error_set(err, -EINVAL, "has no token (openssl rand -hex 32 makes one)");
	if (!r)
		*ret_tokens = tokens;
	return r;
}

/**
 * tokens_find() - whether a token lets in
 * @tokens: those that do
 * @token: what somebody says, not NUL-terminated
 * @len: bytes at @token
 *
 * Return: which one it is, -ENOENT: none.
 */
int tokens_find(const struct tokens *tokens, const char *token, size_t len)
{
	unsigned char hash[TOKEN_HASH_LEN];
	int found = -ENOENT;

	if (len > TOKEN_LEN_MAX)
		return -ENOENT;
	SHA256((const unsigned char *)token, len, hash);
	for (size_t i = 0; i < tokens->n; i++)
		if (!CRYPTO_memcmp(hash, tokens->hash[i], sizeof(hash)))
			found = (int)i;
	return found;
}

static void sign(const unsigned char *key, const char *text,
		 unsigned char ret_signature[TOKEN_HASH_LEN])
{
	HMAC(EVP_sha256(), key, TOKEN_HASH_LEN, (const unsigned char *)text, EXPIRY_LEN,
	     ret_signature, NULL);
}

static void to_hex(const unsigned char *bytes, char *text)
{
	for (size_t i = 0; i < TOKEN_HASH_LEN; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

/**
 * tokens_make_cookie() - what a browser gets for a token
 * @tokens: those that let in
 * @which: as tokens_find() said
 * @now_s: Unix time
 * @ret_cookie: value of a cookie that lets in for TOKEN_COOKIE_S
 */
void tokens_make_cookie(const struct tokens *tokens, int which, uint64_t now_s,
			char ret_cookie[TOKEN_COOKIE_MAX])
{
	unsigned char signature[TOKEN_HASH_LEN];

	sprintf(ret_cookie, "%016" PRIx64 "-", now_s + TOKEN_COOKIE_S);
	sign(tokens->hash[which], ret_cookie, signature);
	to_hex(signature, ret_cookie + EXPIRY_LEN + 1);
}

/* Digits as tokens_make_cookie() writes them. Return: whether they are. */
static bool read_expiry(const char *text, uint64_t *ret_s)
{
	uint64_t value = 0;

	for (int i = 0; i < EXPIRY_LEN; i++) {
		const char *digits = "0123456789abcdef",
			   *at = text[i] ? strchr(digits, text[i]) : NULL;

		if (!at)
			return false;
		value = value << 4 | (uint64_t)(at - digits);
	}
	*ret_s = value;
	return true;
}

/**
 * tokens_know_cookie() - whether a cookie lets in
 * @tokens: those that let in now
 * @cookie: a cookie's value, not NUL-terminated
 * @len: bytes at @cookie
 * @now_s: Unix time
 *
 * Return: whether it is one of ours, of a token that still lets in, and has not ended.
 */
bool tokens_know_cookie(const struct tokens *tokens, const char *cookie, size_t len, uint64_t now_s)
{
	unsigned char signature[TOKEN_HASH_LEN];
	char text[2 * TOKEN_HASH_LEN + 1];
	uint64_t expires_s;
	bool known = false;

	if (len != TOKEN_COOKIE_MAX - 1 || !read_expiry(cookie, &expires_s) || expires_s <= now_s)
		return false;
	for (size_t i = 0; i < tokens->n; i++) {
		sign(tokens->hash[i], cookie, signature);
		to_hex(signature, text);
		known |= !CRYPTO_memcmp(text, cookie + EXPIRY_LEN + 1, 2 * TOKEN_HASH_LEN);
	}
	return known && cookie[EXPIRY_LEN] == '-';
}
