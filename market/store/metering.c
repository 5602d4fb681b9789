/* SPDX-License-Identifier: Apache-2.0
 * metering.c - the metering tick: usage that was heard is kept, and found again after a crash
 */
#include <assert.h>
#include "batch.h"

static_assert(sizeof(ed25519_signature) == 64, "signatures lie one behind the other");

static const char ADD_SQL[] = "SELECT usage_tick_add($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

static void fill(struct params *p, struct item **items, size_t count)
{
	const struct tick_part *t = (const struct tick_part *)(const void *)items[0];
	assert(count == 1);
	param_int(p, t->generation);
	param_int(p, t->complete);
	param_uuid_array(p, t->leases, t->count);
	param_int_array(p, t->seqs, t->count);
	param_int_array(p, t->vcpu_ns, t->count);
	param_int_array(p, t->running_us, t->count);
	param_int_array(p, t->tx_bytes, t->count);
	param_int_array(p, t->rx_bytes, t->count);
	param_int_array(p, t->totals_micro, t->count);
	param_bool_array(p, t->cuts, t->count);
	param_bytes(p, t->signatures, t->count * sizeof *t->signatures);
	param_time(p, t->now);
}

static err_t read(struct row *row, struct item *item)
{
	(void)item;
	return row_bool(row) ? OK : E_INTERNAL;
}

static const struct batch_kind kind = { ADD_SQL, fill, read, batch_alone };

void lane_tick(struct lane *l, struct tick_part *part)
{
	lane_add(l, &kind, &part->item);
}

static void ticked_read(struct row *row, void *element)
{
	struct ticked *t = element;
	t->lease = row_uuid(row);
	t->usage.seq = (uint64_t)row_int(row);
	t->usage.vcpu_ns = (uint64_t)row_int(row);
	t->usage.running_us = (uint64_t)row_int(row);
	t->usage.tx_bytes = (uint64_t)row_int(row);
	t->usage.rx_bytes = (uint64_t)row_int(row);
	t->total = row_money(row);
	t->cut = row_bool(row);
	row_bytes(row, t->usage.signature.bytes, sizeof t->usage.signature.bytes);
}

/* The last tick may not be complete: a lease that it lacks stands in the one before. */
static const char TICKED_SQL[] =
	"SELECT DISTINCT ON (x.lease) x.lease, x.seq, x.vcpu_ns, x.running_us, x.tx_bytes, x.rx_bytes, x.total, x.cut, "
	"substr(t.signatures, 64 * x.n::integer - 63, 64) FROM usage_tick t, "
	"unnest(t.leases, t.seqs, t.vcpu_ns, t.running_us, t.tx_bytes, t.rx_bytes, t.totals_micro, t.cuts) WITH ORDINALITY "
	"AS x (lease, seq, vcpu_ns, running_us, tx_bytes, rx_bytes, total, cut, n) "
	"JOIN lease l ON l.id = x.lease AND l.state <> 'ended' AND l.usage_seq < x.seq ORDER BY x.lease, t.generation DESC";

err_t store_ticked(struct store *s, struct ticked **ret_rows, size_t *ret_count)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, TICKED_SQL, NULL, &result));
	return rows_read(s, result, sizeof **ret_rows, ticked_read, (void **)ret_rows, ret_count);
}

static const char LAST_SQL[] = "SELECT coalesce(max(generation), 0) FROM usage_tick";

err_t store_tick_last(struct store *s, int64_t *ret_generation)
{
	return store_query_int(s, LAST_SQL, NULL, ret_generation);
}
