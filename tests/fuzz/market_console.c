/* SPDX-License-Identifier: Apache-2.0
 * market_console.c - fuzz: chunks of a machine's console in any order; what is read is what was sent at that offset. And what is typed,
 * taken in any steps: each byte waits at its own offset
 */
#include <assert.h>
#include <stdlib.h>
#include "bytes.h"
#include "console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The byte that stands at an offset, whoever sends it. */
static uint8_t byte_at(int64_t offset)
{
	return (uint8_t)((uint64_t)offset * 2654435761u >> 7);
}

static void check(const struct console *c, int64_t from)
{
	static struct console_chunk chunk;
	console_read(c, from, &chunk);
	assert(chunk.from >= c->start && chunk.from <= c->end && chunk.len <= CONSOLE_CHUNK);
	assert(chunk.from + (int64_t)chunk.len <= c->end && chunk.end >= c->end);
	for (size_t i = 0; i < chunk.len; i++)
		assert(chunk.data[i] == byte_at(chunk.from + (int64_t)i));
}

/* Keys, and a machine that says anything of how far it is: the next byte that waits is never one that was passed over or taken. */
static void type(const uint8_t *data, size_t size)
{
	struct console c = { 0 };
	struct console_input typed;
	struct reader r = reader_of(data, size);
	int64_t total = 0, first = -1; /* of the buyer's bytes; the offset of the first of them */
	for (int64_t now = 1; reader_left(&r) && now < 200; now++) {
		const struct console_input *w = &c.typing.waits;
		typed = (struct console_input){ .len = read_u16(&r) % (CONSOLE_INPUT_MAX + 1) };
		for (size_t i = 0; i < typed.len; i++)
			typed.data[i] = byte_at(total + (int64_t)i);
		size_t before = w->len;
		err_t e = console_type(&c, &typed, (mono_time){ now });
		assert(e == (before + typed.len > CONSOLE_INPUT_MAX ? E_LIMIT : OK) && w->len == before + (e ? 0 : typed.len));
		total += e ? 0 : (int64_t)typed.len;
		int64_t taken = read_u8(&r) & 1 ? (int64_t)(read_u64(&r) & CONSOLE_OFFSET_MAX) : w->from + read_u16(&r) % 600;
		console_taken(&c, taken);
		if (first < 0)
			first = w->from;
		assert(w->len <= CONSOLE_INPUT_MAX && w->from >= first);
		for (size_t i = 0; i < w->len; i++)
			assert(w->data[i] == byte_at(total - (int64_t)w->len + (int64_t)i));
	}
	console_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	type(data, size);
	static struct console_chunk chunk;
	struct console c = { 0 };
	struct reader r = reader_of(data, size);
	for (int64_t now = 1; reader_left(&r) && now < 200; now++) {
		uint8_t what = read_u8(&r);
		int64_t from = (int64_t)(what & 1 ? read_u64(&r) : read_u32(&r) % (4 * CONSOLE_RING));
		size_t len = read_u16(&r) % (CONSOLE_CHUNK + 1);
		bool sane = from >= 0 && from < INT64_MAX - 2 * CONSOLE_CHUNK;
		chunk = (struct console_chunk){ .from = from, .len = len };
		chunk.end = what & 2 ? (int64_t)read_u64(&r) : sane ? from + (int64_t)len : from;
		for (size_t i = 0; i < len; i++)
			chunk.data[i] = sane ? byte_at(from + (int64_t)i) : 0;
		err_t e = console_add(&c, &chunk, (mono_time){ now });
		assert(e == OK || e == E_INVALID);
		assert(e == E_INVALID || sane || len == 0 || from > INT64_MAX - 2 * CONSOLE_CHUNK);
		assert(c.start >= 0 && c.start <= c.end && c.end - c.start <= CONSOLE_RING);
		if (e == OK && !sane)
			break; /* at the end of all offsets: nothing more to compare */
		check(&c, 0);
		check(&c, from);
		check(&c, INT64_MAX);
	}
	console_clear(&c);
	return 0;
}
