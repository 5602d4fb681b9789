/* SPDX-License-Identifier: Apache-2.0
 * fragment.h - frames that do not fit a path's datagram go in equal pieces and are put together again
 */
#ifndef VNET_FRAGMENT_H
#define VNET_FRAGMENT_H

#include "clock.h"
#include "wire.h"

/* The largest frame that a network may have. */
#define FRAME_OVERHEAD_BYTES 22 /* ethernet header and two VLAN tags */
#define FRAME_MAX_BYTES (9000 + FRAME_OVERHEAD_BYTES)
#define FRAGMENT_MAX_COUNT 64
#define FRAGMENT_FRAMES 8		 /* of one peer under way at once */
#define FRAGMENT_TIME_US (1 * SECOND_US) /* an unfinished frame's life */

/* How to cut: count pieces of *ret_piece bytes, the last one shorter by less than count; equal, because UDP segmentation
 * offload wants it. Returns 0 where it cannot be done within the room (datagram less seal and inner header). */
int fragment_count(size_t frame_len, size_t room, size_t *ret_piece);

struct fragment_frame {
	uint8_t *data; /* NULL until the slot was used; kept for the next frame */
	int64_t begun_us;
	uint32_t id;
	uint8_t count, have; /* count 0: the slot is free */
	uint8_t flags;
	uint16_t piece; /* length of all pieces but the last; 0: none has come */
	size_t len;	/* of the frame; 0: the last piece has not come */
	uint64_t got;	/* bit i: piece i is here */
};
/* One per peer that has sent fragments. */
struct fragments {
	struct fragment_frame frame[FRAGMENT_FRAMES];
};

struct fragments *fragments_new(void); /* NULL without memory */
void fragments_free(struct fragments *f);
/* Takes a piece. OK: the frame is whole, and stays valid until the next call. E_AGAIN: more is to come. E_INVALID: it fits nothing.
 * E_EXISTS: it was here. E_NOMEM. */
MUST_CHECK err_t fragments_take(struct fragments *f, const struct inner *in, const uint8_t *piece, size_t len, mono_time now,
				uint8_t **ret_frame, size_t *ret_len);

#endif
