/* SPDX-License-Identifier: Apache-2.0
 * settling.c - a batch of usage records
 */
#include "batch.h"

static const char SETTLE_SQL[] = "SELECT outcome, charged_micro, commission_micro, held_micro, budget_left_micro "
				 "FROM leases_use($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

#define OF(i) ((const struct settling *)(const void *)items[i])

static void fill(struct params *p, struct item **items, size_t count)
{
	COLUMN(p, param_uuid_array, uuid, count, OF(i)->lease);
	COLUMN(p, param_int_array, int64_t, count, param_counter_value(p, OF(i)->usage.seq));
	COLUMN(p, param_int_array, int64_t, count, param_counter_value(p, OF(i)->usage.vcpu_ns));
	COLUMN(p, param_int_array, int64_t, count, param_counter_value(p, OF(i)->usage.running_us));
	COLUMN(p, param_int_array, int64_t, count, param_counter_value(p, OF(i)->usage.tx_bytes));
	COLUMN(p, param_int_array, int64_t, count, param_counter_value(p, OF(i)->usage.rx_bytes));
	COLUMN(p, param_sha256_array, sha256, count, OF(i)->usage.previous);
	COLUMN(p, param_bytes_array, struct bytes, count,
	       ((struct bytes){ OF(i)->usage.signature.bytes, sizeof OF(i)->usage.signature.bytes }));
	COLUMN(p, param_sha256_array, sha256, count, OF(i)->hash);
	COLUMN(p, param_bool_array, bool, count, OF(i)->cut);
	COLUMN(p, param_int_array, int64_t, count, OF(i)->total.micro);
	COLUMN(p, param_int_array, int64_t, count, OF(i)->hold_target.micro);
	param_int(p, OF(0)->commission_bp);
	param_time(p, OF(count - 1)->now);
}

static err_t read(struct row *row, struct item *item)
{
	static const struct {
		const char *outcome;
		err_t error;
	} outcomes[] = {
		{ "used", OK }, { "old", E_EXISTS }, { "over", E_CONFLICT }, { "back", E_INVALID }, { "none", E_NOT_FOUND },
	};
	struct settling *s = (struct settling *)(void *)item;
	char outcome[OUTCOME_SIZE];
	row_text(row, outcome, sizeof outcome);
	s->charged = row_money(row);
	s->commission = row_money(row);
	s->held = row_money(row);
	s->budget_left = row_money(row);
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (!strcmp(outcomes[i].outcome, outcome))
			return outcomes[i].error;
	row->bad = true;
	return E_INTERNAL;
}

static bool fits(const struct item *item, struct item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (uuid_equal(OF(i)->lease, ((const struct settling *)(const void *)item)->lease))
			return false;
	return true;
}

static const struct batch_kind kind = { SETTLE_SQL, fill, read, fits };

void lane_settle(struct lane *l, struct settling *s)
{
	lane_add(l, &kind, &s->item);
}
