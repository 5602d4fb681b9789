/* SPDX-License-Identifier: Apache-2.0
 * screen.c - the last picture of a guest's screen, while somebody looks at it
 */
#include "screen.h"

#include "png.h"

void screen_clear(struct screen *s)
{
	free(s->png);
	*s = (struct screen){ 0 };
}

void screen_want(struct screen *s, uint32_t width, mono_time now)
{
	/* The widest that anybody looks at is good for all. */
	if (width >= s->wanted_width || s->wide_until.us <= now.us) {
		s->wanted_width = width;
		s->wide_until.us = now.us + SCREEN_WANTED_US;
	}
	s->wanted_until.us = now.us + SCREEN_WANTED_US;
}

bool screen_is_wanted(const struct screen *s, mono_time now)
{
	return s->wanted_until.us > now.us;
}

static bool is_due(const struct screen *s, mono_time now)
{
	return !s->came.us || now.us - s->came.us >= SCREEN_PERIOD_US;
}

uint32_t screen_width(const struct screen *s, mono_time now)
{
	return screen_is_wanted(s, now) && is_due(s, now) ? s->wanted_width : 0;
}

err_t screen_put(struct screen *s, const void *png, size_t len, mono_time now)
{
	if (!s->wanted_until.us || now.us - s->wanted_until.us > SCREEN_LATE_US || !is_due(s, now))
		return E_CONFLICT;
	if (len > SCREEN_MAX_BYTES)
		return E_INVALID;
	TRY(png_check(png, len, SCREEN_MAX_WIDTH, SCREEN_MAX_HEIGHT));
	uint8_t *copy = malloc(len);
	if (!copy)
		return E_NOMEM;
	memcpy(copy, png, len);
	free(s->png);
	s->png = copy;
	s->len = len;
	s->width = s->wanted_width;
	s->came = now;
	return OK;
}

bool screen_shows(const struct screen *s, uint32_t width, mono_time now)
{
	return s->png && s->width >= width && now.us - s->came.us < SCREEN_FRESH_US;
}

void screen_sweep(struct screen *s, mono_time now)
{
	if (s->png && now.us - s->came.us >= SCREEN_FRESH_US && !screen_is_wanted(s, now)) {
		free(s->png);
		s->png = NULL;
		s->len = 0;
	}
}
