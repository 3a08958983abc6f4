// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is wrong with pins or a history, said twice: to the log once, in full, with its path and who may
 * read it; to clients without, since no path of the host is theirs to see. Errors of the lower layers
 * have paths in their text, so clients get words of our own, chosen by the error's number.
 *
 * A folder that is closed concerns all interfaces: the catalog, which lists it, logs that, and what
 * becomes of it for each of them is not logged again.
 */
#include "read/trouble.h"

#include "read/barrier.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *pins_words(int r)
{
	switch (-r) {
	case EPROTO:
		return "it was attached by another version of sampler; attach again to begin anew";
	case ENODATA:
		return "an attach is under way or was broken off; attach again if this stays";
	case EBADMSG:
		return "what is pinned in its place is not a sampler's";
	case EAGAIN:
		return "its description is half written; attach again if this stays";
	default:
		return NULL;
	}
}

static const char *history_words(int r)
{
	switch (-r) {
	case EPROTONOSUPPORT:
		return "its history is of another version of sampler";
	case EUCLEAN:
	case EIO:
		return "its history is damaged";
	case EINVAL:
	case ELOOP:
		return "what lies in the place of its history is not a regular file";
	default:
		return NULL;
	}
}

/**
 * trouble_say_closed() - what clients get to see of a permission that is missing
 * @what: "its pins", say
 * @path: of what cannot be read; not shown
 * @ret_said: one line
 */
void trouble_say_closed(const char *what, const char *path, struct error *ret_said)
{
	struct barrier barrier;

	error_set(ret_said, -EACCES, "%s cannot be read (Permission denied): %s", what,
		  !barrier_find(path, &barrier) && !barrier.group_helps
			  ? "sampler-web's log says what is closed to it"
			  : "sampler-web has to be in samplerd's group");
}

/**
 * trouble_log() - log a trouble, with who may read what cannot be read
 * @full: what cannot be done, and why
 * @path: to what
 */
void trouble_log(const struct error *full, const char *path)
{
	struct barrier barrier;
	struct error who;

	if (barrier_find(path, &barrier)) {
		log_warning("%s", full->text);
		return;
	}
	barrier_tell(&barrier, &who);
	log_warning("%s: %s", full->text, who.text);
}

/* Is it closed at the folder of all pins or histories, or above it? */
static bool is_everybodys(const struct trouble_place *place)
{
	struct barrier barrier;

	return !barrier_find(place->path, &barrier) &&
	       strlen(barrier.path) <= strlen(place->folder);
}

static void complain(struct trouble *trouble, const struct trouble_place *place, const char *what,
		     const char *words, int code, const struct error *full)
{
	struct error named;

	trouble->said = (struct error){ "" };
	if (code == -EACCES)
		trouble_say_closed(what, place->path, &trouble->said);
	else if (words)
		error_set(&trouble->said, code, "%s", words);
	else
		error_set(&trouble->said, code, "%s cannot be read: %s", what, strerror(-code));
	if (!strcmp(trouble->logged.text, full->text))
		return;
	trouble->logged = *full;
	if (code == -EACCES && is_everybodys(place))
		return;
	error_set(&named, code, "%s: %.400s", place->key, full->text);
	trouble_log(&named, place->path);
}

/**
 * trouble_pins() - pins cannot be read
 * @trouble: gets the words for clients
 * @place: which
 * @code: negative errno of pins_read_meta() or counters_map_open()
 * @full: its text, logged where it is another than the last
 */
void trouble_pins(struct trouble *trouble, const struct trouble_place *place, int code,
		  const struct error *full)
{
	complain(trouble, place, "its pins", pins_words(code), code, full);
}

/**
 * trouble_history() - a history cannot be read
 * @trouble: gets the words for clients
 * @place: which
 * @code: negative errno of history_open_reader() and its like
 * @full: its text, logged where it is another than the last
 */
void trouble_history(struct trouble *trouble, const struct trouble_place *place, int code,
		     const struct error *full)
{
	complain(trouble, place, "its history", history_words(code), code, full);
}

/**
 * trouble_is_over() - whether all is well; trouble that is over is worth a line when it comes again
 * @trouble: the trouble; whoever looks anew empties what it said before
 *
 * Return: true where nothing is said.
 */
bool trouble_is_over(struct trouble *trouble)
{
	if (!trouble->said.text[0])
		trouble->logged = (struct error){ "" };
	return !trouble->said.text[0];
}
