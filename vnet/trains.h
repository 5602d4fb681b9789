/* SPDX-License-Identifier: Apache-2.0
 * trains.h - does the path to a peer carry packets that go many in one message (UDP_SEGMENT)? It is tried out with pings
 *
 * Pure: time and pongs go in, pings come out. A network card, a driver or a tunnel on the way may lose what others take; single
 * packets then go well, so nothing else notices.
 */
#ifndef VNET_TRAINS_H
#define VNET_TRAINS_H

#include "address.h"
#include "clock.h"

#define TRAIN_PINGS 8
#define TRAIN_WAIT_US (SECOND_US / 2) /* for the pongs */
#define TRAIN_ROUNDS 3		      /* lost while single ones came: it does not carry them */
#define TRAIN_BETTER 4		      /* so many more of the single ones must have come, or it was chance */
#define TRAIN_AGAIN_US (600 * SECOND_US)
#define TRAIN_LOSSY_US (10 * SECOND_US) /* single ones were lost too: nothing is known */

enum trains_state {
	TRAINS_UNUSED,
	TRAINS_TOGETHER, /* pings in one message */
	TRAINS_SINGLY,	 /* each by itself */
	TRAINS_KNOWN,	 /* until next_us */
};
struct trains {
	struct address to; /* the path */
	enum trains_state state;
	bool sent;    /* the pings are under way */
	bool refused; /* the last trial said: packets go each by itself */
	uint8_t rounds, came_together;
	uint8_t came;	 /* bits: the pings that were answered */
	uint64_t secret; /* the tokens' upper 56 bits */
	int64_t next_us;
};

/* A frame goes over this path: it is tried out if that was not done lately. */
void trains_used(struct trains *t, const struct address *to, mono_time now);
int64_t trains_due_us(const struct trains *t);
/* True: TRAIN_PINGS pings are to be sent to t->to with the tokens secret | 0, 1, ..., all in one message or each by itself. */
bool trains_next(struct trains *t, mono_time now, bool *ret_singly);
void trains_pong(struct trains *t, uint64_t token, mono_time now);

#endif
