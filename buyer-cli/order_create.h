/* SPDX-License-Identifier: Apache-2.0
 * order_create.h - placing an order, for the commands that do
 */
#ifndef BUYER_ORDER_CREATE_H
#define BUYER_ORDER_CREATE_H

#include "order.h"
#include "output.h"
#include "session.h"

extern const struct column order_columns[]; /* of one order */

/* What an order is taken to be where the command line does not say. */
struct order_defaults {
	const char *image, *name; /* image NULL: it must be said */
	const char *key_file;	  /* of a key that user_data has, to be shown; NULL: none */
	const char *user_data;	  /* NULL: none */
	int64_t count, cores, memory_bytes, duration_us;
};

#define ORDER_WORD_SIZE (NAME_SIZE + UUID_TEXT_SIZE)
/* Places it by the options of `order create`, waits with --wait, and prints it. ret_word: its name, or its id where it has none; left alone where
 * there is no order (a refusal, --dry-run). Exit code. */
int order_create(session_t *s, const struct order_defaults *defaults, char *ret_word);

#endif
