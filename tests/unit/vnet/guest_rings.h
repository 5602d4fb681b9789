/* SPDX-License-Identifier: Apache-2.0
 * guest_rings.h - QEMU's end of vhost-user and a guest's driver in one, as small as a test needs
 *
 * The guest's memory is a sealed file of MEMORY_BYTES, at GUEST_BASE for the guest and USER_BASE for QEMU. Each queue's rings have a page
 * each; its buffers lie behind.
 */
#ifndef TESTS_GUEST_RINGS_H
#define TESTS_GUEST_RINGS_H

#include <assert.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_BYTES (8u << 20)
#define GUEST_BASE 0x100000ull
#define USER_BASE 0x7f0000000000ull
#define RING_SIZE 256
#define BUFFERS_AT (1u << 20)
#define HEADER sizeof(struct virtio_net_hdr_v1)

enum { RX, TX };
struct ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t seen; /* of used */
	int kick, call;
	uint32_t num;
};
struct guest {
	int fd; /* to the back end */
	int memory_fd;
	uint8_t *memory;
	struct ring ring[2];
	uint64_t offered;
};

static inline uint32_t ring_offset(int queue, int part)
{
	return (uint32_t)(queue * 3 + part) * 8192;
}

/* seals: 0 leaves the memory free to shrink. */
static inline void guest_make(struct guest *g, int seals)
{
	*g = (struct guest){ .fd = -1 };
	g->memory_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert(g->memory_fd >= 0 && ftruncate(g->memory_fd, MEMORY_BYTES) == 0);
	assert(seals == 0 || fcntl(g->memory_fd, F_ADD_SEALS, seals) == 0);
	g->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, g->memory_fd, 0);
	assert(g->memory != MAP_FAILED);
	for (int i = 0; i < 2; i++) {
		struct ring *r = &g->ring[i];
		*r = (struct ring){ .desc = (void *)(g->memory + ring_offset(i, 0)),
				    .avail = (void *)(g->memory + ring_offset(i, 1)),
				    .used = (void *)(g->memory + ring_offset(i, 2)),
				    .kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
				    .call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
				    .num = RING_SIZE };
		assert(r->kick >= 0 && r->call >= 0);
	}
}

static inline void guest_clear(struct guest *g)
{
	for (int i = 0; i < 2; i++) {
		close(g->ring[i].kick);
		close(g->ring[i].call);
	}
	munmap(g->memory, MEMORY_BYTES);
	close(g->memory_fd);
	if (g->fd >= 0)
		close(g->fd);
}

/* ---- messages ---- */
static inline void guest_say(struct guest *g, uint32_t request, uint32_t flags, const void *body, uint32_t size, const int *fds,
			     int fd_count)
{
	uint32_t header[3] = { request, 1 | flags, size };
	union {
		char bytes[CMSG_SPACE(9 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec parts[2] = { { header, sizeof header }, { (void *)(uintptr_t)body, size } };
	struct msghdr h = { .msg_iov = parts, .msg_iovlen = 2 };
	if (fd_count > 0) {
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE((size_t)fd_count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)fd_count * sizeof(int));
	}
	ssize_t n = sendmsg(g->fd, &h, MSG_NOSIGNAL);
	if (n != (ssize_t)(sizeof header + size))
		printf("# the back end takes no message %u\n", request);
}

static inline void guest_say_u64(struct guest *g, uint32_t request, uint64_t value)
{
	guest_say(g, request, 0, &value, sizeof value, NULL, 0);
}

static inline void guest_say_state(struct guest *g, uint32_t request, uint32_t queue, uint32_t value)
{
	const uint32_t state[2] = { queue, value };
	guest_say(g, request, 0, state, sizeof state, NULL, 0);
}

struct table {
	uint32_t count, padding;
	struct {
		uint64_t guest, size, user, offset;
	} region[9];
};

static inline struct table guest_table(void)
{
	return (struct table){ .count = 1, .region = { { GUEST_BASE, MEMORY_BYTES, USER_BASE, 0 } } };
}

static inline void guest_say_memory(struct guest *g)
{
	struct table t = guest_table();
	guest_say(g, 5, 0, &t, 40, &g->memory_fd, 1);
}

static inline void guest_say_queue(struct guest *g, int i)
{
	const struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} at = { (uint32_t)i, 0, USER_BASE + ring_offset(i, 0), USER_BASE + ring_offset(i, 2), USER_BASE + ring_offset(i, 1), 0 };
	uint64_t index = (uint64_t)i;
	guest_say_state(g, 8, (uint32_t)i, g->ring[i].num);
	guest_say_state(g, 10, (uint32_t)i, g->ring[i].used->idx);
	guest_say(g, 9, 0, &at, sizeof at, NULL, 0);
	guest_say(g, 13, 0, &index, sizeof index, &g->ring[i].call, 1);
	guest_say(g, 12, 0, &index, sizeof index, &g->ring[i].kick, 1);
	guest_say_state(g, 18, (uint32_t)i, 1);
}

#define FEATURES_ALL                                                                                                       \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << 30 | 1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX | \
	 1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |                    \
	 1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_HOST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_TSO4 |               \
	 1ull << VIRTIO_NET_F_GUEST_TSO6)

/* As QEMU begins, with these features. */
static inline void guest_begin(struct guest *g, uint64_t features)
{
	guest_say(g, 16, 0, &(uint64_t){ 8 }, 8, NULL, 0); /* REPLY_ACK */
	guest_say(g, 3, 0, NULL, 0, NULL, 0);
	guest_say_u64(g, 2, features);
	guest_say_memory(g);
	for (int i = 0; i < 2; i++)
		guest_say_queue(g, i);
}

/* ---- the driver ---- */
static inline uint64_t guest_address(const struct guest *g, const void *at)
{
	return GUEST_BASE + (uint64_t)((const uint8_t *)at - g->memory);
}

static inline void ring_offer(struct ring *r, uint16_t head)
{
	r->avail->ring[r->avail->idx % r->num] = head;
	__atomic_store_n(&r->avail->idx, (uint16_t)(r->avail->idx + 1), __ATOMIC_RELEASE);
}

static inline void ring_kick(struct ring *r)
{
	assert(eventfd_write(r->kick, 1) == 0);
}

/* Offers count receive buffers of size bytes each: descriptors 0 .. count - 1. */
static inline void guest_offer_buffers(struct guest *g, int count, uint32_t size)
{
	struct ring *r = &g->ring[RX];
	for (int i = 0; i < count; i++) {
		r->desc[i] = (struct vring_desc){ GUEST_BASE + BUFFERS_AT + (uint64_t)i * size, size, VRING_DESC_F_WRITE, 0 };
		ring_offer(r, (uint16_t)i);
	}
	ring_kick(r);
}

#define SEND_AT (6u << 20)
/* Sends one frame with its header, in pieces of at most `piece` bytes; a chain from descriptor 0 on. */
static inline void guest_send(struct guest *g, const struct virtio_net_hdr_v1 *header, const void *frame, size_t len,
			      size_t piece)
{
	struct ring *r = &g->ring[TX];
	uint8_t *at = g->memory + SEND_AT;
	uint16_t count = 0;
	memcpy(at, header, HEADER);
	memcpy(at + HEADER, frame, len);
	for (size_t left = HEADER + len; left > 0; count++) {
		size_t n = left < piece ? left : piece;
		r->desc[count] = (struct vring_desc){ guest_address(g, at), (uint32_t)n, n < left ? VRING_DESC_F_NEXT : 0,
						      (uint16_t)(count + 1) };
		at += n;
		left -= n;
	}
	ring_offer(r, 0);
	ring_kick(r);
}

/* The next used element; false: none. */
static inline bool ring_take(struct ring *r, struct vring_used_elem *ret)
{
	if (__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) == r->seen)
		return false;
	*ret = r->used->ring[r->seen++ % r->num];
	return true;
}

#endif
