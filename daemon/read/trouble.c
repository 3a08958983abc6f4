// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is wrong with pins or a history, said twice: to the log once, in full and with its path; to
 * clients without, since no path of the host is theirs to see. Errors of the lower layers have paths
 * in their text, so clients get words of our own, chosen by the error's number.
 */
#include "read/trouble.h"

#include "util/log.h"

#include <errno.h>
#include <string.h>

static const char *pins_words(int r)
{
	switch (-r) {
	case EPROTO:
		return "it was attached by another version of sampler; attach again to begin anew";
	case EACCES:
	case EPERM:
		return "no permission to read its counters: run as root or join the group that may";
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
	case EACCES:
	case EPERM:
		return "no permission to read its history: run as root or join the group that may";
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

static void complain(struct trouble *trouble, const char *key, const char *what, const char *words,
		     int code, const struct error *full)
{
	trouble->said = (struct error){ "" };
	if (words)
		error_set(&trouble->said, code, "%s", words);
	else
		error_set(&trouble->said, code, "%s cannot be read: %s", what, strerror(-code));
	if (!strcmp(trouble->logged.text, full->text))
		return;
	trouble->logged = *full;
	log_warning("%s: %s", key, full->text);
}

/**
 * trouble_pins() - pins cannot be read
 * @trouble: gets the words for clients
 * @key: of the interface, for the log
 * @code: negative errno of pins_read_meta() or counters_map_open()
 * @full: its text, logged where it is another than the last
 */
void trouble_pins(struct trouble *trouble, const char *key, int code, const struct error *full)
{
	complain(trouble, key, "what is pinned", pins_words(code), code, full);
}

/**
 * trouble_history() - a history cannot be read
 * @trouble: gets the words for clients
 * @key: of the interface, for the log
 * @code: negative errno of history_open_reader() and its like
 * @full: its text, logged where it is another than the last
 */
void trouble_history(struct trouble *trouble, const char *key, int code, const struct error *full)
{
	complain(trouble, key, "its history", history_words(code), code, full);
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
