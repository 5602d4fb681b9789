/* SPDX-License-Identifier: Apache-2.0
 * packet_queue.h - packets that wait for a byte stream: bounded in bytes and in time, control ahead of data
 *
 * Pure. What waited too long is worth nothing to whom it is for, so the oldest go first when there is no room.
 */
#ifndef VNET_PACKET_QUEUE_H
#define VNET_PACKET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "clock.h"

#define PACKET_QUEUE_BYTES (256 << 10)
#define PACKET_QUEUE_US 50000 /* of data; control stays until it goes or is pushed out */
#define PACKET_QUEUE_CONTROL 64
#define PACKET_QUEUE_MAX_PACKET UINT16_MAX
#define PACKET_QUEUE_PREFIX 2 /* the length that goes before each packet */

struct queued;
struct packet_queue { /* zero-initialised is empty */
	struct packet_row {
		struct queued *first, *last;
		size_t count;
	} control, data;
	size_t bytes; /* of data */
	uint64_t dropped;
};

/* Copies the packet; len is 1 .. PACKET_QUEUE_MAX_PACKET. */
void packet_queue_put(struct packet_queue *q, const uint8_t *packet, size_t len, bool control, mono_time now);
/* Moves whole packets into room, each behind its length, and returns how many bytes that are. Once low bytes are there no more are
 * taken. A room of PACKET_QUEUE_PREFIX + PACKET_QUEUE_MAX_PACKET has place for at least one. */
size_t packet_queue_take(struct packet_queue *q, uint8_t *room, size_t size, size_t low, mono_time now);
bool packet_queue_is_empty(const struct packet_queue *q);
void packet_queue_clear(struct packet_queue *q);

#endif
