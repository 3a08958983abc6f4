/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Names, locks and births of history files: internal to store/. */
#ifndef SAMPLER_STORE_HISTORY_FILE_H
#define SAMPLER_STORE_HISTORY_FILE_H

#include "store/history-format.h"

#include <limits.h>

/* The directory that holds a history, and the four names that go with one there. */
struct history_dir {
	int fd;
	const char *path;	  /* for messages; borrowed */
	char file[NAME_MAX + 1];  /* <key>.hist */
	char fresh[NAME_MAX + 1]; /* <key>.hist.new: being made */
	char lock[NAME_MAX + 1];  /* <key>.hist.lock: who may change the others */
	char old[NAME_MAX + 1];	  /* <key>.hist.old: moved aside */
};

int history_dir_open(const char *path, const char *key, struct history_dir *ret_dir,
		     struct error *err);
void history_dir_close(struct history_dir *dir);

int history_file_pread(int fd, void *buf, size_t size, uint64_t offset);
int history_file_pwrite(int fd, const void *buf, size_t size, uint64_t offset);
int history_file_open(const struct history_dir *dir, int flags, int *ret_fd, uint64_t *ret_size,
		      struct error *err);
int history_file_read_constant(const struct history_dir *dir, int fd, uint64_t size,
			       struct history_disk_constant *ret_constant, struct error *err);
int history_file_lock(const struct history_dir *dir, const struct history_place *place, int *ret_fd,
		      struct error *err);
void history_file_unlock(const struct history_dir *dir, int fd);
int history_file_own(const struct history_dir *dir, int fd, const struct history_place *place,
		     struct error *err);
int history_file_begin(const struct history_dir *dir, const struct history_place *place,
		       const struct history_disk_constant *constant, int *ret_fd,
		       struct error *err);
int history_file_publish(const struct history_dir *dir, int fd, struct error *err);
void history_file_supersede(int fd);
void history_file_abandon(const struct history_dir *dir);
int history_file_move_aside(const struct history_dir *dir, struct error *err);

#endif
