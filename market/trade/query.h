/* SPDX-License-Identifier: Apache-2.0
 * query.h - the language in which offers are asked for: 'cores>=4 price<=0.02 country notin [US,GB]'
 *
 * Terms with blanks between; an offer must meet all of them. docs/OFFERS.md has the grammar and the fields. Pure: no allocation.
 */
#ifndef TRADE_QUERY_H
#define TRADE_QUERY_H

#include "order.h"

#define QUERY_BYTES 512 /* of the longest query */
#define QUERY_TERMS 16
#define QUERY_VALUES 64 /* of all terms together */
#define QUERY_ERROR_SIZE 224

enum query_operator {
	QUERY_EQUAL,
	QUERY_NOT_EQUAL,
	QUERY_LESS,
	QUERY_AT_MOST,
	QUERY_MORE,
	QUERY_AT_LEAST,
	QUERY_IN,
	QUERY_NOT_IN
};

struct query_value {
	int64_t number;
	char text[NAME_SIZE];
};
/* Only query_parse() makes one. Zero-initialised it takes every offer. */
struct query {
	size_t term_count, value_count;
	struct query_term {
		int field;
		char region[REGION_SIZE]; /* of rtt.REGION, else "" */
		enum query_operator operator;
		size_t first_value, value_count;
	} terms[QUERY_TERMS];
	struct query_value values[QUERY_VALUES];
};

/* E_INVALID, and error (QUERY_ERROR_SIZE) says "column N: " and what is wrong there; columns are bytes, counted from 1. */
MUST_CHECK err_t query_parse(const char *text, struct query *ret, char *error);
bool query_matches(const struct query *query, const struct offer *offer);

/* "price", or "-score" for the largest first; the field must be a number. E_NOT_FOUND. */
struct query_sort {
	int field;
	char region[REGION_SIZE];
	bool descending;
};
MUST_CHECK err_t query_sort_parse(const char *text, struct query_sort *ret);
/* What offers are sorted by, ascending; those of which it is not known come last. */
int64_t query_sort_key(const struct query_sort *sort, const struct offer *offer);

#endif
