/* SPDX-License-Identifier: Apache-2.0
 * vhost_device.h - vhost-user's messages, from the back end's side: a virtio-net device of one pair of queues
 *
 * QEMU's docs/interop/vhost-user.rst is the specification. Of its options there are REPLY_ACK and nothing else: no dirty log (so
 * no live migration), no second pair of queues, no channel back to QEMU.
 */
#ifndef VNET_VHOST_DEVICE_H
#define VNET_VHOST_DEVICE_H

#include "vhost_queue.h"

enum { VHOST_RX, VHOST_TX, VHOST_QUEUES }; /* as the guest calls them */

#define VHOST_HEADER_BYTES 12
#define VHOST_BODY_MAX (8 + VHOST_REGIONS * 32) /* SET_MEM_TABLE's */
#define VHOST_FDS_MAX VHOST_REGIONS

struct vhost_message {
	uint32_t request, flags, size;
	uint8_t body[VHOST_BODY_MAX];
	int fds[VHOST_FDS_MAX];
	int fd_count;
};
struct vhost_reply {
	uint8_t bytes[VHOST_HEADER_BYTES + 8];
	size_t len; /* 0: none */
};

struct vhost_device {
	uint64_t offered, features, protocol_features;
	struct vhost_memory memory;
	struct vhost_queue queue[VHOST_QUEUES];
};

/* super_frames: offer the segmentation offloads. */
void vhost_device_init(struct vhost_device *d, bool super_frames);
/* Unmaps, closes; then it is as new, for the next connection. */
void vhost_device_clear(struct vhost_device *d);
bool vhost_device_has(const struct vhost_device *d, unsigned feature); /* VIRTIO_..._F_..., agreed on */
size_t vhost_device_header_bytes(const struct vhost_device *d);	       /* in front of each frame */

/* Reads a message's header. E_INVALID: no message of this version, or longer than any. */
MUST_CHECK err_t vhost_header_read(const uint8_t *bytes, struct vhost_message *ret_message);
/* Does what a message says. Descriptors that it keeps become -1 in it. E_INVALID and others: the connection is to be closed. What
 * is refused and was to be acknowledged is told in the reply instead. */
MUST_CHECK err_t vhost_device_take(struct vhost_device *d, struct vhost_message *m, struct vhost_reply *ret_reply);

#endif
