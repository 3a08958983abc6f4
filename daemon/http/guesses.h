/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_GUESSES_H
#define SAMPLER_HTTP_GUESSES_H

#include <stdint.h>
#include <sys/socket.h>

#define GUESSES_AT_ONCE	 10
#define GUESSES_EVERY_NS (6ull * 1000000000) /* one more, afterwards */
#define GUESSES_MAX	 1024		     /* addresses that are remembered */

struct guesses;

int guesses_create(uint64_t seed, struct guesses **ret_guesses);
void guesses_free(struct guesses *guesses);
uint64_t guesses_wait_ns(struct guesses *guesses, const struct sockaddr *address, uint64_t now_ns);
void guesses_count(struct guesses *guesses, const struct sockaddr *address, uint64_t now_ns);

#endif
