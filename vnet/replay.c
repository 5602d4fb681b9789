/* SPDX-License-Identifier: Apache-2.0
 * replay.c - each counter of a session is accepted once, late ones within a window (RFC 4303 section 3.4.3)
 */
#include <string.h>
#include "replay.h"

static uint64_t *word_of(struct replay *r, uint64_t counter)
{
	return &r->seen[counter % REPLAY_WINDOW / 64];
}

static uint64_t bit_of(uint64_t counter)
{
	return 1ull << (counter % 64);
}

bool replay_is_fresh(const struct replay *r, uint64_t counter)
{
	if (counter == 0)
		return false;
	if (counter > r->newest)
		return true;
	if (r->newest - counter >= REPLAY_WINDOW)
		return false;
	return !(r->seen[counter % REPLAY_WINDOW / 64] & bit_of(counter));
}

bool replay_accept(struct replay *r, uint64_t counter)
{
	if (!replay_is_fresh(r, counter))
		return false;
	if (counter > r->newest) {
		uint64_t ahead = counter - r->newest;
		if (ahead >= REPLAY_WINDOW)
			memset(r->seen, 0, sizeof r->seen);
		else
			for (uint64_t c = r->newest + 1; c < counter; c++)
				*word_of(r, c) &= ~bit_of(c);
		r->newest = counter;
	}
	*word_of(r, counter) |= bit_of(counter);
	return true;
}
