/* SPDX-License-Identifier: Apache-2.0
 * events.h - what happened, as Server-Sent Events (WHATWG HTML section 9.2)
 */
#ifndef MARKET_EVENTS_H
#define MARKET_EVENTS_H

#include "market.h"

MUST_CHECK err_t events_new(struct market *m, struct events **ret_events);
void events_free(struct events *e);
/* Sends what is new to whom it concerns. Cheap where nothing is. */
void events_send(struct market *m);
/* Signs of life to those who heard nothing for a while. */
void events_beat(struct market *m, mono_time now);
size_t events_count(const struct events *e);

#endif
