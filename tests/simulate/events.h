/* SPDX-License-Identifier: Apache-2.0
 * events.h - the simulated time: it jumps from one thing to do to the next
 */
#ifndef SIMULATE_EVENTS_H
#define SIMULATE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

extern int64_t world_us; /* the time that no clock shows: each machine's runs on its own */

typedef void event_run(void *who, uint64_t what);
/* Those of one moment happen in the order in which they were asked for. A moment that has passed is now. */
void event_at(int64_t at_us, event_run *run, void *who, uint64_t what);
/* Does all that is due until then. */
void events_until(int64_t end_us);
/* What has not happened: given to drop and forgotten. */
void events_clear(void (*drop)(event_run *run, void *who));

#endif
