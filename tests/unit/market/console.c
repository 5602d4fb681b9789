/* SPDX-License-Identifier: Apache-2.0
 * console.c - tests of the console's ring
 */
#include "console.h"
#include "tap.h"

static mono_time at(int64_t s)
{
	return (mono_time){ s * SECOND_US };
}

static err_t add(struct console *c, int64_t from, const char *text, int64_t end)
{
	struct console_chunk chunk = { .from = from, .end = end, .len = strlen(text) };
	memcpy(chunk.data, text, chunk.len);
	return console_add(c, &chunk, at(100));
}

static void is_from(struct console *c, int64_t from, int64_t want_from, const char *want, const char *name)
{
	struct console_chunk chunk;
	console_read(c, from, &chunk);
	chunk.data[chunk.len] = 0;
	is_int(chunk.from, want_from, "%s: from", name);
	is_text((char *)chunk.data, want, "%s: text", name);
}

int main(void)
{
	struct console c = { 0 };
	is_int(console_from(&c, at(1)), -1, "nobody reads");
	console_want(&c, at(1), 30 * SECOND_US);
	is_int(console_from(&c, at(2)), 0, "somebody reads, from the start");
	is_int(console_from(&c, at(32)), -1, "for a while");
	is_from(&c, 0, 0, "", "empty");
	is_from(&c, 99, 0, "", "beyond the end of nothing");

	is_int(add(&c, 0, "hello ", 6), OK, "the first chunk");
	is_int(add(&c, 6, "world", 11), OK, "the next");
	is_from(&c, 0, 0, "hello world", "both");
	is_from(&c, 6, 6, "world", "the second");
	is_from(&c, 50, 11, "", "beyond the end");
	is_int(add(&c, 6, "world!", 12), OK, "an overlap");
	is_from(&c, 0, 0, "hello world!", "only what is new");
	is_int(add(&c, 0, "hello", 12), OK, "one that is here already");
	is_from(&c, 0, 0, "hello world!", "changes nothing");
	is_int(add(&c, 20, "later", 25), OK, "behind a gap");
	is_from(&c, 0, 20, "later", "what was before is gone");
	console_want(&c, at(200), SECOND_US);
	is_int(console_from(&c, at(200)), 25, "and goes on there");

	is_int(add(&c, -1, "x", 5), E_INVALID, "refuse a negative offset");
	is_int(add(&c, 30, "xyz", 31), E_INVALID, "refuse an end before the data's");
	is_int(add(&c, INT64_MAX, "x", INT64_MAX), E_INVALID, "refuse an offset that overflows");
	is_from(&c, 0, 20, "later", "refused ones change nothing");

	char big[1001];
	memset(big, 'a', 1000);
	big[1000] = 0;
	console_clear(&c);
	for (int i = 0; i < 200; i++)
		if (add(&c, (int64_t)i * 1000, big, 200000) != OK)
			ok(false, "fill");
	is_int(c.end, 200000, "all came");
	is_int(c.start, 200000 - CONSOLE_RING, "the last ring of it is kept");
	struct console_chunk chunk;
	console_read(&c, 0, &chunk);
	is_int(chunk.from, c.start, "reading starts at the oldest kept");
	is_int(chunk.len, CONSOLE_CHUNK, "a chunk at a time");
	console_clear(&c);
	return done_testing();
}
