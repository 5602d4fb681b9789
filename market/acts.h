/* SPDX-License-Identifier: Apache-2.0
 * acts.h - what operators do is written down, in the transaction that does it
 */
#ifndef MARKET_ACTS_H
#define MARKET_ACTS_H

#include "request.h"

/* Does this request change something that only an operator may change? */
bool act_is_one(const struct request *r);
/* Writes it down; in the request's transaction, before it is committed. */
MUST_CHECK err_t act_note(struct request *r);

#endif
