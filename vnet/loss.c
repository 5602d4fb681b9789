/* SPDX-License-Identifier: Apache-2.0
 * loss.c - what share of a path's pings went unanswered in the last minute
 */
#include "loss.h"

void loss_asked(struct loss *l, mono_time now)
{
	int64_t number = now.us / LOSS_SLOT_US;
	int i = (int)(number % LOSS_SLOTS);
	if (l->slot[i].number != number) {
		l->slot[i].number = number;
		l->slot[i].asked = l->slot[i].answered = 0;
	}
	if (l->slot[i].asked < UINT16_MAX)
		l->slot[i].asked++;
}

static bool is_recent(int64_t number, mono_time now)
{
	return number > now.us / LOSS_SLOT_US - LOSS_SLOTS;
}

void loss_answered(struct loss *l, int64_t asked_us, mono_time now)
{
	int64_t number = asked_us / LOSS_SLOT_US;
	int i = (int)(number % LOSS_SLOTS);
	if (l->slot[i].number == number && is_recent(number, now) && l->slot[i].answered < l->slot[i].asked)
		l->slot[i].answered++;
}

int loss_permille(const struct loss *l, unsigned pending, mono_time now)
{
	unsigned asked = 0, answered = 0;
	for (int i = 0; i < LOSS_SLOTS; i++) {
		if (!l->slot[i].asked || !is_recent(l->slot[i].number, now))
			continue;
		asked += l->slot[i].asked;
		answered += l->slot[i].answered;
	}
	if (asked - answered < pending)
		pending = asked - answered;
	asked -= pending;
	return asked ? (int)((asked - answered) * 1000 / asked) : -1;
}
