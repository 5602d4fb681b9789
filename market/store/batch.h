/* SPDX-License-Identifier: Apache-2.0
 * batch.h - what a kind of batch is to a lane; inside of market/store only
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "connection.h"
#include "lane.h"

#define BATCH_MAX 512

struct batch_kind {
	const char *sql; /* its rows: one an item, in their order */
	/* The parameters of all items as arrays, in $1, $2, … What they point to lives until the call that sends them. */
	void (*fill)(struct params *p, struct item **items, size_t count);
	/* An item's row. E_AGAIN: once more, alone. */
	err_t (*read)(struct row *row, struct item *item);
	/* May it be in one batch with those? NULL: always. */
	bool (*fits)(const struct item *item, struct item *const *others, size_t count);
};

/* One that fits with no other: it is a batch by itself. */
bool batch_alone(const struct item *item, struct item *const *others, size_t count);

/* Puts the item into the queue of its kind, and begins where nothing is under way. */
void lane_add(struct lane *l, const struct batch_kind *kind, struct item *item);

/* A column of all items: COLUMN(p, param_int_array, int64_t, items, count, of(i)->n) makes the array and adds it. */
#define COLUMN(p, add, type, count, expression)                                 \
	do {                                                                    \
		type *column_ = calloc((count) ? (count) : 1, sizeof *column_); \
		for (size_t i = 0; column_ && i < (count); i++)                 \
			column_[i] = (expression);                              \
		if (!column_)                                                   \
			(p)->error = E_NOMEM;                                   \
		add((p), column_, column_ ? (count) : 0);                       \
		free(column_);                                                  \
	} while (0)

#endif
