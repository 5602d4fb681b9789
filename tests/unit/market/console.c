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

static err_t type(struct console *c, const char *text, int64_t s)
{
	struct console_input input = { .len = strlen(text) };
	memcpy(input.data, text, input.len);
	return console_type(c, &input, at(s));
}

static void waits(struct console *c, int64_t from, const char *want, const char *name)
{
	const struct console_input *w = &c->typing.waits;
	ok(w->from == from && w->len == strlen(want) && !memcmp(w->data, want, w->len), "%s: %lld %.*s", name, (long long)w->from,
	   (int)w->len, (const char *)w->data);
}

static void typing(void)
{
	struct console c = { 0 };
	ok(!console_is_typed(&c, at(1)), "nobody types");
	is_int(type(&c, "ab", 10), OK, "two keys");
	ok(console_is_typed(&c, at(11)) && !console_is_typed(&c, at(60)), "somebody does, for a while");
	console_taken(&c, 7);
	waits(&c, 7, "ab", "behind what the machine counted before");
	is_int(type(&c, "cd", 11), OK, "two more");
	console_taken(&c, 7);
	waits(&c, 7, "abcd", "nothing taken");
	console_taken(&c, 9);
	waits(&c, 9, "cd", "two taken");
	console_taken(&c, 7);
	waits(&c, 9, "cd", "a late word");
	console_taken(&c, 100);
	waits(&c, 100, "", "a machine that counts further");
	char much[CONSOLE_INPUT_MAX + 1];
	memset(much, 'x', CONSOLE_INPUT_MAX);
	much[CONSOLE_INPUT_MAX] = 0;
	is_int(type(&c, much, 12), OK, "as much as can wait");
	is_int(type(&c, "y", 13), E_LIMIT, "one more is refused");
	waits(&c, 100, much, "and changes nothing");
}

int main(void)
{
	typing();
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
