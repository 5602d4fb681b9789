/* SPDX-License-Identifier: Apache-2.0
 * screen.h - the guest's screen as the outer process has it: the last picture out of the jail, and when another may be asked for
 */
#ifndef VM_SCREEN_H
#define VM_SCREEN_H

#include <stdbool.h>
#include "clock.h"
#include "err.h"
#include "picture.h"

#define SCREEN_PERIOD_US (2 * SECOND_US) /* no two are asked for within it, whoever looks */
#define SCREEN_FRESH_US (10 * SECOND_US) /* an older one is shown to nobody */

/* Zero-initialised: none, and none asked for. */
struct screen {
	uint8_t png[PICTURE_MAX_BYTES];
	size_t len;	 /* 0: none */
	uint64_t number; /* of the picture, 1, 2, … */
	bool asked;	 /* the inside has not answered yet */
	mono_time asked_at, came_at;
};

/* True: ask the inside now; it is noted that it was. */
bool screen_ask(struct screen *screen, mono_time now);
/* What the inside sent, len 0 where it could not. E_INVALID: nobody asked, or it is no PNG within the bounds. */
MUST_CHECK err_t screen_take(struct screen *screen, const void *png, size_t len, mono_time now);
/* The length of what may be shown, 0: nothing. */
size_t screen_fresh(const struct screen *screen, mono_time now);

#endif
