/* SPDX-License-Identifier: Apache-2.0
 * disputes.h - a dispute as programs see it
 */
#ifndef MARKET_DISPUTES_H
#define MARKET_DISPUTES_H

#include <jansson.h>
#include "books.h"

json_t *dispute_to_json(const struct dispute *d); /* the caller's */

#endif
