/* SPDX-License-Identifier: Apache-2.0
 * fragment.c - frames cut and put together in any order, with losses, and what is refused
 */
#include <assert.h>
#include "fragment.h"
#include "tap.h"

static uint8_t frame[FRAME_MAX_BYTES];
static mono_time now = { 1000000 };

static err_t take(struct fragments *f, uint32_t id, int index, int count, size_t piece, size_t len, size_t *ret_len,
		  uint8_t **ret_frame)
{
	size_t offset = (size_t)index * piece, n = len - offset < piece ? len - offset : piece;
	struct inner in = { .kind = INNER_FRAGMENT };
	in.fragment.frame_id = id;
	in.fragment.index = (uint8_t)index;
	in.fragment.count = (uint8_t)count;
	in.fragment.offset = (uint16_t)offset;
	return fragments_take(f, &in, frame + offset, n, now, ret_frame, ret_len);
}

static void test_sizes(void)
{
	struct fragments *f = fragments_new();
	int wrong = 0;
	uint32_t id = 0;
	for (size_t len = 300; len <= FRAME_MAX_BYTES; len += 61) {
		for (size_t room = 256; room < len; room += 97) {
			size_t piece, got_len = 0;
			uint8_t *got = NULL;
			int count = fragment_count(len, room, &piece);
			wrong += count < 2 || piece > room || (size_t)(count - 1) * piece >= len || (size_t)count * piece < len;
			/* Backwards and forwards in turns. */
			for (int i = 0; i < count; i++) {
				err_t e = take(f, id, id % 2 ? i : count - 1 - i, count, piece, len, &got_len, &got);
				wrong += e != (i == count - 1 ? OK : E_AGAIN);
			}
			wrong += got_len != len || !got || memcmp(got, frame, len) != 0;
			id++;
		}
	}
	is_int(wrong, 0, "%u frames of all sizes in pieces of all sizes", id);
	size_t piece;
	is_int(fragment_count(9000, 100, &piece), 0, "too many pieces");
	is_int(fragment_count(100, 0, &piece), 0, "no room at all");
	is_int(fragment_count(100, 100, &piece), 2, "never less than two");
	fragments_free(f);
}

static err_t raw(struct fragments *f, uint32_t id, uint8_t index, uint8_t count, uint16_t offset, size_t len)
{
	struct inner in = { .kind = INNER_FRAGMENT };
	uint8_t *ret_frame;
	size_t ret_len;
	in.fragment.frame_id = id;
	in.fragment.index = index;
	in.fragment.count = count;
	in.fragment.offset = offset;
	return fragments_take(f, &in, frame, len, now, &ret_frame, &ret_len);
}

static void test_refusals(void)
{
	struct fragments *f = fragments_new();
	is_int(raw(f, 1, 0, 3, 0, 100), E_AGAIN, "a first piece");
	is_int(raw(f, 1, 0, 3, 0, 100), E_EXISTS, "again");
	is_int(raw(f, 1, 1, 4, 100, 100), E_INVALID, "another count");
	is_int(raw(f, 1, 1, 3, 101, 101), E_INVALID, "another length");
	is_int(raw(f, 1, 1, 3, 100, 99), E_INVALID, "a short middle piece");
	is_int(raw(f, 1, 1, 3, 100, 101), E_INVALID, "a long one");
	is_int(raw(f, 1, 2, 3, 201, 50), E_INVALID, "an odd offset");
	is_int(raw(f, 1, 2, 3, 200, 101), E_INVALID, "a last piece longer than the others");
	is_int(raw(f, 1, 2, 3, 200, 0), E_INVALID, "an empty one");
	is_int(raw(f, 1, 2, 3, 200, 1), E_AGAIN, "a last one of one byte");
	is_int(raw(f, 1, 1, 3, 100, 100), OK, "and the frame is whole");
	is_int(raw(f, 2, 1, 2, 65000, 1000), E_INVALID, "past the largest frame");
	is_int(raw(f, 2, 0, 65, 0, 10), E_INVALID, "too many pieces");
	fragments_free(f);
}

static void test_bounds(void)
{
	struct fragments *f = fragments_new();
	for (uint32_t i = 0; i < FRAGMENT_FRAMES; i++, now.us++)
		assert(raw(f, 10 + i, 0, 2, 0, 100) == E_AGAIN);
	is_int(raw(f, 10, 1, 2, 100, 50), OK, "as many frames as may be under way");
	assert(raw(f, 99, 0, 2, 0, 100) == E_AGAIN);
	now.us++;
	assert(raw(f, 100, 0, 2, 0, 100) == E_AGAIN);
	is_int(raw(f, 11, 1, 2, 100, 50), E_AGAIN, "the oldest goes when another begins");
	is_int(raw(f, 100, 1, 2, 100, 50), OK, "the newest does not");
	assert(raw(f, 200, 0, 2, 0, 100) == E_AGAIN);
	now.us += FRAGMENT_TIME_US;
	is_int(raw(f, 200, 1, 2, 100, 50), E_AGAIN, "a piece that comes too late begins anew");
	fragments_free(f);
	fragments_free(NULL);
}

int main(void)
{
	for (size_t i = 0; i < sizeof frame; i++)
		frame[i] = (uint8_t)(i * 31 >> 3);
	test_sizes();
	test_refusals();
	test_bounds();
	return done_testing();
}
