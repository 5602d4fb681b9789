/* SPDX-License-Identifier: Apache-2.0
 * pcapng.h - captured frames in the format that Wireshark reads (draft-ietf-opsawg-pcapng), one ethernet interface a file
 *
 * Blocks are appended to a buf; whoever owns it writes it out. Big-endian, which the format allows and every reader takes.
 */
#ifndef BUYER_PCAPNG_H
#define BUYER_PCAPNG_H

#include "buf.h"
#include "clock.h"

/* The section's header and its interface. Times have microseconds, the format's default. */
void pcapng_begin(struct buf *out, const char *program, const char *interface, const char *description, uint32_t snaplen);
/* One frame: captured of its len bytes. outbound: the interface's machine sent it. */
void pcapng_frame(struct buf *out, wall_time at, bool outbound, const void *data, uint32_t captured, uint32_t len);
/* At the end: how many frames there were, and how many of them are missing here. */
void pcapng_statistics(struct buf *out, wall_time began, wall_time ended, uint64_t received, uint64_t dropped);

#endif
