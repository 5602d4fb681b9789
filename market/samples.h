/* SPDX-License-Identifier: Apache-2.0
 * samples.h - how the market did: it samples itself every few minutes, and adds up behind what happened to whom
 */
#ifndef MARKET_SAMPLES_H
#define MARKET_SAMPLES_H

#include "market.h"

MUST_CHECK err_t samples_new(struct samples **ret_samples);
void samples_free(struct samples *h);
/* Does a bounded part of what is due; in every sweep. */
void samples_sweep(struct market *m, wall_time now);

/* ---- answers that many ask for: made once in a while, for everybody ---- */
enum shared { SHARED_TRADES, SHARED_COUNTRIES, SHARED_OUTCOMES, SHARED_SAMPLES, SHARED_COUNT = SHARED_SAMPLES + 4 };
/* Writes the answer's JSON. */
typedef err_t shared_fn(struct market *m, wall_time now, int variant, struct buf *out);
/* Answers with what fn wrote, at most max_age_s old; an ETag makes it cheap to ask again. variant: which of the samples' ranges. */
MUST_CHECK err_t shared_answer(struct request *r, enum shared which, int variant, int max_age_s, shared_fn *fn);

#endif
