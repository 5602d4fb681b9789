/* SPDX-License-Identifier: Apache-2.0
 * replay.h - each counter of a session is accepted once, late ones within a window
 */
#ifndef VNET_REPLAY_H
#define VNET_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

/* 100 ms at 1 Gb/s are 9,000 packets: what may be late when a path changes. */
#define REPLAY_WINDOW 16384

/* Zero-initialised: nothing seen. Counters start at 1. */
struct replay {
	uint64_t newest;
	uint64_t seen[REPLAY_WINDOW / 64]; /* bit counter % REPLAY_WINDOW, for the counters in (newest - REPLAY_WINDOW, newest] */
};

/* Could it be accepted? Asked before the packet is opened, so that floods of old packets cost nothing. */
bool replay_is_fresh(const struct replay *r, uint64_t counter);
/* It was authentic: false where it had been seen. Only then may the packet be used. */
bool replay_accept(struct replay *r, uint64_t counter);

#endif
