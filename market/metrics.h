/* SPDX-License-Identifier: Apache-2.0
 * metrics.h - what the market counts, in Prometheus' text format
 */
#ifndef MARKET_METRICS_H
#define MARKET_METRICS_H

#include "market.h"

MUST_CHECK err_t metrics_new(struct metrics **ret_metrics);
void metrics_free(struct metrics *x);
/* The server's hook: counts and logs one request. */
void metrics_done(struct request *r);

#endif
