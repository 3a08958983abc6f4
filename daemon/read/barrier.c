// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * "Permission denied" says neither which folder on the way is closed nor who may enter it, and whoever
 * meets it has to find out. Here it is found out: the way is gone from the root on, and the first folder
 * that is closed to this process is named, with its user and group.
 *
 * Only for the log: it names paths. Names of users are looked up when it is told, which may ask a
 * server; nobody should tell the same twice.
 */
#include "read/barrier.h"

#include "util/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define NAME_LENGTH 64

static int wanted_access(const struct barrier *b)
{
	return b->on_the_way ? X_OK : S_ISDIR(b->st.st_mode) ? R_OK | X_OK : R_OK;
}

/* The folders above the last one have let us by, so that it can be looked at. */
static int look_at(const char *path, size_t len, struct barrier *b)
{
	memcpy(b->path, path, len);
	b->path[len] = 0;
	b->on_the_way = path[len];
	if (stat(b->path, &b->st))
		return -errno;
	if (!access(b->path, wanted_access(b)))
		return -ENOENT;
	if (errno != EACCES)
		return -errno;
	b->group_helps = b->st.st_gid && (b->st.st_mode >> 3 & (unsigned int)wanted_access(b)) ==
						 (unsigned int)wanted_access(b);
	return 0;
}

/**
 * barrier_find() - what keeps this process from reading a file or listing a folder
 * @path: absolute
 * @ret_barrier: what does
 *
 * Return: 0, -ENOENT where nothing does or it is not there, or another negative errno.
 */
int barrier_find(const char *path, struct barrier *ret_barrier)
{
	struct barrier b;
	size_t len = strlen(path);
	int r = -ENOENT;

	if (len >= sizeof(b.path))
		return -ENAMETOOLONG;
	for (size_t i = 1; r == -ENOENT && i <= len; i++) {
		if (path[i] && path[i] != '/')
			continue;
		r = look_at(path, i, &b);
	}
	if (!r)
		*ret_barrier = b;
	return r;
}

static const char *user_name(uid_t uid, char buf[NAME_LENGTH])
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(buf, NAME_LENGTH, "%s", user->pw_name);
	else
		snprintf(buf, NAME_LENGTH, "%u", uid);
	return buf;
}

static const char *group_name(gid_t gid, char buf[NAME_LENGTH])
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(buf, NAME_LENGTH, "%s", group->gr_name);
	else
		snprintf(buf, NAME_LENGTH, "%u", gid);
	return buf;
}

static bool in_group(gid_t gid)
{
	gid_t groups[256];
	int n = getgroups(array_size(groups), groups);

	for (int i = 0; i < n; i++) {
		if (groups[i] == gid)
			return true;
	}
	return getegid() == gid;
}

/**
 * barrier_tell() - say who may, and how to become one of them
 * @barrier: from barrier_find()
 * @ret_text: one line
 */
void barrier_tell(const struct barrier *barrier, struct error *ret_text)
{
	const struct barrier *b = barrier;
	char owner[NAME_LENGTH], group[NAME_LENGTH], us[NAME_LENGTH];
	unsigned int mode = b->st.st_mode & 07777;

	user_name(b->st.st_uid, owner);
	group_name(b->st.st_gid, group);
	user_name(geteuid(), us);
	if (b->group_helps && in_group(b->st.st_gid))
		error_set(ret_text, 0, "an ACL or a security module closes %.200s to user %s",
			  b->path, us);
	else if (b->group_helps)
		error_set(
			ret_text, 0,
			"%.200s is open to user %s and group %s (mode %04o), and this is user %s: "
			"run it as one of them, or usermod -aG %s %s and start it again",
			b->path, owner, group, mode, us, group, us);
	else if (!b->st.st_uid && !b->st.st_gid && !b->on_the_way)
		error_set(ret_text, 0,
			  "%.200s is open to root alone (mode %04o), and this is user %s: "
			  "samplerd and sampler-web have to become the same user (--user)",
			  b->path, mode, us);
	else if (b->on_the_way)
		error_set(ret_text, 0,
			  "%.200s is closed to all but user %s (mode %04o), and this is user %s: "
			  "chmod o+x %.200s lets others pass",
			  b->path, owner, mode, us, b->path);
	else
		error_set(ret_text, 0,
			  "%.200s is closed to group %s (mode %04o): chmod g+r%s %.200s", b->path,
			  group, mode, S_ISDIR(b->st.st_mode) ? "x" : "", b->path);
}
