/* SPDX-License-Identifier: Apache-2.0
 * packet_queue.c - packets that wait for a byte stream: bounded in bytes and in time, control ahead of data
 */
#include "packet_queue.h"
#include <stdlib.h>
#include "bytes.h"

struct queued {
	struct queued *next;
	int64_t at_us;
	size_t len;
	uint8_t packet[];
};

static struct queued *row_pop(struct packet_row *row)
{
	struct queued *p = row->first;
	row->first = p->next;
	if (!row->first)
		row->last = NULL;
	row->count--;
	return p;
}

static void row_push(struct packet_row *row, struct queued *p)
{
	if (row->last)
		row->last->next = p;
	else
		row->first = p;
	row->last = p;
	row->count++;
}

static void drop(struct packet_queue *q, struct packet_row *row)
{
	struct queued *p = row_pop(row);
	if (row == &q->data)
		q->bytes -= p->len;
	q->dropped++;
	free(p);
}

void packet_queue_put(struct packet_queue *q, const uint8_t *packet, size_t len, bool control, mono_time now)
{
	struct packet_row *row = control ? &q->control : &q->data;
	struct queued *p = len > 0 && len <= PACKET_QUEUE_MAX_PACKET ? malloc(sizeof *p + len) : NULL;
	if (!p) {
		q->dropped++;
		return;
	}
	p->next = NULL;
	p->at_us = now.us;
	p->len = len;
	memcpy(p->packet, packet, len);
	while (control ? row->count >= PACKET_QUEUE_CONTROL : q->bytes + len > PACKET_QUEUE_BYTES)
		drop(q, row);
	row_push(row, p);
	if (!control)
		q->bytes += len;
}

size_t packet_queue_take(struct packet_queue *q, uint8_t *room, size_t size, size_t low, mono_time now)
{
	struct writer w = writer_of(room, size);
	while (q->data.first && now.us - q->data.first->at_us > PACKET_QUEUE_US)
		drop(q, &q->data);
	while (!packet_queue_is_empty(q) && writer_len(&w) < low) {
		struct packet_row *row = q->control.first ? &q->control : &q->data;
		if (PACKET_QUEUE_PREFIX + row->first->len > size - writer_len(&w))
			break;
		struct queued *p = row_pop(row);
		if (row == &q->data)
			q->bytes -= p->len;
		write_u16(&w, (uint16_t)p->len);
		write_bytes(&w, p->packet, p->len);
		free(p);
	}
	return writer_len(&w);
}

bool packet_queue_is_empty(const struct packet_queue *q)
{
	return !q->control.first && !q->data.first;
}

void packet_queue_clear(struct packet_queue *q)
{
	while (q->control.first)
		drop(q, &q->control);
	while (q->data.first)
		drop(q, &q->data);
}
