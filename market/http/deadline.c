/* SPDX-License-Identifier: Apache-2.0
 * deadline.c - how long a connection may take to ask, to send and to read
 *
 * How it works: a phase has one bound, so a list of those that are in it, in the order of their coming, has the next one to be cut at its
 * head: nothing here depends on how many connections there are.
 */
#include "deadline.h"

#include <stddef.h>
#include <sys/socket.h>

/* A MiB in ten times 60 s is 14 kbit/s. */
static const int times_silence[PHASE_COUNT] = { [PHASE_SILENCE] = 1, [PHASE_HEAD] = 2, [PHASE_BODY] = 2, [PHASE_ANSWER] = 10 };

static void leave(struct deadlines *all, struct deadline *d)
{
	if (d->phase == PHASE_NONE)
		return;
	*(d->previous ? &d->previous->next : &all->phases[d->phase].first) = d->next;
	*(d->next ? &d->next->previous : &all->phases[d->phase].last) = d->previous;
	d->phase = PHASE_NONE;
}

void deadline_enter(struct deadlines *all, struct deadline *d, enum phase phase, mono_time now)
{
	if (d->phase == phase && d->since.us == now.us)
		return;
	leave(all, d);
	if (phase == PHASE_NONE)
		return;
	d->phase = phase;
	d->since = now;
	d->next = NULL;
	d->previous = all->phases[phase].last;
	*(d->previous ? &d->previous->next : &all->phases[phase].first) = d;
	all->phases[phase].last = d;
}

void deadlines_sweep(struct deadlines *all, mono_time now)
{
	for (int phase = PHASE_SILENCE; phase < PHASE_COUNT; phase++)
		for (struct deadline *d;
		     (d = all->phases[phase].first) && now.us - d->since.us > times_silence[phase] * all->silence_us;) {
			shutdown(d->fd, SHUT_RDWR);
			leave(all, d);
		}
}
