// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How a history file comes into being, is claimed by one writer, replaced, moved aside and purged.
 *
 * Invariants: the name <key>.hist never shows a half-made file, since a file is made under another
 * name, synced, and only then renamed. Whoever changes one of the names holds the lock, and nobody
 * but the writer holds it. It is a flock(2) on a file of its own, <key>.hist.lock, with mode 0600:
 * on the history itself everyone who may read it could take a lock, and keep a recorder from
 * starting. It goes with the last copy of its descriptor, so children must not inherit it across
 * fork(). Only its holder removes the lock's file, so whoever locks one looks whether it still has
 * its name. Nothing but history_purge() deletes records.
 *
 * Names are resolved from a directory descriptor. Callers own the descriptors they are given.
 */
#include "store/history-file.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define OPEN_FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) /* NONBLOCK: a FIFO must not stop us */

/**
 * history_dir_open() - open the directory and work out the names in it
 * @path: must stay valid while @ret_dir is in use
 * @key: a file name as model/key.h makes it
 * @ret_dir: to be closed with history_dir_close()
 * @err: why not
 *
 * Return: 0 or a negative errno.
 */
int history_dir_open(const char *path, const char *key, struct history_dir *ret_dir,
		     struct error *err)
{
	struct history_dir dir = { .path = path };

	if (!key[0] || key[0] == '.' || strchr(key, '/') || strlen(key) > NAME_MAX - 16)
		return error_set(err, -EINVAL, "cannot name a history file after \"%.64s\"", key);
	snprintf(dir.file, sizeof(dir.file), "%s.hist", key);
	snprintf(dir.fresh, sizeof(dir.fresh), "%s.hist.new", key);
	snprintf(dir.lock, sizeof(dir.lock), "%s.hist.lock", key);
	snprintf(dir.old, sizeof(dir.old), "%s.hist.old", key);
	dir.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir.fd < 0)
		return error_set(err, -errno, "cannot open the history's directory %s: %m", path);
	*ret_dir = dir;
	return 0;
}

/** history_dir_close() - release what history_dir_open() opened */
void history_dir_close(struct history_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

/**
 * history_file_pread() - read all of a range
 *
 * Return: 0, -EIO where the file ends too early, or another negative errno.
 */
int history_file_pread(int fd, void *buf, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/**
 * history_file_pwrite() - write all of a range
 *
 * Return: 0 or a negative errno.
 */
int history_file_pwrite(int fd, const void *buf, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n =
			pwrite(fd, (const char *)buf + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/**
 * history_file_open() - open the history file, and nothing that only has its name
 * @dir: where
 * @flags: O_RDONLY or O_RDWR
 * @ret_fd: the file
 * @ret_size: its size
 * @err: why not
 *
 * Return: 0, -ENOENT, -EINVAL for a directory, FIFO, symbolic link or the like, or another
 * negative errno.
 */
int history_file_open(const struct history_dir *dir, int flags, int *ret_fd, uint64_t *ret_size,
		      struct error *err)
{
	_cleanup_close_ int fd = openat(dir->fd, dir->file, flags | OPEN_FLAGS);
	struct stat st;

	if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return error_set(err, -EINVAL, "%s/%s is not a regular file; move it away",
				 dir->path, dir->file);
	if (fd < 0)
		return error_set(err, -errno, "cannot open %s/%s: %m", dir->path, dir->file);
	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "cannot stat %s/%s: %m", dir->path, dir->file);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s/%s is not a regular file; move it away",
				 dir->path, dir->file);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 0;
}

/**
 * history_file_read_constant() - a checked copy of a file's constant part
 * @dir: for messages
 * @fd: the file
 * @size: its size, by fstat(2)
 * @ret_constant: where the copy goes
 * @err: why not
 *
 * Return: 0, what history_disk_constant_check() returns, or what the read fails with.
 */
int history_file_read_constant(const struct history_dir *dir, int fd, uint64_t size,
			       struct history_disk_constant *ret_constant, struct error *err)
{
	struct history_disk_constant c;
	struct error why;
	int r;

	if (size < HISTORY_HEADER_SIZE)
		return error_set(err, -EUCLEAN, "cannot use %s/%s: it is cut off in its header",
				 dir->path, dir->file);
	r = history_file_pread(fd, &c, sizeof(c), 0);
	if (r < 0)
		return error_set(err, r, "cannot read %s/%s: %s", dir->path, dir->file,
				 strerror(-r));
	r = history_disk_constant_check(&c, size, &why);
	if (r < 0)
		return error_set(err, r, "cannot use %s/%s: %s", dir->path, dir->file, why.text);
	*ret_constant = c;
	return 0;
}

/**
 * history_file_own() - give the file to whom the place says
 *
 * Return: 0 or a negative errno.
 */
int history_file_own(const struct history_dir *dir, int fd, const struct history_place *place,
		     struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "cannot stat %s/%s: %m", dir->path, dir->file);
	if ((place->uid == (uid_t)-1 || place->uid == st.st_uid) &&
	    (place->gid == (gid_t)-1 || place->gid == st.st_gid))
		return 0;
	if (fchown(fd, place->uid, place->gid) < 0)
		return error_set(err, -errno, "cannot change the owner of %s/%s: %m", dir->path,
				 dir->file);
	return 0;
}

static bool is_named(const struct history_dir *dir, const char *name, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && fstatat(dir->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

static int error_busy(const struct history_dir *dir, int fd, struct error *err)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	if (n <= 0 || strspn(pid, "0123456789") != (size_t)n)
		return error_set(err, -EBUSY, "another process writes %s/%s; stop it first",
				 dir->path, dir->file);
	return error_set(err, -EBUSY, "another process (pid %s) writes %s/%s; stop it first", pid,
			 dir->path, dir->file);
}

static int take_lock(const struct history_dir *dir, int fd, struct error *err)
{
	struct stat st;
	char pid[16];

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s/%s is not a regular file; remove it", dir->path,
				 dir->lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? error_busy(dir, fd, err)
					    : error_set(err, -errno, "cannot lock %s/%s: %m",
							dir->path, dir->lock);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (ftruncate(fd, 0) == 0) /* only for the message above: failing does no harm */
		(void)history_file_pwrite(fd, pid, strlen(pid), 0);
	return 0;
}

/**
 * history_file_lock() - become the only one that may change the files of an interface
 * @dir: where
 * @place: whose the lock becomes, or NULL
 * @ret_fd: for history_file_unlock()
 * @err: why not
 *
 * Return: 0, -EBUSY where another process has the lock, or another negative errno.
 */
int history_file_lock(const struct history_dir *dir, const struct history_place *place, int *ret_fd,
		      struct error *err)
{
	for (int tries = 0; tries < 8; tries++) {
		_cleanup_close_ int fd =
			openat(dir->fd, dir->lock, O_RDWR | O_CREAT | OPEN_FLAGS, 0600);
		int r;

		if (fd < 0)
			return error_set(err, -errno, "cannot open %s/%s: %m", dir->path,
					 dir->lock);
		r = take_lock(dir, fd, err);
		if (r < 0)
			return r;
		if (!is_named(dir, dir->lock, fd))
			continue; /* its holder removed it between open and lock */
		r = place ? history_file_own(dir, fd, place, err) : 0;
		if (r == 0)
			*ret_fd = take_fd(&fd);
		return r;
	}
	return error_set(err, -EBUSY, "%s/%s is removed again and again", dir->path, dir->lock);
}

/** history_file_unlock() - give the lock back; @fd may be -1 */
void history_file_unlock(const struct history_dir *dir, int fd)
{
	if (fd < 0)
		return;
	(void)unlinkat(dir->fd, dir->lock, 0); /* one that stays is taken again */
	close(fd);
}

/*
 * On a copy-on-write file system (btrfs) each store through the map could need a new block, and a
 * full disk would then kill the writer with SIGBUS: ask for writing in place. Others refuse the
 * flag and do not need it.
 */
static void ask_for_writing_in_place(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && !(flags & FS_NOCOW_FL)) {
		flags |= FS_NOCOW_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static int allocate(const struct history_dir *dir, int fd, uint64_t size, struct error *err)
{
	int r;

	ask_for_writing_in_place(fd);
	do
		r = posix_fallocate(fd, 0, (off_t)size);
	while (r == EINTR);
	if (r)
		return error_set(err, -r, "cannot allocate %" PRIu64 " bytes for %s/%s: %s", size,
				 dir->path, dir->file, strerror(r));
	return 0;
}

/**
 * history_file_begin() - make a file of full size under the temporary name
 * @dir: where; the caller has the lock
 * @place: whose it becomes
 * @constant: its constant part; its rings read as empty
 * @ret_fd: the file, for history_file_publish()
 * @err: why not
 *
 * Return: 0; a negative errno, and nothing is left behind.
 */
int history_file_begin(const struct history_dir *dir, const struct history_place *place,
		       const struct history_disk_constant *constant, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r;

	history_file_abandon(dir); /* what a killed maker left */
	fd = openat(dir->fd, dir->fresh, O_RDWR | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);
	if (fd < 0)
		return error_set(err, -errno, "cannot make %s/%s: %m", dir->path, dir->fresh);
	r = history_file_own(dir, fd, place, err);
	if (r == 0)
		r = allocate(dir, fd, constant->file_size, err);
	if (r == 0 && fchmod(fd, 0640) < 0)
		r = error_set(err, -errno, "cannot set the mode of %s/%s: %m", dir->path,
			      dir->file);
	if (r == 0) {
		r = history_file_pwrite(fd, constant, sizeof(*constant), 0);
		if (r < 0)
			error_set(err, r, "cannot write %s/%s: %s", dir->path, dir->fresh,
				  strerror(-r));
	}
	if (r < 0)
		history_file_abandon(dir);
	else
		*ret_fd = take_fd(&fd);
	return r;
}

/**
 * history_file_publish() - show the made file under its name, in place of an older one
 * @dir: where; the caller has the lock
 * @fd: from history_file_begin()
 * @err: why not
 *
 * The file reaches the disk before its name does.
 *
 * Return: 0; a negative errno, and the made file is gone.
 */
int history_file_publish(const struct history_dir *dir, int fd, struct error *err)
{
	int r = fsync(fd) < 0 || renameat(dir->fd, dir->fresh, dir->fd, dir->file) < 0 ? -errno : 0;

	if (r < 0) {
		history_file_abandon(dir);
		return error_set(err, r, "cannot put %s/%s in place: %s", dir->path, dir->file,
				 strerror(-r));
	}
	(void)fsync(dir->fd); /* some file systems cannot; the name is right all the same */
	return 0;
}

/** history_file_supersede() - tell readers of a file that another one took its name */
void history_file_supersede(int fd)
{
	const uint64_t word = HISTORY_SUPERSEDED;

	/* Readers that miss it still see that the name leads to another file. */
	(void)history_file_pwrite(fd, &word, sizeof(word),
				  offsetof(struct history_disk_header, superseded.value));
}

/** history_file_abandon() - remove a file that history_file_begin() made */
void history_file_abandon(const struct history_dir *dir)
{
	(void)unlinkat(dir->fd, dir->fresh, 0);
}

/**
 * history_file_move_aside() - rename the file to <key>.hist.old, over an older one; needs the lock
 *
 * Return: 0 or a negative errno.
 */
int history_file_move_aside(const struct history_dir *dir, struct error *err)
{
	if (renameat(dir->fd, dir->file, dir->fd, dir->old) < 0)
		return error_set(err, -errno, "cannot rename %s/%s to %s: %m", dir->path, dir->file,
				 dir->old);
	return 0;
}

static int remove_names(const struct history_dir *dir, struct error *err)
{
	const char *const names[] = { dir->file, dir->fresh, dir->old };
	size_t n = 0;

	for (size_t i = 0; i < array_size(names); i++) {
		if (unlinkat(dir->fd, names[i], 0) == 0)
			n++;
		else if (errno != ENOENT)
			return error_set(err, -errno, "cannot remove %s/%s: %m", dir->path,
					 names[i]);
	}
	(void)fsync(dir->fd);
	return n ? 0 : error_set(err, -ENOENT, "there is no %s/%s", dir->path, dir->file);
}

/**
 * history_purge() - delete the history of an interface, with what was moved aside
 * @dir: directory of history files
 * @key: of the interface
 * @err: why not
 *
 * Return: 0, -ENOENT where there was none, -EBUSY while a recorder writes it, or another negative
 * errno.
 */
int history_purge(const char *dir, const char *key, struct error *err)
{
	_cleanup_(history_dir_close) struct history_dir d = { .fd = -1 };
	int lock_fd;
	int r = history_dir_open(dir, key, &d, err);

	if (r < 0)
		return r;
	r = history_file_lock(&d, NULL, &lock_fd, err);
	if (r < 0)
		return r;
	r = remove_names(&d, err);
	history_file_unlock(&d, lock_fd);
	return r;
}
