/* SPDX-License-Identifier: Apache-2.0
 * mss.h - TCP is asked for segments that the way to the peer carries in one piece
 */
#ifndef VNET_MSS_H
#define VNET_MSS_H

#include "frame.h"
#include "segment.h"

/* Where the frame is a SYN (IPv4 or IPv6) whose maximum segment size (RFC 9293 section 3.7.1) would fill frames of more than frame_bytes,
 * lowers it to what fits and keeps the checksum right, whole or partial. Other frames stay as they are. */
void mss_clamp(const struct frame *f, size_t frame_bytes, const struct offload *o);

#endif
