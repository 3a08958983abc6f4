// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Where the server listens.
 *
 * Under systemd the sockets are systemd's: it made them, keeps them over our restarts, and so no
 * connection attempt is lost meanwhile. Such a socket is closed here and nothing else; shutdown(2)
 * would end it for systemd as well, and unlinking would take its path away.
 *
 * Our own are made while we still may (a low port, a folder of root's), and belong to the user whom we
 * become. A UNIX socket's file outlives its process; one that nobody answers on any more is replaced,
 * and at the end ours is removed, if it is still ours and the folder lets us.
 */
#include "http/listener.h"

#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BACKLOG	  511
#define UNIX_MODE 0660

static int inherit_one(struct listeners *listeners, int fd, struct error *err)
{
	struct address *address = &listeners->address[listeners->n];

	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
		return error_set(err, -EINVAL,
				 "descriptor %d from systemd is no listening stream socket: the "
				 "socket unit needs ListenStream= and Accept=no",
				 fd);
	address->len = sizeof(address->storage);
	if (getsockname(fd, &address->sa, &address->len))
		return error_set(err, -errno, "descriptor %d from systemd: %s", fd,
				 strerror(errno));
	if (address->sa.sa_family != AF_INET && address->sa.sa_family != AF_INET6 &&
	    address->sa.sa_family != AF_UNIX)
		return error_set(err, -EAFNOSUPPORT,
				 "descriptor %d from systemd is neither an IP nor a UNIX socket",
				 fd);
	if (address->sa.sa_family == AF_UNIX && !*address->un.sun_path)
		return error_set(err, -EINVAL,
				 "descriptor %d from systemd is an abstract UNIX socket, which has "
				 "no file whose mode says who may connect: ListenStream= needs a "
				 "path",
				 fd);
	listeners->fd[listeners->n++] = fd;
	return 0;
}

/**
 * listeners_inherit() - take the sockets that systemd has passed
 * @ret_listeners: them; n is 0 where there are none
 * @err: what is wrong with one
 *
 * See sd_listen_fds(3). The variables that name them are gone afterwards.
 *
 * Return: 0 or negative errno.
 */
int listeners_inherit(struct listeners *ret_listeners, struct error *err)
{
	struct listeners listeners = { .inherited = true };
	int n = sd_listen_fds(true), r = 0;

	if (n < 0)
		return error_set(err, n, "the sockets that systemd passes: %s", strerror(-n));
	if (n > LISTENER_MAX)
		return error_set(err, -E2BIG, "systemd passes %d sockets, %d are the limit", n,
				 LISTENER_MAX);
	for (int i = 0; !r && i < n; i++)
		r = inherit_one(&listeners, SD_LISTEN_FDS_START + i, err);
	listeners.inherited = n > 0;
	if (!r)
		*ret_listeners = listeners;
	return r;
}

/* ---- our own ---- */

static bool somebody_answers(const struct address *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 || !connect(fd, &address->sa, address->len) || errno != ECONNREFUSED;
}

/* Makes room for a UNIX socket's file: a socket that nobody listens at goes, all else stays. */
static int remove_stale(const struct address *address, struct error *err)
{
	const char *path = address->un.sun_path;
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "cannot listen at unix:%s: %s",
						   path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
				 "cannot listen at unix:%s: there is a file that is no socket",
				 path);
	if (somebody_answers(address))
		return error_set(err, -EADDRINUSE,
				 "cannot listen at unix:%s: another server answers there", path);
	if (unlink(path) && errno != ENOENT)
		return error_set(err, -errno, "cannot replace the stale unix:%s: %s", path,
				 strerror(errno));
	return 0;
}

static int set_options(int fd, int family)
{
	int on = 1;

	if (family == AF_UNIX)
		return fchmod(fd, UNIX_MODE); /* which the file that bind(2) makes will have */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -1;
	return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) : 0;
}

/*
 * Without the umask a UNIX socket's file has the mode of the socket. A chmod(2) by its path afterwards
 * could meet another file, which somebody who may write to the folder has put there.
 */
static int bind_to(int fd, const struct address *address)
{
	mode_t before = umask(0);
	int r = bind(fd, &address->sa, address->len);

	umask(before);
	return r;
}

static int note_file(struct listeners *listeners, size_t i)
{
	const char *path = listeners->address[i].un.sun_path;
	struct stat st;

	if (listeners->address[i].sa.sa_family != AF_UNIX)
		return 0;
	if (lstat(path, &st))
		return -1;
	listeners->file[i].device = st.st_dev;
	listeners->file[i].inode = st.st_ino;
	return 0;
}

static int failed_to_listen(const struct address *address, struct error *err)
{
	char text[ADDRESS_TEXT_MAX];
	int code = -errno;

	address_format(address, text);
	if (code == -EADDRINUSE)
		return error_set(err, code,
				 "cannot listen at %s: another process does; stop it (ss -ltnp "
				 "shows it) or choose another port",
				 text);
	return error_set(err, code, "cannot listen at %s: %s", text, strerror(-code));
}

/**
 * listeners_add() - listen at one more address
 * @listeners: gets the socket; not inherited ones
 * @address: where
 * @err: why not
 *
 * IPv6 sockets take no IPv4 connections. A UNIX socket's file has mode 0660.
 *
 * Return: 0, -EADDRINUSE where somebody else listens there, -E2BIG, or another negative errno.
 */
int listeners_add(struct listeners *listeners, const struct address *address, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r, family = address->sa.sa_family;

	if (listeners->n == LISTENER_MAX)
		return error_set(err, -E2BIG, "more than %d addresses to listen at", LISTENER_MAX);
	r = family == AF_UNIX ? remove_stale(address, err) : 0;
	if (r)
		return r;
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_options(fd, family) || bind_to(fd, address))
		return failed_to_listen(address, err);
	listeners->address[listeners->n] = *address;
	if (note_file(listeners, listeners->n) || listen(fd, BACKLOG))
		return failed_to_listen(address, err);
	listeners->fd[listeners->n++] = take_fd(&fd);
	return 0;
}

static bool is_ours(const struct listeners *listeners, size_t i, const struct stat *st)
{
	return st->st_dev == listeners->file[i].device && st->st_ino == listeners->file[i].inode;
}

/* Not by its path: what lies there may be another one's by now. Return: 0, or -1 with errno. */
static int own_file(const struct listeners *listeners, size_t i, uid_t uid, gid_t gid)
{
	_cleanup_close_ int fd =
		open(listeners->address[i].un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -1;
	if (!is_ours(listeners, i, &st)) {
		errno = ESTALE;
		return -1;
	}
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
}

/**
 * listeners_own() - give the files of our UNIX sockets to the user whom we become
 * @listeners: the sockets
 * @uid: their user
 * @gid: their group, which may connect
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int listeners_own(const struct listeners *listeners, uid_t uid, gid_t gid, struct error *err)
{
	for (size_t i = 0; i < listeners->n; i++) {
		const char *path = listeners->address[i].un.sun_path;

		if (listeners->file[i].inode && own_file(listeners, i, uid, gid))
			return error_set(err, -errno, "unix:%s: %s", path, strerror(errno));
	}
	return 0;
}

static void remove_file(const struct listeners *listeners, size_t i)
{
	const char *path = listeners->address[i].un.sun_path;
	struct stat st;

	if (listeners->file[i].inode && !lstat(path, &st) && is_ours(listeners, i, &st))
		unlink(path); /* where the folder is not ours, the next start replaces it */
}

/** listeners_close() - close all; the files of our own UNIX sockets go as well */
void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->n; i++) {
		remove_file(listeners, i);
		close(listeners->fd[i]);
	}
	listeners->n = 0;
}

/* ---- what systemd gets to know ---- */

/** listeners_notify_ready() - tell systemd, if there is one, that and where we listen */
void listeners_notify_ready(const struct listeners *listeners)
{
	char where[LISTENER_MAX * ADDRESS_TEXT_MAX] = "", text[ADDRESS_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < listeners->n; i++) {
		address_format(&listeners->address[i], text);
		n += snprintf(where + n, sizeof(where) - n, " %s", text);
	}
	sd_notifyf(false, "READY=1\nSTATUS=Listening at%s", where);
}

/** listeners_notify_reload() - tell systemd that we read files anew, or are done with it */
void listeners_notify_reload(bool begins)
{
	sd_notify(false, begins ? "RELOADING=1" : "READY=1");
}

/** listeners_notify_stopping() - tell systemd that we finish what is open */
void listeners_notify_stopping(void)
{
	sd_notify(false, "STOPPING=1\nSTATUS=Finishing open requests");
}
