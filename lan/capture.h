/* SPDX-License-Identifier: Apache-2.0
 * capture.h - a copy of every frame at the own port, to one reader, without ever making the LAN wait
 *
 * The reader gets records over a unix stream socket. What it does not read in time fills a bounded ring; frames that find no room
 * there are counted and left out.
 */
#ifndef LAN_CAPTURE_H
#define LAN_CAPTURE_H

#include <stdbool.h>
#include "bytes.h"
#include "loop.h"
#include "vnet.h"

#define CAPTURE_RING_BYTES (4 << 20)
#define CAPTURE_MAX_BYTES 65600 /* of one frame: a super-frame is 64 KiB with its headers */
#define CAPTURE_RECORD_BYTES 28

/* In front of each frame's bytes, big-endian. */
struct capture_record {
	uint64_t time_us;  /* since 1970 */
	uint64_t dropped;  /* frames left out so far */
	uint32_t len;	   /* of the frame */
	uint32_t captured; /* bytes of it that follow */
	uint32_t outbound; /* 1: the machine sent it; 0: it goes to the machine */
};
void capture_record_put(const struct capture_record *c, uint8_t bytes[CAPTURE_RECORD_BYTES]);
/* E_INVALID. */
MUST_CHECK err_t capture_record_get(const uint8_t bytes[CAPTURE_RECORD_BYTES], struct capture_record *ret_record);

struct capture;
/* Connects to the reader's socket at path and watches the port. snaplen: bytes of a frame at most. */
MUST_CHECK err_t capture_new(struct loop *loop, struct vnet *v, const char *path, uint32_t snaplen, struct capture **ret_capture);
void capture_free(struct capture *c); /* NULL is fine */
/* Hands over what the reader takes now. False: it is gone. */
bool capture_flush(struct capture *c);

#endif
