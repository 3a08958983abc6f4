// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * util/privileges.c: nothing is left after the drop. Each drop happens in a child process, since it
 * cannot be undone; the child's checks read /proc and try things, they do not ask the code under
 * test.
 */
#include "unit.h"

#include "util/cleanup.h"
#include "util/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define USER "nobody"

/* Runs check in a child. Return: what it returned. */
static int in_child(int (*check)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Whether /proc/self/status has this line, blanks and tabs taken alike. */
static bool status_has(const char *name, const char *value)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strlen(name);

		if (strncmp(line, name, n) || line[n] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		for (n++; line[n] == ' ' || line[n] == '\t';)
			n++;
		return !strcmp(line + n, value);
	}
	return false;
}

static int nothing_left(void)
{
	static const char none[] = "0000000000000000";
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	const struct passwd *user = getpwnam(USER);
	const gid_t before[] = { 0, 4, 27 };
	struct error err;

	if (!user || setgroups(array_size(before), before))
		return 1;
	if (privileges_drop(USER, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	for (size_t i = 0; i < array_size(sets); i++) {
		if (!status_has(sets[i], none))
			return 10 + (int)i;
	}
	if (!status_has("NoNewPrivs", "1"))
		return 3;
	if (getuid() != user->pw_uid || geteuid() != user->pw_uid || getgid() != user->pw_gid)
		return 4;
	if (!setuid(0) || !seteuid(0) || !setgid(0) || !setgroups(1, before))
		return 5;
	if (open("/proc/1/mem", O_RDONLY | O_CLOEXEC) >= 0 ||
	    open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0)
		return 6;
	return 0;
}

static int only_the_users_groups(void)
{
	const struct passwd *user = getpwnam(USER);
	const gid_t before[] = { 0, 4, 27 };
	gid_t expected[64], groups[64];
	int n_expected = array_size(expected), n;

	if (!user || getgrouplist(USER, user->pw_gid, expected, &n_expected) < 0)
		return 1;
	if (setgroups(array_size(before), before) || privileges_drop(USER, NULL))
		return 2;
	n = getgroups(array_size(groups), groups);
	if (n != n_expected || memcmp(groups, expected, (size_t)n * sizeof(*groups)))
		return 3;
	return 0;
}

/* As keep-capabilities and ambient sets are handed over by a supervisor. */
static int nothing_left_of_what_was_kept(void)
{
	static const char none[] = "0000000000000000";

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return 1;
	if (privileges_drop(USER, NULL))
		return 2;
	if (!status_has("CapPrm", none) || !status_has("CapEff", none))
		return 3;
	return 0;
}

static int refused_without_root(void)
{
	struct error err = { "" };

	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 1;
	if (privileges_drop(USER, &err) != -EPERM)
		return 2;
	return strncmp(err.text, "Cannot drop privileges: ", 24) ? 3 : 0;
}

static int refused_for_root(void)
{
	struct error err = { "" };

	if (privileges_drop("root", &err) != -EINVAL)
		return 1;
	if (!strstr(err.text, "\"root\"") || !strstr(err.text, "unprivileged"))
		return 2;
	return status_has("NoNewPrivs", "1") ? 3 : 0; /* nothing was begun */
}

static int shed_by_root(void)
{
	const struct passwd *user = getpwnam(USER);

	if (!user || privileges_shed(USER, NULL))
		return 1;
	if (!status_has("CapPrm", "0000000000000000") || !status_has("CapBnd", "0000000000000000"))
		return 2;
	return getuid() == user->pw_uid && getgid() == user->pw_gid ? 0 : 3;
}

/* One capability, which is not that of becoming somebody else: the user stays. */
static int shed_of_little(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	data[0].effective = data[0].permitted = 1U << CAP_NET_RAW;
	data[0].inheritable = 1U << CAP_NET_RAW;
	if (syscall(SYS_capset, &header, data) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0))
		return 1;
	if (privileges_shed(USER, NULL))
		return 2;
	if (!status_has("CapPrm", "0000000000000000") ||
	    !status_has("CapEff", "0000000000000000") ||
	    !status_has("CapInh", "0000000000000000") || !status_has("CapAmb", "0000000000000000"))
		return 3;
	if (!status_has("NoNewPrivs", "1") || geteuid())
		return 4;
	data[0].inheritable = 0;
	return syscall(SYS_capset, &header, data) ? 0 : 5; /* there is no way back */
}

static void shedding_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(shed_by_root), 0);
	assert_int_equal(in_child(shed_of_little), 0);
}

static void drop_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(nothing_left), 0);
}

static void drop_takes_the_users_groups(void **state)
{
	(void)state;
	assert_int_equal(in_child(only_the_users_groups), 0);
}

static void drop_overrides_keep_capabilities(void **state)
{
	(void)state;
	assert_int_equal(in_child(nothing_left_of_what_was_kept), 0);
}

static void drop_fails_without_root(void **state)
{
	(void)state;
	assert_int_equal(in_child(refused_without_root), 0);
}

static void drop_refuses_root_itself(void **state)
{
	(void)state;
	assert_int_equal(in_child(refused_for_root), 0);
}

static void lookup_finds_ids(void **state)
{
	const struct passwd *expected = getpwnam(USER);
	struct error err = { "untouched" };
	uid_t uid = 12345;
	gid_t gid = 12345;

	(void)state;
	assert_non_null(expected);
	assert_int_equal(privileges_lookup(USER, &uid, &gid, &err), 0);
	assert_int_equal(uid, expected->pw_uid);
	assert_int_equal(gid, expected->pw_gid);
	assert_int_equal(privileges_lookup("root", &uid, &gid, &err), 0);
	assert_int_equal(uid, 0);
	assert_string_equal(err.text, "untouched");
}

static void unknown_users_are_named(void **state)
{
	struct error err = { "" };
	uid_t uid = 12345;
	gid_t gid = 12345;

	(void)state;
	assert_int_equal(privileges_lookup("no-such-user", &uid, &gid, &err), -ESRCH);
	assert_non_null(strstr(err.text, "no user \"no-such-user\""));
	assert_int_equal(uid, 12345);
	assert_int_equal(gid, 12345);
	assert_int_equal(privileges_drop("no-such-user", &err), -ESRCH);
	assert_int_equal(privileges_lookup("", &uid, &gid, NULL), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_leaves_nothing),
		cmocka_unit_test(shedding_leaves_nothing),
		cmocka_unit_test(drop_takes_the_users_groups),
		cmocka_unit_test(drop_overrides_keep_capabilities),
		cmocka_unit_test(drop_fails_without_root),
		cmocka_unit_test(drop_refuses_root_itself),
		cmocka_unit_test(lookup_finds_ids),
		cmocka_unit_test(unknown_users_are_named),
	};

	if (geteuid()) {
		puts("1..0 # SKIP only root has privileges to drop");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
