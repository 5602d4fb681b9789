/* SPDX-License-Identifier: Apache-2.0
 * market_query.c - fuzz: queries of offers; what is refused says where, what is taken decides the same twice
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const char *text, const char *error)
{
	char number[24];
	int64_t column;
	assert(!strncmp(error, "column ", 7) && strlen(error) < QUERY_ERROR_SIZE);
	size_t len = strcspn(error + 7, ":");
	assert(len < sizeof number && error[7 + len] == ':');
	memcpy(number, error + 7, len);
	number[len] = '\0';
	assert(int_parse(number, &column) == OK && column >= 1 && (size_t)column <= strlen(text) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct offer offers[] = { { .cores_free = 4, .country = "DE", .seller_name = "a" },
					       { .score = 7,
						 .rating_ppm = 1000000,
						 .accel = ACCEL_TCG,
						 .rtt = { { "eu", 12 }, { "us", 90 } },
						 .rtt_count = 2,
						 .up_kbit_s = 9 } };
	struct query query;
	struct query_sort sort;
	char error[QUERY_ERROR_SIZE] = "", *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (query_parse(text, &query, error) != OK)
		check_error(text, error);
	else
		for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
			assert(query.term_count <= QUERY_TERMS && query.value_count <= QUERY_VALUES);
			assert(query_matches(&query, &offers[i]) == query_matches(&query, &offers[i]));
		}
	if (query_sort_parse(text, &sort) == OK)
		(void)query_sort_key(&sort, &offers[0]);
	free(text);
	return 0;
}
