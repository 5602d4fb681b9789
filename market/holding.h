/* SPDX-License-Identifier: Apache-2.0
 * holding.h - which market holds the book: claiming it, keeping it, and handing on to who has it
 */
#ifndef MARKET_HOLDING_H
#define MARKET_HOLDING_H

#include "market.h"

/* Claims the book, and goes on trying while another market holds it; where it is got, everything is loaded. */
MUST_CHECK err_t holding_start(struct market *m);
/* Gives it up, where it is ours. */
void holding_stop(struct market *m);
/* Can what needs the book be asked for here? */
bool holding_reachable(const struct market *m);

#endif
