/* SPDX-License-Identifier: Apache-2.0
 * lines.h - measures machines' internet lines (protocol/line.h); its handlers are in handlers.h
 */
#ifndef MARKET_LINES_H
#define MARKET_LINES_H

#include "market.h"

struct lines;
struct lines *lines_new(void); /* NULL: no memory */
void lines_free(struct lines *l);

#endif
