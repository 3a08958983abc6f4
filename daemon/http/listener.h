/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Listening sockets: inherited from systemd, or made from "ADDRESS:PORT" or "unix:PATH".
 */
#ifndef SAMPLER_HTTP_LISTENER_H
#define SAMPLER_HTTP_LISTENER_H

#include "util/address.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LISTENER_MAX 16

struct listeners {
	size_t n;
	int fd[LISTENER_MAX];
	struct address address[LISTENER_MAX];
	struct {
		dev_t device;
		ino_t inode;
	} file[LISTENER_MAX]; /* of our own UNIX sockets, to know them again; else 0 */
	bool inherited;	      /* somebody else's: never shut down, never unlinked */
};

int listeners_inherit(struct listeners *ret_listeners, struct error *err);
int listeners_add(struct listeners *listeners, const struct address *address, struct error *err);
int listeners_own(const struct listeners *listeners, uid_t uid, gid_t gid, struct error *err);
void listeners_close(struct listeners *listeners);

void listeners_notify_ready(const struct listeners *listeners);
void listeners_notify_reload(bool begins);
void listeners_notify_stopping(void);

#endif
