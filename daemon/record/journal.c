// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Log lines as entries of the journal: with the interface that they are about, and with the id by
 * which its catalog explains them. Only where standard error is the journal; elsewhere, and where the
 * journal does not take an entry, lines are plain ones on standard error.
 *
 * What sampler-attach@ and sampler-verify@ say is about the recorder's unit as much as about their own:
 * `journalctl -u sampler@eth0` has it too. Both are named in the entry (OBJECT_SYSTEMD_UNIT=, which
 * journalctl believes of root), for these units end with their message, and journald looks up the unit of
 * a sender that may be gone by then.
 */
#include "record/journal.h"

#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define SOCKET	       "/run/systemd/journal/socket" /* of sd_journal_sendv() */
#define MESSAGE_MAX    2048
#define INTERFACE_MAX  128
#define MESSAGE_ID_MAX 64
#define UNIT_MAX       320
#define FOR_RECORDER   "sampler-" /* sampler-attach@eth0.service works for sampler@eth0.service */

static void add(struct iovec *iov, int *n, char *text)
{
	iov[(*n)++] = (struct iovec){ text, strlen(text) };
}

/* Return: where the instance begins in the name of a unit that works for a recorder, or NULL. */
static const char *instance_of(const char *unit)
{
	return strncmp(unit, FOR_RECORDER, strlen(FOR_RECORDER)) ? NULL : strchr(unit, '@');
}

/* The two units that an entry is about, where we are one that root runs for a recorder. */
static int add_units(struct iovec *iov, int n, char ours[UNIT_MAX], char recorder[UNIT_MAX])
{
	const char *instance;
	char *unit;

	if (geteuid() || sd_pid_get_unit(0, &unit) < 0)
		return n;
	instance = instance_of(unit);
	if (instance) {
		snprintf(ours, UNIT_MAX, "OBJECT_SYSTEMD_UNIT=%s", unit);
		add(iov, &n, ours);
		snprintf(recorder, UNIT_MAX, "OBJECT_SYSTEMD_UNIT=sampler%s", instance);
		add(iov, &n, recorder);
	}
	free(unit);
	return n;
}

/* A log_sink_fn; @user is the interface, or NULL. */
static int send_line(int level, const char *message_id, const char *text, const void *user)
{
	char message[MESSAGE_MAX], priority[32], interface[INTERFACE_MAX], id[MESSAGE_ID_MAX];
	char ours[UNIT_MAX], recorder[UNIT_MAX];
	struct iovec iov[6];
	int n = 0;

	snprintf(message, sizeof(message), "MESSAGE=%s", text);
	add(iov, &n, message);
	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	add(iov, &n, priority);
	if (user) {
		snprintf(interface, sizeof(interface), "SAMPLER_INTERFACE=%s", (const char *)user);
		add(iov, &n, interface);
	}
	if (message_id) {
		snprintf(id, sizeof(id), "MESSAGE_ID=%s", message_id);
		add(iov, &n, id);
	}
	n = add_units(iov, n, ours, recorder);
	return sd_journal_sendv(iov, n);
}

/**
 * journal_start() - from here on, have log lines in the journal with fields
 * @ifname: interface that all of them are about, NULL: of none; has to live as long as the process
 *
 * Does nothing where standard error is not the journal, nor where a sandbox hides its socket, since
 * libsystemd then takes entries and drops them.
 */
void journal_start(const char *ifname)
{
	if (log_is_journal() && !access(SOCKET, W_OK))
		log_set_sink(send_line, ifname);
}
