/* SPDX-License-Identifier: Apache-2.0
 * fragment.c - frames that do not fit a path's datagram
 *
 * All pieces but the last have the same length, so a piece's offset is its index times that length: whatever does not agree with
 * its frame's other pieces is refused, and pieces can never overlap. Memory is bounded by FRAGMENT_FRAMES a peer; where a new
 * frame finds no room, the oldest unfinished one goes.
 */
#include <assert.h>
#include "fragment.h"

static_assert(FRAGMENT_MAX_COUNT <= 64, "a bit of fragment_frame.got each");

int fragment_count(size_t frame_len, size_t room, size_t *ret_piece)
{
	if (room == 0 || frame_len == 0)
		return 0;
	size_t count = (frame_len + room - 1) / room;
	if (count < 2)
		count = 2;
	size_t piece = (frame_len + count - 1) / count;
	/* Rounding up may leave the last piece without a byte. */
	count = (frame_len + piece - 1) / piece;
	if (count < 2 || count > FRAGMENT_MAX_COUNT)
		return 0;
	*ret_piece = piece;
	return (int)count;
}

struct fragments *fragments_new(void)
{
	return calloc(1, sizeof(struct fragments));
}

void fragments_free(struct fragments *f)
{
	if (!f)
		return;
	for (int i = 0; i < FRAGMENT_FRAMES; i++)
		free(f->frame[i].data);
	free(f);
}

static struct fragment_frame *frame_of(struct fragments *f, const struct inner *in, mono_time now)
{
	struct fragment_frame *best = NULL;
	for (int i = 0; i < FRAGMENT_FRAMES; i++) {
		struct fragment_frame *slot = &f->frame[i];
		if (slot->count && now.us - slot->begun_us >= FRAGMENT_TIME_US)
			slot->count = 0;
		if (slot->count && slot->id == in->fragment.frame_id)
			return slot;
		if (!best || (best->count && (!slot->count || slot->begun_us < best->begun_us)))
			best = slot;
	}
	if (!best->data)
		best->data = malloc(FRAME_MAX_BYTES);
	if (!best->data)
		return NULL;
	uint8_t *data = best->data;
	*best = (struct fragment_frame){
		.data = data, .begun_us = now.us, .id = in->fragment.frame_id, .count = in->fragment.count, .flags = in->flags
	};
	return best;
}

/* Does the piece agree with itself and with those of its frame that are here? */
static bool fits(const struct fragment_frame *f, const struct inner *in, size_t len)
{
	unsigned index = in->fragment.index, last = in->fragment.count - 1u;
	size_t offset = in->fragment.offset, piece = index == 0 ? len : offset / index;
	if (len == 0 || in->fragment.count > FRAGMENT_MAX_COUNT || offset + len > FRAME_MAX_BYTES)
		return false;
	if (piece == 0 || offset != piece * index || len > piece || (index != last && len != piece))
		return false;
	if (!f)
		return true;
	return f->count == in->fragment.count && f->flags == in->flags && (f->piece == 0 || f->piece == piece);
}

err_t fragments_take(struct fragments *f, const struct inner *in, const uint8_t *piece, size_t len, mono_time now,
		     uint8_t **ret_frame, size_t *ret_len)
{
	if (!fits(NULL, in, len))
		return E_INVALID;
	struct fragment_frame *slot = frame_of(f, in, now);
	if (!slot)
		return E_NOMEM;
	if (!fits(slot, in, len))
		return E_INVALID;
	unsigned index = in->fragment.index;
	if (slot->got & 1ull << index)
		return E_EXISTS;
	memcpy(slot->data + in->fragment.offset, piece, len);
	slot->piece = (uint16_t)(index == 0 ? len : in->fragment.offset / index);
	slot->got |= 1ull << index;
	slot->have++;
	if (index == slot->count - 1u)
		slot->len = in->fragment.offset + len;
	if (slot->have < slot->count)
		return E_AGAIN;
	*ret_frame = slot->data;
	*ret_len = slot->len;
	slot->count = 0;
	return OK;
}
