// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How many wrong tokens an address may try: GUESSES_AT_ONCE, and then one each GUESSES_EVERY_NS.
 *
 * One number an address tells all: when its guesses will have been forgiven, if no more come (the generic cell
 * rate algorithm, ITU-T I.371). Whoever has IPv6 has a /64 at least, so that is what counts as an address there.
 * Addresses are remembered in sets of a few; a new one takes the place of that which is forgiven first. So an
 * address is only ever judged by its own guesses, and whoever has more than GUESSES_MAX addresses gets as
 * many more guesses: tokens have to be long enough for that, and are.
 */
#include "http/guesses.h"

#include "model/layout.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8
#define SETS (GUESSES_MAX / WAYS)

/* IPv4 as IPv4-mapped IPv6, IPv6 as its /64; all zero: another family */
struct key {
	unsigned char byte[16];
};

struct guesser {
	struct key key;
	uint64_t forgiven_at_ns; /* 0: nobody */
};

struct guesses {
	uint64_t seed; /* nobody can choose addresses that meet in one set */
	struct guesser set[SETS][WAYS];
};

static struct key key_of(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	struct key key = {};

	if (address->sa_family == AF_INET) {
		key.byte[10] = key.byte[11] = 0xff;
		memcpy(key.byte + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(key.byte, &in6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) ? 16 : 8);
	}
	return key;
}

static struct guesser *set_of(struct guesses *guesses, const struct key *key)
{
	return guesses->set[hash64(key, sizeof(*key), guesses->seed) % SETS];
}

/* Return: its entry, or NULL. */
static struct guesser *find(struct guesser *set, const struct key *key)
{
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].forgiven_at_ns && !memcmp(&set[i].key, key, sizeof(*key)))
			return &set[i];
	return NULL;
}

static struct guesser *forgiven_first(struct guesser *set)
{
	struct guesser *first = set;

	for (size_t i = 1; i < WAYS; i++)
		if (set[i].forgiven_at_ns < first->forgiven_at_ns)
			first = &set[i];
	return first;
}

/**
 * guesses_wait_ns() - how long an address has to wait before its next guess
 * @guesses: what is known
 * @address: of the client
 * @now_ns: CLOCK_BOOTTIME
 *
 * Return: 0 where it may guess now.
 */
uint64_t guesses_wait_ns(struct guesses *guesses, const struct sockaddr *address, uint64_t now_ns)
{
	struct key key = key_of(address);
	const struct guesser *guesser = find(set_of(guesses, &key), &key);
	uint64_t enough_ns = now_ns + (GUESSES_AT_ONCE - 1) * GUESSES_EVERY_NS;

	return guesser && guesser->forgiven_at_ns > enough_ns ? guesser->forgiven_at_ns - enough_ns
							      : 0;
}

/**
 * guesses_count() - remember a wrong token
 * @guesses: what is known
 * @address: of the client
 * @now_ns: CLOCK_BOOTTIME, not 0
 */
void guesses_count(struct guesses *guesses, const struct sockaddr *address, uint64_t now_ns)
{
	struct key key = key_of(address);
	struct guesser *set = set_of(guesses, &key), *guesser = find(set, &key);

	if (!guesser) {
		guesser = forgiven_first(set);
		*guesser = (struct guesser){ .key = key };
	}
	if (guesser->forgiven_at_ns < now_ns)
		guesser->forgiven_at_ns = now_ns;
	guesser->forgiven_at_ns += GUESSES_EVERY_NS;
}

/**
 * guesses_create() - nobody has guessed yet
 * @seed: random
 * @ret_guesses: to be freed with guesses_free()
 *
 * Return: 0 or -ENOMEM.
 */
int guesses_create(uint64_t seed, struct guesses **ret_guesses)
{
	struct guesses *guesses = calloc(1, sizeof(*guesses));

	if (!guesses)
		return -ENOMEM;
	guesses->seed = seed;
	*ret_guesses = guesses;
	return 0;
}

/** guesses_free() - NULL is fine, too */
void guesses_free(struct guesses *guesses)
{
	free(guesses);
}
