// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Sockets of AF_XDP that only send, in copy mode: no XDP program is loaded or needed, whatever there is
 * at the interface stays as it is, and any driver will do. One socket has one queue of the interface,
 * and no queueing discipline.
 *
 * Frames are copied to chunks of memory that is shared with the kernel, put into a ring, and taken from
 * there by it when it is told to, in order. A chunk is free again when the kernel has put it into a
 * second ring, which it does once the frame has left, or was dropped.
 *
 * The account rests on what the kernel (6.1 to 6.18) does in one call. It returns 0 when it has taken
 * all; -EBUSY when the interface has dropped a frame, which was the last one that it took; and on any
 * other error it has dropped none, and goes on from there the next time. How far it has come the ring
 * says, which on 6.1 is late to do so, and the chunks that were given back: it is that far at least.
 * A chunk of what was dropped has been given back by then; but where others have not left yet, some
 * kernels (6.6 to 6.16) give back one of these in its place. To know it, then and in the end, all that is
 * put is made invalid: what was not taken is then counted.
 */
#include "raw-socket.h"

#include "raw-ethernet.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define N_CHUNKS   256 /* a power of two, as all here */
#define RING	   64 /* room for what is put, and for as much that was put and is not to be sent */
#define INVALID	   (1U << 31) /* of a frame: an option that there is not */
#define MOST	   32	      /* frames that the kernel takes at most in one call */
#define SMALL	   11	      /* binary orders of a chunk's size */
#define LARGE	   12
#define ROOM_NS	   20000 /* until there may be room, and longer each time that there is none */
#define LONG_NS	   1000000
#define BIND_NS	   5000000 /* until a queue that was just given up is tried again */
#define BIND_TRIES 600

struct ring {
	uint32_t *producer, *consumer;
	void *entry;
	void *map; /* MAP_FAILED: there is none */
	size_t size;
};

struct xsk {
	uint8_t *area;	/* MAP_FAILED: there is none */
	uint32_t order; /* of a chunk's size, in bytes */
	struct ring tx, completion;

	/* What is put and not yet told to be taken: from begin on in the ring, which goes on for ever. */
	uint32_t begin, n_put;
	uint32_t chunk[RING]; /* of each entry */
	bool dropped;	      /* the frame before begin, and it is to be told */
	long wait_ns;	      /* the next time that there is no room */

	uint32_t n_free, free[N_CHUNKS];
	bool busy[N_CHUNKS];
};

_Static_assert(1U << LARGE == RAW_MOST_XDP, "the largest frame has a chunk");

static size_t area_size(const struct xsk *x)
{
	return (size_t)N_CHUNKS << x->order;
}

/* ---- rings ---- */

static uint32_t get(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void set(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* Some kernels give back the chunk of an invalid frame as well, others do not. */
static void chunk_free(struct xsk *x, uint32_t chunk)
{
	if (x->busy[chunk])
		x->free[x->n_free++] = chunk;
	x->busy[chunk] = false;
}

static void take_back(struct xsk *x)
{
	const uint64_t *address = x->completion.entry;
	uint32_t i = *x->completion.consumer, n = get(x->completion.producer);

	for (; i != n; i++)
		chunk_free(x, (uint32_t)(address[i % N_CHUNKS] >> x->order));
	set(x->completion.consumer, n);
}

static void put(struct xsk *x, const struct iovec *frame)
{
	struct xdp_desc *descriptor = x->tx.entry;
	uint32_t i = (x->begin + x->n_put++) % RING, chunk = x->free[--x->n_free];
	size_t at = (size_t)chunk << x->order;

	memcpy(x->area + at, frame->iov_base, frame->iov_len);
	descriptor[i] = (struct xdp_desc){ .addr = at, .len = (uint32_t)frame->iov_len };
	x->chunk[i] = chunk;
	x->busy[chunk] = true;
}

static int kick(const struct raw_socket *s)
{
	return sendto(s->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? -errno : 0;
}

/* How many of those that are put the kernel has taken, at least. */
static uint32_t n_taken(const struct xsk *x)
{
	uint32_t n = get(x->tx.consumer) - x->begin;

	if (n > RING) /* it is still behind */
		n = 0;
	for (uint32_t i = x->n_put; i > n; i--) {
		if (!x->busy[x->chunk[(x->begin + i - 1) % RING]])
			return i;
	}
	return n;
}

/*
 * All that is put is made invalid: what is still there is passed over and counted, one or all by a call.
 *
 * Return: 0 when the kernel has come to the end of it; else negative errno.
 */
static int pass_over(struct raw_socket *s)
{
	struct xsk *x = s->state;
	struct xdp_desc *descriptor = x->tx.entry;
	uint32_t end = x->begin + x->n_put;
	int r = 0;

	for (uint32_t i = x->begin; i != end; i++)
		descriptor[i % RING].options = INVALID;
	set(x->tx.producer, end);
	for (uint32_t i = 0; !r && i <= RING && get(x->tx.consumer) != end; i++)
		r = kick(s);
	return r || get(x->tx.consumer) == end ? r : -EINVAL;
}

/* So many of those that are put are done with. */
static void advance(struct xsk *x, uint32_t n)
{
	x->begin += n;
	x->n_put -= n;
}

/* What is left in the ring is not to be sent: the next that is put takes its place. */
static void forget(struct xsk *x)
{
	for (; x->n_put; x->n_put--)
		chunk_free(x, x->chunk[(x->begin + x->n_put - 1) % RING]);
}

static uint64_t n_invalid(const struct raw_socket *s)
{
	struct xdp_statistics statistics = { .tx_invalid_descs = 0 };
	socklen_t n = sizeof(statistics);

	getsockopt(s->fd, SOL_XDP, XDP_STATISTICS, &statistics, &n);
	return statistics.tx_invalid_descs;
}

/*
 * What is put and was not taken is not to be sent. A link that is down keeps the kernel from passing over
 * it; then what is known has to do, which is all by then but for frames that others hold on to.
 *
 * Return: as pass_over().
 */
static int withdraw(struct raw_socket *s, uint32_t *ret_taken)
{
	struct xsk *x = s->state;
	uint64_t before = n_invalid(s);
	uint32_t end = x->begin + x->n_put;
	int r = pass_over(s);

	take_back(x);
	*ret_taken = r ? n_taken(x) : x->n_put - (uint32_t)(n_invalid(s) - before);
	advance(x, *ret_taken);
	forget(x);
	if (!r)
		x->begin = end;
	return r;
}

/* ---- opening ---- */

static int ring_map(int fd, const struct xdp_ring_offset *at, size_t entries, off_t page,
		    struct ring *ret)
{
	uint8_t *map;

	ret->size = at->desc + entries;
	ret->map =
		mmap(NULL, ret->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);
	if (ret->map == MAP_FAILED)
		return -errno;
	map = ret->map;
	ret->producer = (uint32_t *)(void *)(map + at->producer);
	ret->consumer = (uint32_t *)(void *)(map + at->consumer);
	ret->entry = map + at->desc;
	return 0;
}

static int rings_make(int fd, struct xsk *x)
{
	const int n_tx = RING, n_completion = N_CHUNKS, n_fill = 1; /* which nobody fills */
	struct xdp_mmap_offsets at;
	socklen_t n = sizeof(at);
	int r;

	if (setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &n_fill, sizeof(n_fill)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &n_completion,
		       sizeof(n_completion)) ||
	    setsockopt(fd, SOL_XDP, XDP_TX_RING, &n_tx, sizeof(n_tx)) ||
	    getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &n))
		return -errno;
	r = ring_map(fd, &at.tx, RING * sizeof(struct xdp_desc), XDP_PGOFF_TX_RING, &x->tx);
	return r
		       ?: ring_map(fd, &at.cr, N_CHUNKS * sizeof(uint64_t),
				   (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, &x->completion);
}

static int area_make(int fd, struct xsk *x)
{
	struct xdp_umem_reg umem = { .len = area_size(x), .chunk_size = 1U << x->order };

	x->area = mmap(NULL, umem.len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (x->area == MAP_FAILED)
		return -errno;
	umem.addr = (uintptr_t)x->area;
	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)))
		return -errno;
	while (x->n_free < N_CHUNKS) {
		x->free[x->n_free] = x->n_free;
		x->n_free++;
	}
	return 0;
}

/* The kernel frees the queue of a socket that was closed some time later. */
static int queue_bind(int fd, const struct raw_link *link, uint32_t queue)
{
	const struct sockaddr_xdp address = { .sxdp_family = AF_XDP,
					      .sxdp_flags = XDP_COPY,
					      .sxdp_ifindex = link->ifindex,
					      .sxdp_queue_id = queue };
	const struct timespec pause = { .tv_nsec = BIND_NS };
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < BIND_TRIES; i++) {
		if (i)
			nanosleep(&pause, NULL);
		r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	}
	return r;
}

/* A queue that only receives can be bound as well; then nothing is ever taken from the ring. */
static int queue_try(struct raw_socket *s)
{
	struct xsk *x = s->state;
	uint32_t taken;

	put(x, &(struct iovec){ .iov_base = x->area, .iov_len = RAW_MIN_FRAME });
	return withdraw(s, &taken) == -EINVAL ? -EINVAL : 0;
}

static int cannot_open(int error, struct error *err)
{
	if (error == EPERM)
		return raw_socket_refused(err);
	if (error == EAFNOSUPPORT)
		return error_set(err, -error,
				 "socket = xdp needs AF_XDP, which this kernel has not "
				 "(CONFIG_XDP_SOCKETS) or does not allow; use socket = packet");
	return error_set(err, -error, "cannot open a socket of AF_XDP: %s", strerror(error));
}

static int cannot_lock(const struct xsk *x, int error, struct error *err)
{
	if (error != ENOBUFS)
		return error_set(err, -error, "cannot share memory with the kernel: %s",
				 strerror(error));
	return error_set(
		err, -error,
		"socket = xdp needs %zu KiB of locked memory for each thread: raise "
		"RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK= of a unit), or use socket = packet",
		area_size(x) / 1024);
}

static int cannot_bind(const struct raw_link *link, uint32_t queue, int error, struct error *err)
{
	if (error == EBUSY)
		return error_set(
			err, -error,
			"queue %u of %s has an AF_XDP socket of another program; end that, "
			"or use socket = packet",
			queue, link->name);
	if (error == EINVAL)
		return error_set(err, -error,
				 "%s has no queue %u: with socket = xdp each thread needs one of "
				 "its own (ethtool -L %s, fewer threads, or socket = packet)",
				 link->name, queue, link->name);
	return error_set(err, -error, "cannot send frames by %s with AF_XDP: %s", link->name,
			 strerror(error));
}

static int xsk_open(struct raw_socket *s, const struct raw_config *raw, const struct raw_link *link,
		    uint32_t index, struct error *err)
{
	struct xsk *x = calloc(1, sizeof(*x));
	int r;

	(void)raw;
	s->state = x;
	if (!x)
		return error_set(err, -ENOMEM, "out of memory for frames");
	x->area = x->tx.map = x->completion.map = MAP_FAILED;
	x->order = link->mtu + ETHERNET + TAG <= 1U << SMALL ? SMALL : LARGE;
	x->wait_ns = ROOM_NS;
	s->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return cannot_open(errno, err);
	r = area_make(s->fd, x);
	if (r)
		return cannot_lock(x, -r, err);
	r = rings_make(s->fd, x);
	if (r)
		return error_set(err, r, "cannot make the rings of AF_XDP: %s", strerror(-r));
	r = queue_bind(s->fd, link, index) ?: queue_try(s);
	return r ? cannot_bind(link, index, -r, err) : 0;
}

static void ring_unmap(const struct ring *ring)
{
	if (ring->map != MAP_FAILED)
		munmap(ring->map, ring->size);
}

static void xsk_close(struct raw_socket *s)
{
	struct xsk *x = s->state;

	if (s->fd >= 0)
		close(s->fd);
	if (!x)
		return;
	ring_unmap(&x->tx);
	ring_unmap(&x->completion);
	if (x->area != MAP_FAILED)
		munmap(x->area, area_size(x));
	free(x);
}

/* ---- sending ---- */

/*
 * Those behind one that was dropped have to wait for it.
 *
 * Return: how many were taken, with the one that was dropped.
 */
static uint32_t take_told(struct raw_socket *s, bool dropped)
{
	struct xsk *x = s->state;
	uint32_t taken = n_taken(x);

	if (dropped && N_CHUNKS - x->n_free != x->n_put - taken) { /* others are away as well */
		if (withdraw(s, &taken) && !taken) {
			x->begin++; /* it is one at least: the kernel goes on where it is */
			taken = 1;
		}
		return taken;
	}
	advance(x, taken);
	if (dropped)
		forget(x);
	return taken;
}

static int xsk_send(struct raw_socket *s, const struct iovec *frame, uint32_t n)
{
	struct xsk *x = s->state;
	uint32_t taken;
	int r;

	if (x->dropped) {
		x->dropped = false;
		return -ENOBUFS;
	}
	if (!x->n_free && !x->n_put)
		take_back(x);
	while (x->n_put < MOST && x->n_put < n && x->n_free)
		put(x, &frame[x->n_put]);
	if (!x->n_put)
		return -EAGAIN;
	set(x->tx.producer, x->begin + x->n_put);
	r = kick(s);
	take_back(x);
	taken = take_told(s, r == -EBUSY);
	if (r == -EBUSY && taken) {
		x->dropped = --taken > 0;
		r = -ENOBUFS;
	} else if (r == -ENOBUFS) { /* nothing was dropped */
		r = -ENOMEM;
	}
	if (!taken)
		return r ?: -ENXIO; /* the interface has this queue no longer */
	x->wait_ns = ROOM_NS;
	return (int)taken;
}

/* It tells what it has refused. */
static bool xsk_has_room(const struct raw_socket *s)
{
	(void)s;
	return false;
}

/* poll() would send, and not tell what became of it. */
static void xsk_wait(struct raw_socket *s)
{
	struct xsk *x = s->state;
	const struct timespec time = { .tv_nsec = x->wait_ns };

	nanosleep(&time, NULL);
	x->wait_ns = x->wait_ns < LONG_NS / 2 ? 2 * x->wait_ns : LONG_NS;
}

static uint32_t xsk_settle(struct raw_socket *s)
{
	struct xsk *x = s->state;
	uint32_t taken = 0;

	if (x->n_put)
		withdraw(s, &taken);
	return taken;
}

static uint64_t xsk_queued(const struct raw_socket *s)
{
	const struct xsk *x = s->state;
	uint32_t n_back = get(x->completion.producer) - *x->completion.consumer;

	return N_CHUNKS - x->n_free - n_back;
}

const struct raw_socket_kind raw_socket_xdp = {
	.open = xsk_open,
	.close = xsk_close,
	.send = xsk_send,
	.has_room = xsk_has_room,
	.wait = xsk_wait,
	.settle = xsk_settle,
	.queued = xsk_queued,
};
