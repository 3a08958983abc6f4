// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Log lines as entries of the journal: with the interface that they are about, and with the id by
 * which its catalog explains them. Only where standard error is the journal; elsewhere, and where the
 * journal does not take an entry, lines are plain ones on standard error.
 */
#include "record/journal.h"

#include "util/log.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define SOCKET	       "/run/systemd/journal/socket" /* of sd_journal_sendv() */
#define MESSAGE_MAX    2048
#define INTERFACE_MAX  128
#define MESSAGE_ID_MAX 64

static void add(struct iovec *iov, int *n, char *text)
{
	iov[(*n)++] = (struct iovec){ text, strlen(text) };
}

/* A log_sink_fn; @user is the interface, or NULL. */
static int send_line(int level, const char *message_id, const char *text, const void *user)
{
	char message[MESSAGE_MAX], priority[32], interface[INTERFACE_MAX], id[MESSAGE_ID_MAX];
	struct iovec iov[4];
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
