/* SPDX-License-Identifier: Apache-2.0
 * placing.c - a batch of orders
 */
#include "batch.h"
#include "file.h"

static const char PLACE_SQL[] = "SELECT outcome, status, body, order_id, created_at, place_hold, good, bad, lease FROM "
				"orders_place($1, $2, $3, $4, $5, $6, "
				"$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, "
				"$26, $27, $28, $29, $30, $31)";

/* The card's address of an order's first lease, as matches_make() has it: it ends with its number less one. */
static struct mac mac_of(uuid lease)
{
	return (struct mac){ { 0x52, 0x54, 0x00, lease.bytes[14], lease.bytes[15], 0 } };
}

static void fill(struct params *p, struct item **items, size_t count)
{
#define OF(i) ((const struct placing *)(const void *)items[i])
#define ASKED(i) OF(i)->request
	static const sha256 no_image; /* none has the hash of zeros */
	COLUMN(p, param_uuid_array, uuid, count, OF(i)->id);
	COLUMN(p, param_uuid_array, uuid, count, OF(i)->buyer);
	COLUMN(p, param_text_array, const char *, count, ASKED(i)->name);
	COLUMN(p, param_sha256_array, sha256, count, OF(i)->only_again ? no_image : ASKED(i)->image);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->count);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->cores);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->memory_mib);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->max_prices.per_core_hour.micro);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->max_prices.per_gib_hour.micro);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->max_prices.per_gib_transferred.micro);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->duration_s);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->open_s);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->budget.micro);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->max_hour.micro);
	COLUMN(p, param_time_array, wall_time, count, ASKED(i)->not_before);
	COLUMN(p, param_text_array, const char *, count, OF(i)->constraints);
	COLUMN(p, param_text_array, const char *, count, ASKED(i)->user_data);
	COLUMN(p, param_int_array, int64_t, count, OF(i)->place_hold.micro);
	COLUMN(p, param_text_array, const char *, count, OF(i)->key);
	COLUMN(p, param_sha256_array, sha256, count, OF(i)->request_hash);
	COLUMN(p, param_time_array, wall_time, count, OF(i)->now);
	param_int(p, OF(0)->open_max);
	COLUMN(p, param_int_array, int64_t, count, ASKED(i)->mtu);
	COLUMN(p, param_uuid_array, uuid, count, OF(i)->token);
	COLUMN(p, param_int_array, int64_t, count, OF(i)->open ? *OF(i)->open : -1);
#define MATCH(i, of_it) (OF(i)->match ? OF(i)->match->of_it : 0)
	static const uuid none;
	COLUMN(p, param_uuid_or_null_array, uuid, count, OF(i)->match ? OF(i)->lease : none);
	COLUMN(p, param_mac_array, struct mac, count, mac_of(OF(i)->lease));
	COLUMN(p, param_uuid_or_null_array, uuid, count, OF(i)->match ? OF(i)->match->machine : none);
	COLUMN(p, param_int_array, int64_t, count, MATCH(i, prices.per_core_hour.micro));
	COLUMN(p, param_int_array, int64_t, count, MATCH(i, prices.per_gib_hour.micro));
	COLUMN(p, param_int_array, int64_t, count, MATCH(i, prices.per_gib_transferred.micro));
}

static err_t read(struct row *row, struct item *item)
{
	static const struct {
		const char *outcome;
		err_t error;
	} outcomes[] = {
		{ "placed", OK },     { "repeated", OK },	{ "reused", E_EXISTS },	  { "later", E_AGAIN },
		{ "funds", E_FUNDS }, { "image", E_NOT_FOUND }, { "pieces", E_CONFLICT }, { "budget", E_INVALID },
		{ "limit", E_LIMIT }, { "token", E_AUTH },
	};
	struct placing *p = (struct placing *)(void *)item;
	char outcome[OUTCOME_SIZE];
	row_text(row, outcome, sizeof outcome);
	p->stored.status = (int)row_int(row);
	p->stored.body = row_text_new(row);
	uuid order = row_uuid(row);
	wall_time created_at = row_time(row);
	money place_hold = row_money(row);
	if (!uuid_is_zero(order)) {
		p->id = order;
		p->now = created_at;
		p->place_hold = place_hold;
	}
	p->buyer_rating_ppm = row_rating(row);
	p->lease = row_uuid(row);
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (!strcmp(outcomes[i].outcome, outcome))
			return outcomes[i].error;
	row->bad = true;
	return E_INTERNAL;
}

static const struct batch_kind kind = { PLACE_SQL, fill, read, NULL };

void lane_place(struct lane *l, struct placing *p)
{
	lane_add(l, &kind, &p->item);
}
