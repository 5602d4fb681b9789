/* SPDX-License-Identifier: Apache-2.0
 * farewell.c - what is kept of an account, for its owner; and the account's end
 */
#include <string.h>
#include "bytes.h"
#include "connection.h"
#include "file.h"
#include "people.h"

/* A list of what a SELECT gives, oldest first. */
#define LIST(name, select) "'" name "', coalesce((SELECT json_agg(x) FROM (" select " ORDER BY 1) x), '[]'::json)"

static const char EXPORT_SQL[] =
	"SELECT json_build_object("
	"'account', (SELECT to_json(x) FROM (SELECT id, email, name, operator, created_at, address_confirmed_at, mail_kinds FROM "
	"account WHERE id = $1) x), "
	"'second_factor', EXISTS (SELECT 1 FROM second_factor WHERE account = $1 AND confirmed_at IS NOT NULL), " //
	LIST("sessions_and_tokens",
	     "SELECT id, name, session, client, scopes, created_at, expires_at, last_used_at FROM token WHERE account = $1") ", " //
	LIST("balances", "SELECT kind, balance_micro, held_micro FROM ledger_account WHERE owner = $1") ", " //
	LIST("postings",
	     "SELECT e.number, p.id, p.kind, p.order_id, p.lease_id, p.deposit_id, p.text, p.at, a.kind AS of, e.amount_micro, "
	     "e.balance_after FROM ledger_account a, LATERAL ledger_walk(a.id, 9223372036854775807, 0, 9223372036854775807) e "
	     "JOIN posting p ON p.id = e.posting WHERE a.owner = $1") ", " //
	LIST("deposits",
	     "SELECT id, provider, reference, state, amount_micro, commission_micro, credit_micro, reversed_micro, note, "
	     "created_at, credited_at FROM deposit WHERE account = $1") ", " //
	LIST("payouts",
	     "SELECT id, provider, receiver, state, amount_micro, commission_micro, send_micro, reference, note, created_at, "
	     "approved_at, sent_at, ended_at FROM payout WHERE account = $1") ", "				   //
	LIST("images", "SELECT id, name, cdrom_bus, missing_count, created_at FROM image WHERE account = $1") ", " //
	LIST("machines", "SELECT id, name, encode(public_key, 'hex') AS public_key, country, version, state, created_at, seen_at "
			 "FROM machine WHERE account = $1") ", "	     //
	LIST("orders", "SELECT * FROM cpushare.order WHERE buyer = $1") ", " //
	LIST("leases",
	     "SELECT id, order_id, machine_id, buyer = $1 AS bought, seller = $1 AS sold, number, name, state, reason, detail, "
	     "cores, memory_mib, charged_micro, commission_micro, vcpu_ns, running_us, tx_bytes, rx_bytes, created_at, "
	     "started_at, "
	     "ended_at FROM lease WHERE $1 IN (buyer, seller)") ", " //
	LIST("marks", "SELECT lease, from_account = $1 AS given, side, good, comment, at FROM feedback WHERE $1 IN "
		      "(from_account, about)") ", " //
	LIST("disputes",
	     "SELECT d.lease, d.state, d.text, d.opened_at, d.refund_percent, d.refund_micro, d.decision, d.decided_at "
	     "FROM dispute d JOIN lease l ON l.id = d.lease WHERE $1 IN (l.buyer, l.seller)") ", "			 //
	LIST("mail", "SELECT id, address, kind, data, state, created_at, tries, note FROM mail WHERE account = $1") ", " //
	LIST("events", "SELECT id, kind, order_id, lease_id, data, at FROM "
		       "event_list($1, NULL, 0, 9223372036854775807, 1000000000)") ")::text";

err_t store_account_export(struct store *s, uuid account, char **ret_json)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, EXPORT_SQL, &p, &result));
	struct row row = row_of(result, 0);
	AUTO_FREE char *json = row_text_new(&row);
	TRY(row_end(s, &row));
	if (!json)
		return E_NOMEM;
	*ret_json = json;
	json = NULL;
	return OK;
}

static const char DELETE_SQL[] = "SELECT account_delete($1, $2, $3)";

err_t store_account_delete(struct store *s, uuid account, money forfeit, wall_time now, char *ret_obstacle)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_money(&p, forfeit);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	char obstacle[DETAIL_SIZE] = "";
	TRY(store_query_one(s, DELETE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	row_text(&row, obstacle, sizeof obstacle);
	TRY(row_end(s, &row));
	if (!*obstacle)
		return OK;
	memcpy(ret_obstacle, obstacle, sizeof obstacle);
	return store_fail(s, E_CONFLICT, "%s", obstacle);
}
