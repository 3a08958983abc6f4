// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Answers kept for whoever asks the same next: ten pages that watch an interface ask ten times a
 * second for what changes once.
 *
 * Bounded in number and in bytes; the one that was longest of no use goes first. A body may still be
 * on its way to a slow client when it is thrown out of here, hence the counted references. There is
 * one thread.
 */
#include "http/answers.h"

#include "util/cleanup.h"

#include <errno.h>
#include <string.h>

struct slot {
	struct answer *answer; /* NULL: free */
	const struct endpoint *endpoint;
	char *query;
	size_t query_len;
	uint64_t version;
	uint64_t used; /* grows with each use of any slot */
};

struct answers {
	struct slot slot[ANSWERS_MAX_KEPT];
	size_t n_bytes; /* of all bodies and queries */
	uint64_t uses;
};

/**
 * answer_new() - a body and one reference to it
 * @type: media type, a constant
 * @body: from malloc(); owned by the answer, and freed where there is none
 * @len: bytes at @body
 *
 * Return: the answer, NULL without memory.
 */
struct answer *answer_new(const char *type, char *body, size_t len)
{
	struct answer *answer = malloc(sizeof(*answer));

	if (!answer) {
		free(body);
		return NULL;
	}
	*answer = (struct answer){ .references = 1, .type = type, .len = len, .body = body };
	return answer;
}

/** answer_release() - give up one reference */
void answer_release(struct answer *answer)
{
	if (--answer->references)
		return;
	free(answer->body);
	free(answer);
}

/**
 * answers_create() - nothing kept yet
 * @ret_answers: to be freed with answers_free()
 *
 * Return: 0 or -ENOMEM.
 */
int answers_create(struct answers **ret_answers)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return -ENOMEM;
	*ret_answers = answers;
	return 0;
}

static void drop(struct answers *answers, struct slot *slot)
{
	if (!slot->answer)
		return;
	answers->n_bytes -= slot->answer->len + slot->query_len;
	answer_release(slot->answer);
	free(slot->query);
	*slot = (struct slot){};
}

/** answers_free() - keep nothing any more; responses go on with their references */
void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	for (size_t i = 0; i < ANSWERS_MAX_KEPT; i++)
		drop(answers, &answers->slot[i]);
	free(answers);
}

static struct slot *find(struct answers *answers, const struct answer_key *key)
{
	for (size_t i = 0; i < ANSWERS_MAX_KEPT; i++) {
		struct slot *slot = &answers->slot[i];

		if (slot->answer && slot->endpoint == key->endpoint &&
		    slot->answer->type == key->type && slot->query_len == key->query_len &&
		    !memcmp(slot->query, key->query, key->query_len))
			return slot;
	}
	return NULL;
}

/**
 * answers_find() - what was answered to the same question at the same version
 * @answers: what is kept
 * @key: the question
 * @version: of what there is to be told now; an answer of another one is thrown away
 *
 * Return: a reference of the caller's own, or NULL.
 */
struct answer *answers_find(struct answers *answers, const struct answer_key *key, uint64_t version)
{
	struct slot *slot = find(answers, key);

	if (!slot)
		return NULL;
	if (slot->version != version) {
		drop(answers, slot);
		return NULL;
	}
	slot->used = ++answers->uses;
	slot->answer->references++;
	return slot->answer;
}

/* A free slot, else the one that was used longest ago. */
static struct slot *oldest(struct answers *answers)
{
	struct slot *found = &answers->slot[0];

	for (size_t i = 1; i < ANSWERS_MAX_KEPT; i++)
		if (answers->slot[i].used < found->used)
			found = &answers->slot[i];
	return found;
}

/* The one that was used longest ago, and is no free slot. */
static struct slot *oldest_kept(struct answers *answers)
{
	struct slot *found = NULL;

	for (size_t i = 0; i < ANSWERS_MAX_KEPT; i++) {
		struct slot *slot = &answers->slot[i];

		if (slot->answer && (!found || slot->used < found->used))
			found = slot;
	}
	return found;
}

/**
 * answers_keep() - keep an answer, in place of one that is older
 * @answers: where
 * @key: the question; copied
 * @version: of what it tells
 * @answer: gets one reference more, unless it is too large to be kept
 */
void answers_keep(struct answers *answers, const struct answer_key *key, uint64_t version,
		  struct answer *answer)
{
	size_t n_bytes = answer->len + key->query_len;
	char *query;
	struct slot *slot;

	if (n_bytes > ANSWERS_MAX_BYTES)
		return;
	query = malloc(key->query_len + 1);
	if (!query)
		return;
	memcpy(query, key->query, key->query_len);
	slot = find(answers, key) ?: oldest(answers);
	drop(answers, slot);
	while (answers->n_bytes + n_bytes > ANSWERS_MAX_BYTES)
		drop(answers, oldest_kept(answers));
	answers->n_bytes += n_bytes;
	answer->references++;
	*slot = (struct slot){ .answer = answer,
			       .endpoint = key->endpoint,
			       .query = query,
			       .query_len = key->query_len,
			       .version = version,
			       .used = ++answers->uses };
}
