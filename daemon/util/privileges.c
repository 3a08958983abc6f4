// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * From root to nobody in particular, for good.
 *
 * privileges_drop() gives up every privilege that the kernel knows of and then asks the kernel
 * whether that is so: a process that goes on after it returned 0 has no way back. Capabilities,
 * bounding set and no_new_privs belong to a thread, so call it before any thread is started. When it
 * fails the process is somewhere in between and has to end.
 *
 * Capabilities are read and written by the system calls themselves; libcap would be one more
 * library in a privileged process for two calls.
 */
#include "util/privileges.h"

#include "util/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define PASSWD_BUFFER_START 1024
#define PASSWD_BUFFER_MAX   (1 << 20)
#define CAPABILITY_LIMIT    64 /* the kernel's sets have room for no more */

static int passwd_read(const char *user, struct passwd *ret_passwd, char **ret_buffer)
{
	for (size_t size = PASSWD_BUFFER_START; size <= PASSWD_BUFFER_MAX; size *= 2) {
		_cleanup_free_ char *buffer = malloc(size);
		struct passwd *found = NULL;
		int r;

		if (!buffer)
			return -ENOMEM;
		r = getpwnam_r(user, ret_passwd, buffer, size, &found);
		if (r == ERANGE)
			continue;
		if (!found)
			return r ? -r : -ESRCH;
		*ret_buffer = take_ptr(buffer);
		return 0;
	}
	return -ENOBUFS;
}

/**
 * privileges_lookup() - find a user's ids
 * @user: name in the user database
 * @ret_uid: its user id
 * @ret_gid: its primary group
 * @err: why not
 *
 * Return: 0, -ESRCH when there is no such user, or another negative errno.
 */
int privileges_lookup(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct error *err)
{
	_cleanup_free_ char *buffer = NULL;
	struct passwd passwd;
	int r = passwd_read(user, &passwd, &buffer);

	if (r == -ESRCH || r == -ENOENT)
		return error_set(err, -ESRCH,
				 "no user \"%s\": make it (useradd -r %s), or name another one "
				 "(option --user, key user)",
				 user, user);
	if (r)
		return error_set(err, r, "cannot look up user \"%s\": %s", user, strerror(-r));
	*ret_uid = passwd.pw_uid;
	*ret_gid = passwd.pw_gid;
	return 0;
}

static int sys_failed(struct error *err, const char *what)
{
	int code = -errno;

	return error_set(err, code, "Cannot drop privileges: %s: %s", what, strerror(-code));
}

/* The bounding set shrinks only while CAP_SETPCAP is there, hence before the user changes. */
static int bounding_set_clear(struct error *err)
{
	for (unsigned long cap = 0; cap < CAPABILITY_LIMIT; cap++) {
		int held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (held < 0)
			break; /* past the last one that this kernel knows */
		if (held && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return sys_failed(err, "clear the bounding set (CAP_SETPCAP)");
	}
	return 0;
}

static int identity_change(const char *user, uid_t uid, gid_t gid, struct error *err)
{
	if (initgroups(user, gid))
		return sys_failed(err, "set the user's groups (CAP_SETGID)");
	if (setresgid(gid, gid, gid))
		return sys_failed(err, "change the group (CAP_SETGID)");
	if (setresuid(uid, uid, uid))
		return sys_failed(err, "change the user (CAP_SETUID)");
	return 0;
}

static int capabilities_clear(struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return sys_failed(err, "clear the ambient capabilities");
	if (syscall(SYS_capset, &header, none))
		return sys_failed(err, "clear the capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return sys_failed(err, "set no_new_privs");
	return 0;
}

/* Return: whether the kernel says which there are; of each set, low and high half. */
static bool capabilities_read(struct __user_cap_data_struct ret_data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return !syscall(SYS_capget, &header, ret_data);
}

static bool capabilities_held(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t any = 0;

	if (!capabilities_read(data))
		return true;
	for (size_t i = 0; i < array_size(data); i++)
		any |= data[i].effective | data[i].permitted | data[i].inheritable;
	return any;
}

static bool bounding_set_left(void)
{
	for (unsigned long cap = 0; cap < CAPABILITY_LIMIT; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			return true;
	return false;
}

static bool identity_is(uid_t uid, gid_t gid)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2]))
		return false;
	for (size_t i = 0; i < array_size(u); i++) {
		if (u[i] != uid || g[i] != gid)
			return false;
	}
	return true;
}

static int check_dropped(uid_t uid, gid_t gid, struct error *err)
{
	if (!identity_is(uid, gid))
		return error_set(err, -EPERM, "Cannot drop privileges: the user did not change");
	if (capabilities_held() || bounding_set_left())
		return error_set(err, -EPERM, "Cannot drop privileges: capabilities are left");
	if (!setuid(0))
		return error_set(err, -EPERM, "Cannot drop privileges: root can be had again");
	return 0;
}

/**
 * privileges_drop() - become @user, without any privilege and without a way back
 * @user: name in the user database; not root and no other name of user id 0
 * @err: why not
 *
 * Groups, group and user change for the whole process; all capability sets and the bounding set are
 * emptied and no_new_privs is set for the calling thread, which should be the only one. The result
 * is read back from the kernel. See capabilities(7).
 *
 * Return: 0, or a negative errno; then the process must not go on.
 */
int privileges_drop(const char *user, struct error *err)
{
	uid_t uid;
	gid_t gid;
	int r;

	r = privileges_lookup(user, &uid, &gid, err);
	if (r)
		return r;
	if (uid == 0)
		return error_set(err, -EINVAL,
				 "Cannot drop privileges to \"%s\": it has user id 0; name an "
				 "unprivileged user",
				 user);
	r = bounding_set_clear(err);
	if (!r)
		r = identity_change(user, uid, gid, err);
	if (!r)
		r = capabilities_clear(err);
	return r ? r : check_dropped(uid, gid, err);
}

static bool capability_held(unsigned int cap)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return capabilities_read(data) && data[cap / 32].effective & 1U << cap % 32;
}

/**
 * privileges_shed() - give up what privileges there are, also where that is little
 * @user: whom root becomes, where it may
 * @err: why not
 *
 * Of a process with capabilities but without the right to become somebody else the user stays as it is,
 * and so does its bounding set; no_new_privs keeps it from ever mattering.
 *
 * Return: 0, or a negative errno; then the process must not go on.
 */
int privileges_shed(const char *user, struct error *err)
{
	int r;

	if (!geteuid() && capability_held(CAP_SETUID) && capability_held(CAP_SETGID) &&
	    capability_held(CAP_SETPCAP))
		return privileges_drop(user, err);
	r = capabilities_clear(err);
	if (!r && (capabilities_held() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1))
		r = error_set(err, -EPERM, "Cannot drop privileges: capabilities are left");
	return r;
}
