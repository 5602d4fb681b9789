/* SPDX-License-Identifier: Apache-2.0
 * reputation.c - marks, and sellers as everyone sees them
 */
#include "connection.h"

static const char FEEDBACK_SQL[] = "SELECT feedback_give($1, $2, $3, $4, $5)";

err_t store_feedback(struct store *s, uuid lease, uuid from, bool good, const char *comment, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, lease);
	param_uuid(&p, from);
	param_bool(&p, good);
	param_text(&p, comment ? comment : "");
	param_time(&p, now);
	return store_query(s, FEEDBACK_SQL, &p, NULL);
}

static const char BUYER_SQL[] = "SELECT good, bad FROM reputation_marks($1, 'buyer', now())";

err_t store_buyer_rating(struct store *s, uuid buyer, uint32_t *ret_ppm)
{
	struct params p = { 0 };
	param_uuid(&p, buyer);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, BUYER_SQL, &p, &result));
	struct row row = row_of(result, 0);
	uint32_t ppm = row_rating(&row);
	TRY(row_end(s, &row));
	*ret_ppm = ppm;
	return OK;
}

/* A seller is who has, or had, a machine. Completed: was paid for, and ended for nothing of the seller's doing. Failed: ended for what is
 * the seller's to answer for. */
#define COLUMNS                                                                                                            \
	"SELECT a.id, a.name, f.good, f.bad, r.good, r.bad, m.machines, m.online, l.leases, l.completed, l.failed, "       \
	"a.created_at "                                                                                                    \
	"FROM account a CROSS JOIN LATERAL reputation_marks(a.id, 'seller', now()) r "                                     \
	"CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE good) AS good, count(*) FILTER (WHERE NOT good) AS bad "        \
	"  FROM feedback WHERE about = a.id AND side = 'seller') f "                                                       \
	"CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE state <> 'retired') AS machines, "                              \
	"  count(*) FILTER (WHERE state = 'online') AS online FROM machine WHERE account = a.id) m "                       \
	"CROSS JOIN LATERAL (SELECT count(*) AS leases, count(*) FILTER (WHERE charged_micro > 0 AND d.lease IS NULL AND " \
	"reason IN "                                                                                                       \
	"  ('completed', 'expired', 'cancelled_by_buyer', 'funds_exhausted')) AS completed, "                              \
	"  count(*) FILTER (WHERE lease_blames_seller(lease.*) OR d.lease IS NOT NULL) AS failed FROM lease "              \
	"  LEFT JOIN dispute d ON d.lease = lease.id AND d.state = 'upheld' WHERE seller = a.id) l "                       \
	"WHERE a.deleted_at IS NULL AND EXISTS (SELECT 1 FROM machine WHERE account = a.id) "

static void seller_read(struct row *row, void *element)
{
	struct seller *v = element;
	v->id = row_uuid(row);
	row_text(row, v->name, sizeof v->name);
	v->good = row_u32(row);
	v->bad = row_u32(row);
	v->rating_ppm = row_rating(row);
	v->machines = row_u32(row);
	v->machines_online = row_u32(row);
	v->leases = row_u32(row);
	v->leases_completed = row_u32(row);
	v->leases_failed = row_u32(row);
	v->since = row_time(row);
}

static const char GET_SQL[] = COLUMNS "AND a.id = $1";

err_t store_seller_get(struct store *s, uuid id, struct seller *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct seller seller = { 0 };
	seller_read(&row, &seller);
	TRY(row_end(s, &row));
	*ret = seller;
	return OK;
}

static const char RECOMPUTE_SQL[] = "SELECT reputation_recompute()";

err_t store_reputation_recompute(struct store *s, int64_t *ret_wrong)
{
	struct params p = { 0 };
	return store_query_int(s, RECOMPUTE_SQL, &p, ret_wrong);
}
