/* SPDX-License-Identifier: Apache-2.0
 * screen.h - the last picture of a guest's screen, while somebody looks at it
 *
 * How it works: a buyer's request says that somebody looks, and how wide it should be. While that lasts the answers to the machine's reports ask for
 * a picture, and what it sends is shown to whoever asks until it is too old. A picture that nobody asked for is refused.
 */
#ifndef MARKET_SCREEN_H
#define MARKET_SCREEN_H

#include "machine.h"

#define SCREEN_WANTED_US (10 * SECOND_US) /* behind a look, the next one is likely */
#define SCREEN_PERIOD_US (2 * SECOND_US)  /* between two pictures of a lease, however many look */
#define SCREEN_FRESH_US (10 * SECOND_US)  /* an older one is not shown */
#define SCREEN_LATE_US (30 * SECOND_US)	  /* a picture may come so much after the last look */

/* Zero-initialised: no picture, and nobody looks. */
struct screen {
	uint8_t *png; /* heap */
	size_t len;
	uint32_t width, wanted_width;		  /* at most; what was asked for when it came, and what is now */
	mono_time wanted_until, wide_until, came; /* wide_until: of wanted_width */
};
void screen_clear(struct screen *s);
void screen_want(struct screen *s, uint32_t width, mono_time now);
bool screen_is_wanted(const struct screen *s, mono_time now);
/* How wide a picture the machine should send now, 0: none. */
uint32_t screen_width(const struct screen *s, mono_time now);
/* What a machine sent. E_CONFLICT: it was not asked; E_INVALID: no PNG within the bounds of protocol/machine.h; E_NOMEM. */
MUST_CHECK err_t screen_put(struct screen *s, const void *png, size_t len, mono_time now);
/* A picture made for that width or more, and not too old. */
bool screen_shows(const struct screen *s, uint32_t width, mono_time now);
/* Frees a picture that nobody can see any more. */
void screen_sweep(struct screen *s, mono_time now);

#endif
