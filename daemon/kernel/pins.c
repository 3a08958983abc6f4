// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The pinned maps of an interface: where they are, who may read them, what they say of themselves.
 *
 * Pins outlive every process; a reboot or `--detach` ends them. They belong to root and to one group
 * whose members read them (BPF_F_RDONLY, kernel 5.19 and later lets processes without capabilities
 * do so). Only --attach, --detach and --verify-attached write here.
 */
#include "kernel/pins.h"

#include "model/layout.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

const char *const pins_maps[PINS_N_MAPS] = {
	SAMPLER_MAP_COUNTERS,
	SAMPLER_MAP_CONTROL,
	SAMPLER_MAP_PORTS,
	SAMPLER_MAP_META,
};

/* The longest part of @path that exists: pin_dir itself is made by the first attach. */
static int stat_existing(const char *path, struct statfs *ret_fs, struct stat *ret_st)
{
	char buf[256];
	char *slash;

	if (snprintf(buf, sizeof(buf), "%s", path) >= (int)sizeof(buf))
		return -ENAMETOOLONG;
	while (statfs(buf, ret_fs)) {
		slash = strrchr(buf, '/');
		if (errno != ENOENT || !slash || slash == buf)
			return -errno;
		*slash = 0;
	}
	return stat(buf, ret_st) ? -errno : 0;
}

/**
 * pins_check_bpffs() - is there a bpffs where pins are to go
 * @pin_dir: folder of all pins
 * @ret_device: st_dev of the bpffs, which tells one mount of it from another
 * @err: what is missing and how to get it
 *
 * Return: 0, -ENOTDIR where it is another file system, or negative errno.
 */
int pins_check_bpffs(const char *pin_dir, uint64_t *ret_device, struct error *err)
{
	struct statfs fs;
	struct stat st;
	int r = stat_existing(pin_dir, &fs, &st);

	if (r)
		return error_set(err, r, "%s: %s", pin_dir, strerror(-r));
	if (fs.f_type != BPF_FS_MAGIC)
		return error_set(err, -ENOTDIR,
				 "no bpffs at %s: mount it (mount -t bpf bpf /sys/fs/bpf); "
				 "`ip netns exec` hides it, nsenter --net does not",
				 pin_dir);
	*ret_device = st.st_dev;
	return 0;
}

/**
 * pins_reach() - read pins by the way that is open
 * @pin_dir: folder of all pins; changed where it is the default one and closed to us, and its bind is not
 *
 * systemd mounts /sys/fs/bpf for root alone, and run-sampler-bpf.mount has the folder elsewhere too.
 */
void pins_reach(char pin_dir[])
{
	_Static_assert(sizeof(PINS_BIND_DIR) <= sizeof(PINS_DEFAULT_DIR), "it fits");

	if (!strcmp(pin_dir, PINS_DEFAULT_DIR) && access(pin_dir, X_OK) && errno == EACCES &&
	    !access(PINS_BIND_DIR, X_OK))
		strcpy(pin_dir, PINS_BIND_DIR);
}

/** pins_netns_inode() - Return: inode of this process's network namespace, 0 if unknown */
uint64_t pins_netns_inode(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}

/*
 * By a setting that the kernel shows in init's network namespace only. /proc/1/ns/net would need
 * privilege (ptrace), is hidden in a unit with ProtectProc=, and is another's in a container.
 */
static bool in_init_netns(void)
{
	return !access("/proc/sys/net/core/netdev_budget", F_OK);
}

static int set_dir(struct pins *pins, const char *pin_dir, const char *ifname, uint64_t netns)
{
	int r = key_from_interface(ifname, netns, pins->key, sizeof(pins->key));

	if (r)
		return r;
	r = snprintf(pins->dir, sizeof(pins->dir), "%s/%s", pin_dir, pins->key);
	return r >= (int)sizeof(pins->dir) ? -ENAMETOOLONG : 0;
}

/* Pins that say they are of another namespace are not ours, whatever their name. */
static bool of_this_netns(const struct pins *pins)
{
	struct sampler_meta meta;

	return pins_read_meta(pins, &meta, NULL) || meta.netns_inode == pins_netns_inode();
}

/**
 * pins_for_attach() - where the pins of an interface are to be
 * @pin_dir: folder of all pins
 * @ifname: interface
 * @ret_pins: filled on success; nothing is created
 * @err: why not
 *
 * The key is the plain name in init's network namespace and has the namespace's inode elsewhere.
 *
 * Return: 0 or negative errno.
 */
int pins_for_attach(const char *pin_dir, const char *ifname, struct pins *ret_pins,
		    struct error *err)
{
	struct pins pins;
	int r = set_dir(&pins, pin_dir, ifname, in_init_netns() ? 0 : pins_netns_inode());

	if (r)
		return error_set(err, r, "%s: path of pins too long", pin_dir);
	*ret_pins = pins;
	return 0;
}

/**
 * pins_find() - where the pins of an interface are
 * @pin_dir: folder of all pins
 * @ifname: interface, in the caller's network namespace
 * @ret_pins: filled on success
 * @err: why not
 *
 * Works without privilege: the key with the namespace's inode is tried first, then the plain one.
 *
 * Return: 0, -ENOENT where the interface is not sampled, or negative errno.
 */
int pins_find(const char *pin_dir, const char *ifname, struct pins *ret_pins, struct error *err)
{
	uint64_t candidates[] = { pins_netns_inode(), 0 };
	struct pins pins;

	for (size_t i = 0; i < array_size(candidates); i++) {
		if (set_dir(&pins, pin_dir, ifname, candidates[i]))
			continue;
		if (!access(pins.dir, X_OK)) {
			if (!candidates[i] && !of_this_netns(&pins))
				break;
			*ret_pins = pins;
			return 0;
		}
		if (errno != ENOENT)
			return error_set(err, -errno, "%s: %s: run as root or join the group",
					 pins.dir, strerror(errno));
	}
	return error_set(err, -ENOENT,
			 "%s is not sampled: no pins under %s (samplerd --attach %s, as root)",
			 ifname, pin_dir, ifname);
}

/**
 * pins_key() - the key of an interface, pinned or not: a history outlives its pins
 * @pin_dir: folder of all pins
 * @ifname: interface
 * @ret_key: filled on success
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int pins_key(const char *pin_dir, const char *ifname, char ret_key[KEY_MAX], struct error *err)
{
	struct pins pins;
	int r = pins_find(pin_dir, ifname, &pins, NULL);

	if (r)
		r = pins_for_attach(pin_dir, ifname, &pins, err);
	if (!r)
		memcpy(ret_key, pins.key, KEY_MAX);
	return r;
}

/** pins_exist() - Return: true when any of the interface's maps is pinned */
bool pins_exist(const struct pins *pins)
{
	char path[320];

	for (size_t i = 0; i < PINS_N_MAPS; i++)
		if (!pins_map_path(pins, pins_maps[i], path, sizeof(path)) && !access(path, F_OK))
			return true;
	return false;
}

/**
 * pins_map_path() - path of one pinned map
 * @pins: the interface's pins
 * @map: SAMPLER_MAP_*
 * @buf: gets the path
 * @size: of @buf
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int pins_map_path(const struct pins *pins, const char *map, char *buf, size_t size)
{
	return snprintf(buf, size, "%s/%s", pins->dir, map) >= (int)size ? -ENAMETOOLONG : 0;
}

/**
 * pins_open_map() - open one pinned map
 * @pins: the interface's pins
 * @map: SAMPLER_MAP_*
 * @writable: false asks for a read-only descriptor, which needs no capability
 *
 * Return: descriptor that the caller closes, or negative errno.
 */
int pins_open_map(const struct pins *pins, const char *map, bool writable)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = writable ? 0 : BPF_F_RDONLY);
	char path[320];
	int r = pins_map_path(pins, map, path, sizeof(path));

	if (r)
		return r;
	return bpf_obj_get_opts(path, &opts);
}

/* A map of the expected kind and size: pins are files, and files can be anything. */
static int check_meta_map(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(struct sampler_meta))
		return -EPROTO;
	return 0;
}

/*
 * Pinned, and not yet given to its readers' group, which its folder has: libxdp pins while it loads, and then a link may
 * take seconds to reset for XDP.
 */
static bool is_being_made(const struct pins *pins, const char *map)
{
	char path[320];
	struct stat folder, file;

	return !pins_map_path(pins, map, path, sizeof(path)) && !stat(pins->dir, &folder) &&
	       !stat(path, &file) && folder.st_gid != file.st_gid;
}

/**
 * pins_read_meta() - what the pins say of themselves
 * @pins: the interface's pins
 * @ret_meta: filled on success
 * @err: why not
 *
 * Return: 0, -ENOENT without pins, -ENODATA while they are made, -EPROTO for another ABI or layout, or negative errno.
 */
int pins_read_meta(const struct pins *pins, struct sampler_meta *ret_meta, struct error *err)
{
	_cleanup_close_ int fd = pins_open_map(pins, SAMPLER_MAP_META, false);
	struct error why = { "" };
	struct sampler_meta meta;
	__u32 zero = 0;
	int r = fd < 0 ? fd : check_meta_map(fd);

	if (r == -EPROTO)
		return error_set(err, r,
				 "%s: pins of another version of sampler; attach again "
				 "(samplerd --attach) to begin anew",
				 pins->dir);
	if (r == -EACCES && is_being_made(pins, SAMPLER_MAP_META))
		return error_set(err, -ENODATA, "%s: an attach is under way, or was broken off",
				 pins->dir);
	if (r)
		return error_set(err, r, "%s/%s: %s", pins->dir, SAMPLER_MAP_META, strerror(-r));
	for (int tries = 0; tries < 3; tries++) { /* --attach may be writing it right now */
		if (bpf_map_lookup_elem(fd, &zero, &meta))
			return error_set(err, -errno, "%s: %s", pins->dir, strerror(errno));
		r = meta_check(&meta, &why);
		if (!r) {
			*ret_meta = meta;
			return 0;
		}
	}
	return error_set(err, r, "%s: %s", pins->dir, why.text);
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/** pins_map_id() - Return: kernel id of a pinned map, 0 where there is none */
uint32_t pins_map_id(const struct pins *pins, const char *map)
{
	_cleanup_close_ int fd = pins_open_map(pins, map, false);

	return fd < 0 ? 0 : map_id(fd);
}

/** pins_read_control() - Return: 0 and the control words, or negative errno */
int pins_read_control(const struct pins *pins, struct sampler_control *ret_control)
{
	_cleanup_close_ int fd = pins_open_map(pins, SAMPLER_MAP_CONTROL, false);
	__u32 zero = 0;

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, &zero, ret_control) ? -errno : 0;
}

/** pins_write_map() - write one value of an array; Return: 0 or negative errno */
int pins_write_map(const struct pins *pins, const char *map, __u32 key, const void *value)
{
	_cleanup_close_ int fd = pins_open_map(pins, map, true);

	if (fd < 0)
		return fd;
	return bpf_map_update_elem(fd, &key, value, BPF_ANY) ? -errno : 0;
}

/** pins_write_meta() - seal and write what the pins say; Return: 0 or negative errno */
int pins_write_meta(const struct pins *pins, struct sampler_meta *meta, struct error *err)
{
	int r;

	meta_seal(meta);
	r = pins_write_map(pins, SAMPLER_MAP_META, 0, meta);
	return r ? error_set(err, r, "cannot write %s/%s: %s", pins->dir, SAMPLER_MAP_META,
			     strerror(-r))
		 : 0;
}

static int make_dir(const char *path, mode_t mode, gid_t group, struct error *err)
{
	if (mkdir(path, mode) && errno != EEXIST)
		return error_set(err, -errno, "cannot make %s: %s", path, strerror(errno));
	if (chown(path, -1, group) || chmod(path, mode))
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/**
 * pins_create_dir() - make the folders for an interface's pins, closed to others than @group
 * @pin_dir: folder of all pins
 * @pins: the interface's pins
 * @group: that may read
 * @err: why not
 *
 * Return: 0 or negative errno.
 */
int pins_create_dir(const char *pin_dir, const struct pins *pins, gid_t group, struct error *err)
{
	/* The group opens maps by name; listing, and with it pins_lock_recorder(), is root's. */
	return make_dir(pin_dir, 0750, group, err) ?: make_dir(pins->dir, 0710, group, err);
}

/** pins_set_access() - let @group read the pinned maps; Return: 0 or negative errno */
int pins_set_access(const struct pins *pins, gid_t group, struct error *err)
{
	char path[320];

	for (size_t i = 0; i < PINS_N_MAPS; i++) {
		int r = pins_map_path(pins, pins_maps[i], path, sizeof(path));

		if (r || chown(path, -1, group) || chmod(path, 0640))
			return error_set(err, r ?: -errno, "%s: %s", path,
					 strerror(-(r ?: -errno)));
	}
	return 0;
}

/**
 * pins_aside() - where pins wait that cannot be reused, until their successor is there
 * @pins: the interface's pins
 * @ret_aside: the same, elsewhere
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int pins_aside(const struct pins *pins, struct pins *ret_aside)
{
	*ret_aside = *pins;
	if (strlen(pins->dir) + 2 > sizeof(ret_aside->dir))
		return -ENAMETOOLONG;
	strcat(ret_aside->dir, "~");
	return 0;
}

/**
 * pins_remove() - unpin an interface
 * @pins: the interface's pins
 * @err: why not
 *
 * Removes our maps by name and the folder when nothing else is in it: a stranger's pin stays.
 *
 * Return: 0, also when there was nothing, or negative errno.
 */
int pins_remove(const struct pins *pins, struct error *err)
{
	char path[320];

	for (size_t i = 0; i < PINS_N_MAPS; i++) {
		if (!pins_map_path(pins, pins_maps[i], path, sizeof(path)) && unlink(path) &&
		    errno != ENOENT)
			return error_set(err, -errno, "cannot unpin %s: %s", path, strerror(errno));
	}
	if (rmdir(pins->dir) && errno != ENOENT && errno != ENOTEMPTY)
		return error_set(err, -errno, "cannot remove %s: %s", pins->dir, strerror(errno));
	return 0;
}

static bool still_there(int fd, const char *path)
{
	struct stat open_one, named;

	return !fstat(fd, &open_one) && !stat(path, &named) && open_one.st_ino == named.st_ino &&
	       open_one.st_dev == named.st_dev;
}

static int lock_path(const char *pin_dir, char *buf, size_t size)
{
	return snprintf(buf, size, "%s/@lock", pin_dir) >= (int)size ? -ENAMETOOLONG : 0;
}

/* Return: 0, -EAGAIN where its holder removed the folder meanwhile, or another negative errno. */
static int take_lock(struct pins_lock *lock)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdir(lock->path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(lock->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	do
		r = flock(fd, LOCK_EX) ? -errno : 0;
	while (r == -EINTR);
	if (r)
		return r;
	if (!still_there(fd, lock->path))
		return -EAGAIN;
	lock->fd = take_fd(&fd);
	return 0;
}

/**
 * pins_lock() - let one attach, detach or change of pins happen at a time
 * @pin_dir: folder of all pins, which exists
 * @ret_lock: ended by pins_unlock()
 * @err: why not
 *
 * The lock is on a folder that only root can open, so that no reader can hold it, and that is there
 * only as long as it is held.
 *
 * Return: 0 or negative errno.
 */
int pins_lock(const char *pin_dir, struct pins_lock *ret_lock, struct error *err)
{
	struct pins_lock lock;
	int r = lock_path(pin_dir, lock.path, sizeof(lock.path));

	if (!r)
		do
			r = take_lock(&lock);
		while (r == -EAGAIN); /* take the next one */
	if (r)
		return error_set(err, r, "cannot lock %s: %s", pin_dir, strerror(-r));
	*ret_lock = lock;
	return 0;
}

/** pins_unlock() - end a lock; one that was never taken has a negative fd */
void pins_unlock(struct pins_lock *lock)
{
	if (lock->fd < 0)
		return;
	rmdir(lock->path);
	close(lock->fd);
	lock->fd = -1;
}

/**
 * pins_lock_recorder() - be the one whose end detaches the interface
 * @pins: the interface's pins, which exist
 * @err: why not
 *
 * Needs root, so that no reader can keep a recorder from starting.
 *
 * Return: descriptor whose end is the end of the lock, -EBUSY where another recorder has it, or
 * negative errno.
 */
int pins_lock_recorder(const struct pins *pins, struct error *err)
{
	_cleanup_close_ int fd = open(pins->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return take_fd(&fd);
	if (errno == EWOULDBLOCK)
		return error_set(err, -EBUSY,
				 "another samplerd that root started records this interface (%s is "
				 "locked); stop it first",
				 pins->dir);
	return error_set(err, -errno, "%s: %s", pins->dir, strerror(errno));
}
