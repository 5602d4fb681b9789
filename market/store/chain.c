/* SPDX-License-Identifier: Apache-2.0
 * chain.c - the postings' chain: going on, its head, its links
 */
#include "batch.h"
#include "books.h"

static const char CHAIN_SQL[] = "SELECT ledger_chain($1)";

static void fill(struct params *p, struct item **items, size_t count)
{
	(void)count;
	param_int(p, ((const struct chaining *)(const void *)items[0])->limit);
}

static err_t read(struct row *row, struct item *item)
{
	((struct chaining *)(void *)item)->chained = row_int(row);
	return OK;
}

static const struct batch_kind kind = { CHAIN_SQL, fill, read, batch_alone };

void lane_chain(struct lane *l, struct chaining *c)
{
	lane_add(l, &kind, &c->item);
}

static const char HEAD_SQL[] = "SELECT number, hash, waiting FROM ledger_chain_head()";

err_t store_chain_head(struct store *s, struct chain_head *ret)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, HEAD_SQL, NULL, &result));
	struct row row = row_of(result, 0);
	struct chain_head head = { .number = row_int(&row) };
	head.hash = row_sha256(&row);
	head.waiting = row_int(&row);
	TRY(row_end(s, &row));
	*ret = head;
	return OK;
}

static const char HASH_SQL[] = "SELECT hash FROM posting_chain WHERE number = $1";

err_t store_chain_hash(struct store *s, int64_t number, sha256 *ret)
{
	struct params p = { 0 };
	param_int(&p, number);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, HASH_SQL, &p, &result));
	struct row row = row_of(result, 0);
	sha256 hash = row_sha256(&row);
	TRY(row_end(s, &row));
	*ret = hash;
	return OK;
}
