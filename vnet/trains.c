/* SPDX-License-Identifier: Apache-2.0
 * trains.c - does the path to a peer carry packets that go many in one message?
 *
 *               the first frame             no pong for some          fewer than TRAIN_BETTER more: nothing is known for a while
 *     UNUSED ----------------------> TOGETHER --------------> SINGLY ----------------------------------------> KNOWN (good)
 *                                     |  ^                      | |
 *                all pongs, KNOWN <---+  +----- that more -----+ +--- the TRAIN_ROUNDS'th time ---> KNOWN (refused)
 *
 * At first data goes in trains, afterwards as the last trial ended, also over another path. Where that is wrong, the next trial ends
 * within some two seconds.
 */
#include "crypto.h"
#include "trains.h"

static void begin(struct trains *t, enum trains_state state, mono_time now)
{
	random_fill(&t->secret, sizeof t->secret);
	t->secret &= ~0xffull;
	t->state = state;
	t->came = 0;
	t->sent = false;
	t->next_us = now.us;
}

static void end(struct trains *t, bool refused, int64_t again_us, mono_time now)
{
	t->state = TRAINS_KNOWN;
	t->refused = refused;
	t->rounds = 0;
	t->next_us = now.us + again_us;
}

void trains_used(struct trains *t, const struct address *to, mono_time now)
{
	if (t->state != TRAINS_UNUSED && address_equal(&t->to, to) && (t->state != TRAINS_KNOWN || now.us < t->next_us))
		return;
	if (!address_equal(&t->to, to))
		*t = (struct trains){ .to = *to, .refused = t->refused };
	begin(t, TRAINS_TOGETHER, now);
}

int64_t trains_due_us(const struct trains *t)
{
	return t->state == TRAINS_TOGETHER || t->state == TRAINS_SINGLY ? t->next_us : INT64_MAX;
}

static int came(const struct trains *t)
{
	return __builtin_popcount(t->came);
}

/* The pongs have had their time. */
static void judge(struct trains *t, mono_time now)
{
	if (t->state == TRAINS_TOGETHER) {
		t->came_together = (uint8_t)came(t);
		begin(t, TRAINS_SINGLY, now);
	} else if (came(t) < t->came_together + TRAIN_BETTER) {
		end(t, t->refused, TRAIN_LOSSY_US, now);
	} else if (++t->rounds == TRAIN_ROUNDS) {
		end(t, true, TRAIN_AGAIN_US, now);
	} else {
		begin(t, TRAINS_TOGETHER, now);
	}
}

bool trains_next(struct trains *t, mono_time now, bool *ret_singly)
{
	if (now.us < trains_due_us(t))
		return false;
	if (t->sent)
		judge(t, now);
	if (t->state == TRAINS_KNOWN)
		return false;
	t->sent = true;
	t->next_us = now.us + TRAIN_WAIT_US;
	*ret_singly = t->state == TRAINS_SINGLY;
	return true;
}

void trains_pong(struct trains *t, uint64_t token, mono_time now)
{
	if ((t->state != TRAINS_TOGETHER && t->state != TRAINS_SINGLY) || (token ^ t->secret) >= TRAIN_PINGS)
		return;
	t->came |= (uint8_t)(1u << (token & 7));
	if (came(t) < TRAIN_PINGS)
		return;
	if (t->state == TRAINS_TOGETHER)
		end(t, false, TRAIN_AGAIN_US, now);
	else
		t->next_us = now.us; /* no need to wait */
}
