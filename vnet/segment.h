/* SPDX-License-Identifier: Apache-2.0
 * segment.h - super-frames: TCP or UDP frames of up to 64 KiB, cut into frames for the wire and joined again behind it
 *
 * Pure. Checksums of super-frames and of their segments are partial (INNER_PARTIAL_CSUM): they cover the pseudo-header only.
 */
#ifndef VNET_SEGMENT_H
#define VNET_SEGMENT_H

#include "wire.h"

#define SUPER_MAX_BYTES (65535 + 22)	/* IP's longest packet behind an ethernet header and two VLAN tags */
#define SUPER_MAX_SEGMENTS 2048		/* the smallest that TCP makes have 36 bytes */
#define SEGMENT_HEAD_MAX (22 + 60 + 60) /* ethernet, IPv4 and TCP, each with all options */

/* What goes with a frame between port, ethernet and peers. */
struct offload {
	bool partial_csum;
	uint8_t gso; /* 0: a frame; INNER_GSO_...: from the port a super-frame, from a peer a segment of one */
	uint16_t gso_size;
	/* of a segment; only hints, what they lead together is compared */
	uint16_t super_id, index;
	bool last;
	bool loose; /* no segment, but it too stays where it is until the port is flushed: UDP's may be joined */
};
extern const struct offload offload_none;

/* Where the headers of a TCP or UDP frame are. */
struct layout {
	bool ipv6;
	uint16_t ip, transport, head_len; /* offsets; the last is the payload's */
	uint16_t pseudo;		  /* folded sum of addresses and protocol */
	uint16_t ip_sum;		  /* of IPv4's header without length, identification and checksum */
};

/* ---- cutting ---- */
struct super {
	const uint8_t *frame;
	size_t len;
	struct layout at;
	struct offload offload;
	uint32_t sequence; /* TCP's */
	uint16_t id;	   /* IPv4's */
};
/* E_INVALID: not one whole TCP or UDP packet of the kind that o says, a segment size of 0, no payload, or a SYN or RST. */
MUST_CHECK err_t super_of(const uint8_t *frame, size_t len, const struct offload *o, struct super *ret_super);
size_t super_count(const struct super *s, size_t size);
/* Writes frame number index of those with size bytes of payload each: at most at.head_len + size bytes; returns how many. */
size_t super_cut(const struct super *s, size_t size, size_t index, uint8_t *to);

/* ---- joining ---- */
#define RUN_MAX 64 /* segments joined at most: what UDP's segmentation takes in older kernels */

/* Neighbours that can be joined. The frames stay where they are. */
struct run {
	const uint8_t *frame[RUN_MAX];
	size_t len[RUN_MAX];
	int count;
	struct layout at;
	uint8_t gso;
	bool loose;    /* of frames that nobody cut */
	uint16_t id;   /* IPv4's of the first */
	uint16_t size; /* payload of each but the last */
	uint16_t super_id, index;
	uint32_t sequence;
	size_t payload;
	bool closed;						/* none may follow */
	uint8_t head[SEGMENT_HEAD_MAX], mask[SEGMENT_HEAD_MAX]; /* mask: what each segment's headers must have as head */
};
/* Begins with this one; false where nothing can be joined to it. frame must stay as it is until the run is written. */
bool run_begin(struct run *r, const uint8_t *frame, size_t len, const struct offload *o);
/* Is it the next one? All of its headers are compared, so that a join makes nothing that the segments did not say. */
bool run_join(struct run *r, const uint8_t *frame, size_t len, const struct offload *o);
/* Makes head the header of the whole, with a partial checksum; the payloads follow from frame[i] + at.head_len. */
void run_finish(struct run *r);

#endif
