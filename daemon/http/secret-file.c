// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Reading certificates, keys and tokens: small regular files, taken whole. What is wrong with one is
 * said with whose file it is, since most often it is just not readable for the user that we are.
 */
#include "http/secret-file.h"

#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int cannot_read(const char *name, const char *path, struct error *err)
{
	int code = -errno;
	struct stat st;

	if (code == -EACCES && !stat(path, &st))
		return error_set(err, code,
				 "%s %s: Permission denied: it is of user %u and group %u (mode "
				 "%04o), and this "
				 "process is user %u: let a group of its read it",
				 name, path, st.st_uid, st.st_gid, st.st_mode & 07777, geteuid());
	return error_set(err, code, "%s %s: %s", name, path, strerror(-code));
}

/* Return: bytes read, up to SECRET_FILE_MAX + 1, or a negative errno. */
static ssize_t read_whole(int fd, char *text)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len <= SECRET_FILE_MAX) {
		n = read(fd, text + len, SECRET_FILE_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	return n < 0 ? -errno : (ssize_t)len;
}

/**
 * secret_file_read() - read a file
 * @name: what it is, for messages: the key of the configuration
 * @path: where
 * @ret_file: its content; secret_file_forget() releases it
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int secret_file_read(const char *name, const char *path, struct secret_file *ret_file,
		     struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct secret_file file = {};
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return cannot_read(name, path, err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s %s: is no regular file", name, path);
	file.text = malloc(SECRET_FILE_MAX + 2);
	if (!file.text)
		return error_set(err, -ENOMEM, "no memory");
	n = read_whole(fd, file.text);
	file.len = n < 0 ? 0 : (size_t)n;
	file.text[file.len] = '\0';
	if (n > 0 && n <= SECRET_FILE_MAX) {
		file.mode = st.st_mode;
		*ret_file = file;
		return 0;
	}
	secret_file_forget(&file);
	if (n < 0)
		return error_set(err, (int)n, "%s %s: %s", name, path, strerror((int)-n));
	return error_set(err, -EINVAL, n ? "%s %s: is larger than 64 KiB" : "%s %s: is empty", name,
			 path);
}

/**
 * secret_file_warn() - say so where every user may read or change what has to be secret
 * @name: as secret_file_read() had it
 * @path: the same
 * @file: what was read
 */
void secret_file_warn(const char *name, const char *path, const struct secret_file *file)
{
	if (file->mode & (S_IROTH | S_IWOTH))
		log_warning("%s %s: every user of this machine can %s it (mode %04o): chmod o-rwx "
			    "it, and make a "
			    "new one",
			    name, path, file->mode & S_IROTH ? "read" : "change",
			    file->mode & 07777);
}

/** secret_file_forget() - overwrite and release what was read; nothing is fine, too */
void secret_file_forget(struct secret_file *file)
{
	if (file->text)
		explicit_bzero(file->text, file->len);
	free(file->text);
	*file = (struct secret_file){};
}
