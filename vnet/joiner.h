/* SPDX-License-Identifier: Apache-2.0
 * joiner.h - frames for a port whose machine takes super-frames: segments of one are joined again until one does not follow
 */
#ifndef VNET_JOINER_H
#define VNET_JOINER_H

#include <linux/virtio_net.h>
#include <sys/uio.h>
#include "segment.h"

struct joiner {
	/* Writes one frame: parts[0] is its struct virtio_net_hdr. 0, or an errno: EINVAL says that frames of this kind are not taken,
	 * anything else loses the frame. */
	int (*put)(void *context, struct iovec *parts, int count);
	void *context;
	bool csum;	      /* partial checksums are taken */
	bool tcp4, tcp6, udp; /* and super-frames */
	int refused;	      /* in a row */
	uint64_t *dropped;
	struct run run; /* segments to be written */
};
/* A segment (o->gso), or a frame that is o->loose, must stay where it is until joiner_flush(), another frame only during the call. */
void joiner_write(struct joiner *j, const uint8_t *frame, size_t len, const struct offload *o);
/* Takes a segment that goes on what came last; false where it does not, then nothing happened. */
bool joiner_join(struct joiner *j, const uint8_t *frame, size_t len, const struct offload *o);
void joiner_flush(struct joiner *j);

#endif
