/* SPDX-License-Identifier: Apache-2.0
 * match.c - making proposed matches durable
 */
#include <assert.h>
#include "book.h"
#include "connection.h"
#include "file.h"

const char *const match_outcome_names[] = { "made", "order", "machine", "capacity", "group" };
static_assert(sizeof match_outcome_names / sizeof *match_outcome_names == MATCH_OUTCOME_COUNT, "a name for each");

static const char MATCH_SQL[] = "SELECT lease, outcome FROM matches_make($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/* The matches by columns; a batch is one statement. */
struct columns {
	uuid *orders, *machines;
	int64_t *core, *memory, *transfer, *cores, *memory_mib, *groups;
};

static void columns_fill(struct columns *c, const struct match *matches, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		c->orders[i] = matches[i].order;
		c->machines[i] = matches[i].machine;
		c->core[i] = matches[i].prices.per_core_hour.micro;
		c->memory[i] = matches[i].prices.per_gib_hour.micro;
		c->transfer[i] = matches[i].prices.per_gib_transferred.micro;
		c->cores[i] = matches[i].cores;
		c->memory_mib[i] = matches[i].memory_mib;
		/* Groups are numbered by where they begin, from 1; 0: in none. */
		bool goes_on = i > 0 && matches[i - 1].all_or_none && uuid_equal(matches[i - 1].order, matches[i].order);
		c->groups[i] = !matches[i].all_or_none ? 0 : goes_on ? c->groups[i - 1] : (int64_t)i + 1;
	}
}

err_t store_match(struct store *s, const struct match *matches, size_t count, wall_time now, struct made *ret_made)
{
	if (count == 0)
		return OK;
	AUTO_FREE uuid *ids = calloc(2 * count, sizeof *ids);
	AUTO_FREE int64_t *numbers = calloc(6 * count, sizeof *numbers);
	if (!ids || !numbers)
		return E_NOMEM;
	struct columns c = { ids,
			     ids + count,
			     numbers,
			     numbers + count,
			     numbers + 2 * count,
			     numbers + 3 * count,
			     numbers + 4 * count,
			     numbers + 5 * count };
	columns_fill(&c, matches, count);
	struct params p = { 0 };
	param_uuid_array(&p, c.orders, count);
	param_uuid_array(&p, c.machines, count);
	param_int_array(&p, c.core, count);
	param_int_array(&p, c.memory, count);
	param_int_array(&p, c.transfer, count);
	param_int_array(&p, c.cores, count);
	param_int_array(&p, c.memory_mib, count);
	param_int_array(&p, c.groups, count);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, MATCH_SQL, &p, &result));
	if ((size_t)PQntuples(result) != count)
		return store_fail(s, E_INTERNAL, "matches_make answered for %d of %zu matches", PQntuples(result), count);
	for (size_t i = 0; i < count; i++) {
		struct row row = row_of(result, (int)i);
		ret_made[i].lease = row_uuid(&row);
		ret_made[i].outcome = (enum match_outcome)row_enum(&row, match_outcome_names, MATCH_OUTCOME_COUNT);
		TRY(row_end(s, &row));
	}
	return OK;
}
