/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a file holds when a writer comes back to it: internal to store/. */
#ifndef SAMPLER_STORE_HISTORY_RECOVER_H
#define SAMPLER_STORE_HISTORY_RECOVER_H

#include "store/history-format.h"

/* Where a ring goes on. */
struct history_tail {
	uint64_t head;	      /* number of the next record */
	uint32_t epoch;	      /* of the newest record; 0: the ring is empty */
	uint64_t boottime_ns; /* of the newest record */
};

/* What the services of the newest epoch are called. */
struct history_names {
	struct history_services services; /* clean */
	unsigned int spare;		  /* which of the entry's two sets the next update takes */
	uint64_t next;			  /* number of that update */
};

struct history_state {
	struct history_tail tail[HISTORY_N_RINGS];
	struct sample last;		 /* newest fine record; epoch 0: there is none */
	uint32_t newest_epoch;		 /* highest ordinal ever given out */
	struct history_disk_epoch epoch; /* its entry; ordinal 0: there is none */
	struct history_names names;	 /* of that entry */
};

int history_recover(int fd, const struct history_disk_constant *constant,
		    struct history_state *ret_state);
int history_copy(int from_fd, const struct history_disk_constant *from, int to_fd,
		 const struct history_disk_constant *to, const struct history_state *state);

#endif
