/* SPDX-License-Identifier: Apache-2.0
 * payments.h - asking payment providers, and hearing from them
 */
#ifndef MARKET_PAYMENTS_H
#define MARKET_PAYMENTS_H

#include "market.h"

/* m->pay is there. A timer asks about what is due in the database; threads wait for the answers. */
MUST_CHECK err_t payments_start(struct market *m);
/* Gives up calls under way; waits for the threads. */
void payments_stop(struct market *m);

#endif
