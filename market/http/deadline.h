/* SPDX-License-Identifier: Apache-2.0
 * deadline.h - how long a connection may take to ask, to send and to read
 *
 * A connection that is silent is closed. One that shows a byte now and then is not; the other bounds are on the whole of what it does, in
 * multiples of the time for silence. So a connection has two of these.
 */
#ifndef HTTP_DEADLINE_H
#define HTTP_DEADLINE_H

#include "clock.h"

enum phase {
	PHASE_NONE,    /* it waits for us, or its answer is a stream: no bound */
	PHASE_SILENCE, /* since it sent or took something */
	PHASE_HEAD,    /* from the connection's begin, or the answer before: handshake, request line, headers */
	PHASE_BODY,
	PHASE_ANSWER, /* until it has taken all of it */
	PHASE_COUNT,
};

struct deadline {
	enum phase phase;
	int fd;
	mono_time since;
	struct deadline *next, *previous;
};
struct deadlines {
	/* Of each phase, the oldest first. */
	struct {
		struct deadline *first, *last;
	} phases[PHASE_COUNT];
	int64_t silence_us;
};

void deadline_enter(struct deadlines *all, struct deadline *d, enum phase phase, mono_time now);
/* Shuts down those that took too long; their next step then is their end. */
void deadlines_sweep(struct deadlines *all, mono_time now);

#endif
