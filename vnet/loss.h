/* SPDX-License-Identifier: Apache-2.0
 * loss.h - what share of a path's pings went unanswered in the last minute
 *
 * Pure. Counted are the pings that look whether a path works, not those that look for a larger datagram size.
 */
#ifndef VNET_LOSS_H
#define VNET_LOSS_H

#include <stdbool.h>
#include <stdint.h>
#include "clock.h"

#define LOSS_SLOTS 12
#define LOSS_SLOT_US (5 * SECOND_US) /* LOSS_SLOTS of them are a minute */

struct loss {
	struct {
		int64_t number; /* of the slot: time / LOSS_SLOT_US */
		uint16_t asked, answered;
	} slot[LOSS_SLOTS];
};

void loss_asked(struct loss *l, mono_time now);
void loss_answered(struct loss *l, int64_t asked_us, mono_time now);
/* Thousandths; -1 where nothing was asked. pending: so many of the last ones may still be answered. */
int loss_permille(const struct loss *l, unsigned pending, mono_time now);

#endif
