/* SPDX-License-Identifier: Apache-2.0
 * screen.c - the guest's screen as the outer process has it
 */
#include "screen.h"
#include <string.h>
#include "png.h"

bool screen_ask(struct screen *screen, mono_time now)
{
	if (screen->asked || (screen->asked_at.us && now.us - screen->asked_at.us < SCREEN_PERIOD_US))
		return false;
	screen->asked = true;
	screen->asked_at = now;
	return true;
}

err_t screen_take(struct screen *screen, const void *png, size_t len, mono_time now)
{
	if (!screen->asked || len > sizeof screen->png)
		return E_INVALID;
	if (len) {
		TRY(png_check(png, len, PICTURE_MAX_WIDTH, PICTURE_SCREEN_MAX_HEIGHT));
		memcpy(screen->png, png, len);
	}
	screen->asked = false;
	screen->len = len;
	screen->number += len > 0;
	screen->came_at = now;
	return OK;
}

size_t screen_fresh(const struct screen *screen, mono_time now)
{
	return now.us - screen->came_at.us < SCREEN_FRESH_US ? screen->len : 0;
}
