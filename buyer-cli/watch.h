/* SPDX-License-Identifier: Apache-2.0
 * watch.h - waiting for an order, within --timeout
 */
#ifndef BUYER_WATCH_H
#define BUYER_WATCH_H

#include "session.h"

enum wait_for { WAIT_RUNNING, WAIT_ENDED };
/* EXIT_OK: every VM runs, or every VM has ended well. EXIT_PENDING: --timeout passed. EXIT_ENDED_BADLY: a VM ended for a reason that is
 * not the buyer's wish, or (WAIT_RUNNING) before all ran. */
int wait_for_order(session_t *s, const char *order, enum wait_for what);
/* Says the last of them; returns EXIT_ENDED_BADLY. */
int say_ended_badly(session_t *s, const char *order);

#endif
