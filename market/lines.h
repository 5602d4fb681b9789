/* SPDX-License-Identifier: Apache-2.0
 * lines.h - measures machines' internet lines (protocol/line.h); its handlers are in handlers.h
 */
#ifndef MARKET_LINES_H
#define MARKET_LINES_H

#include "market.h"
#include "request.h"

struct lines;
struct lines *lines_new(void); /* NULL: no memory */
void lines_free(struct lines *l);
/* Before the body of a PUT comes, which is more than others may send: is it what comes next? Else refuses. */
MUST_CHECK err_t line_wanted(struct request *r);

#endif
