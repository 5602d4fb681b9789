/* SPDX-License-Identifier: Apache-2.0
 * console.c - the last bytes of a guest's serial console, while somebody reads them
 */
#include "console.h"

void console_clear(struct console *c)
{
	free(c->ring);
	*c = (struct console){ 0 };
}

void console_want(struct console *c, mono_time now, int64_t wanted_us)
{
	if (c->wanted_until.us < now.us)
		c->asked = now;
	c->wanted_until.us = now.us + wanted_us;
}

int64_t console_from(const struct console *c, mono_time now)
{
	return c->wanted_until.us > now.us ? c->end : -1;
}

err_t console_add(struct console *c, const struct console_chunk *chunk, mono_time now)
{
	if (chunk->from < 0 || chunk->from > INT64_MAX - CONSOLE_CHUNK || chunk->end < chunk->from + (int64_t)chunk->len)
		return E_INVALID;
	int64_t behind = chunk->from + (int64_t)chunk->len;
	if (!c->ring && !(c->ring = malloc(CONSOLE_RING)))
		return E_NOMEM;
	c->heard = now;
	c->machine_end = chunk->end;
	int64_t from = chunk->from;
	if (from > c->end || behind < c->start || c->start == c->end)
		c->start = c->end = from; /* begins anew */
	for (int64_t at = from < c->end ? c->end : from; at < behind; at++) {
		c->ring[at % CONSOLE_RING] = (char)chunk->data[at - from];
		c->end = at + 1;
	}
	if (c->end - c->start > CONSOLE_RING)
		c->start = c->end - CONSOLE_RING;
	return OK;
}

err_t console_type(struct console *c, const struct console_input *typed, mono_time now)
{
	struct console_input *waits = &c->typing.waits;
	if (typed->len > sizeof waits->data - waits->len)
		return E_LIMIT;
	memcpy(waits->data + waits->len, typed->data, typed->len);
	waits->len += typed->len;
	c->typing.last = now;
	return OK;
}

bool console_is_typed(const struct console *c, mono_time now)
{
	return c->typing.last.us && now.us - c->typing.last.us < CONSOLE_TYPING_US;
}

void console_taken(struct console *c, int64_t offset)
{
	struct console_input *waits = &c->typing.waits;
	int64_t taken = c->typing.counted ? offset - waits->from : 0;
	if (taken < 0)
		return; /* a late chunk */
	size_t gone = taken < (int64_t)waits->len ? (size_t)taken : waits->len;
	waits->len -= gone;
	memmove(waits->data, waits->data + gone, waits->len);
	waits->from = offset;
	c->typing.counted = true;
}

void console_read(const struct console *c, int64_t from, struct console_chunk *ret)
{
	int64_t at = from < c->start ? c->start : from > c->end ? c->end : from;
	int64_t len = c->end - at < CONSOLE_CHUNK ? c->end - at : CONSOLE_CHUNK;
	*ret = (struct console_chunk){ .from = at,
				       .end = c->machine_end > c->end ? c->machine_end : c->end,
				       .len = (size_t)len,
				       .live = c->heard.us && c->heard.us >= c->asked.us,
				       .typed = c->typing.waits.from };
	for (int64_t i = 0; i < len; i++)
		ret->data[i] = (uint8_t)c->ring[(at + i) % CONSOLE_RING];
}
