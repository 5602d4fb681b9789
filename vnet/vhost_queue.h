/* SPDX-License-Identifier: Apache-2.0
 * vhost_queue.h - one split virtqueue (virtio 1.2, section 2.7), from the device's side
 *
 * The driver is hostile, and writes while we read: each descriptor is fetched once and then checked; what a ring or a chain says that
 * cannot be makes the queue broken, and nothing of it is looked at again until QEMU starts it anew.
 */
#ifndef VNET_VHOST_QUEUE_H
#define VNET_VHOST_QUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <sys/uio.h>
#include "vhost_memory.h"

#define VHOST_QUEUE_MAX 1024 /* entries: QEMU's limit */
#define VHOST_PARTS 1024     /* pieces of memory of what is taken at once */

struct vhost_queue {
	uint16_t num;
	uint64_t desc_user, avail_user, used_user; /* QEMU's addresses */
	bool has_addresses, started, enabled, event_idx;
	int kick_fd, call_fd; /* eventfds; -1: none */

	/* While it is started and not broken. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail, next_used;
	uint16_t published; /* next_used as the driver knows it */
	bool broken;
};

void vhost_queue_init(struct vhost_queue *q);
/* Closes its descriptors. */
void vhost_queue_clear(struct vhost_queue *q);
/* Finds the rings in memory, anew after each change of it. A failure makes it broken. E_INVALID: they are not wholly inside, or
 * not aligned. */
MUST_CHECK err_t vhost_queue_place(struct vhost_queue *q, const struct vhost_memory *m);
bool vhost_queue_runs(const struct vhost_queue *q);

/* A chain of the driver's buffers. */
struct vhost_chain {
	uint16_t head;
	int count;
	size_t bytes;
};
/* Takes the next chain: its pieces of memory, at most max. writable: they are to be written by us. E_AGAIN: there is none.
 * E_INVALID: the queue is broken. */
MUST_CHECK err_t vhost_queue_pop(struct vhost_queue *q, const struct vhost_memory *m, bool writable, struct iovec *parts, int max,
				 struct vhost_chain *ret_chain);
void vhost_queue_unpop(struct vhost_queue *q, int chains); /* the last ones taken */
/* Gives a chain back with so many bytes written; the driver sees it after vhost_queue_publish(), which also wakes it if it wishes. */
void vhost_queue_push(struct vhost_queue *q, uint16_t head, uint32_t bytes);
void vhost_queue_publish(struct vhost_queue *q);
/* Asks the driver to kick when it makes a chain available. True: there is one already. */
bool vhost_queue_want_kick(struct vhost_queue *q);
void vhost_queue_want_no_kick(struct vhost_queue *q);

#endif
