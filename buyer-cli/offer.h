/* SPDX-License-Identifier: Apache-2.0
 * offer.h - what machines offer, for the commands that look at it
 */
#ifndef BUYER_OFFER_H
#define BUYER_OFFER_H

#include "session.h"

/* Those that meet the command's arguments, a query; sorted by that field (NULL: by price), so many at most (0: all). Exit code. */
int offers_fetch(session_t *s, const char *sort, int64_t limit, json_t **ret_items);
/* One of the items, by its machine's name, id, or the beginning of that; borrowed. Exit code. */
int offer_find(struct cli *cli, json_t *items, const char *word, json_t **ret_offer);

#endif
