/* SPDX-License-Identifier: Apache-2.0
 * pulse.h - does the database's server still say anything? Asked twice a second, on a connection and by a thread of its own
 *
 * A statement may take its time: it waits for a lock, for a disk. A server that leaves "SELECT 1" unanswered is stopped or cut off, and nobody
 * has to wait for it. One that is dead is not silent: whoever asks it is told at once.
 */
#ifndef STORE_PULSE_H
#define STORE_PULSE_H

#include <stdbool.h>
#include "err.h"

struct pulse;
MUST_CHECK err_t pulse_start(const char *uri, struct pulse **ret_pulse);
void pulse_stop(struct pulse *p);
/* It was asked three seconds ago, and since then nothing came. From any thread; NULL: false. */
bool pulse_silent(const struct pulse *p);

#endif
