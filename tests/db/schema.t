#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# schema.t - the schema's own rules: comments, pinned procedures, grants; applying the procedures again changes nothing
. "$(dirname "$0")/database.sh"

is "$(as_owner -c "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cpushare'::regnamespace AND c.relkind IN ('r', 'v')
	AND obj_description(c.oid, 'pg_class') IS NULL")" '' "every table has a comment"
is "$(as_owner -c "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'cpushare'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
	AND col_description(c.oid, a.attnum) IS NULL")" '' "every column has a comment"
is "$(as_owner -c "SELECT proname FROM pg_proc WHERE pronamespace = 'cpushare'::regnamespace
	AND NOT coalesce('search_path=cpushare, pg_temp' = ANY (proconfig), false)")" '' "every function pins its search path"
is "$(as_owner -c "SELECT proname FROM pg_proc WHERE pronamespace = 'cpushare'::regnamespace
	AND pg_get_userbyid(proowner) <> 'cpushare_owner'")" '' "and is the owner's"
is "$(as_admin -c 'CREATE ROLE stranger LOGIN' && as_owner -c "SELECT proname FROM pg_proc
	WHERE pronamespace = 'cpushare'::regnamespace AND has_function_privilege('stranger', oid, 'EXECUTE')")" '' \
	"nobody else may call any"
is "$(as_owner -c "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE proname ~ '^(book_|leases_use|usage_tick)'
	AND has_function_privilege('cpushare_market', oid, 'EXECUTE') AND prosecdef")" 'book_claim book_fence book_renew leases_use usage_tick_add' \
	"the market may claim the book, settle, and keep what was heard"
is "$(as_owner -c "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cpushare'::regnamespace AND c.relkind IN ('r', 'v', 'S')
	AND has_table_privilege('stranger', c.oid, 'SELECT')")" '' "or read anything"
is "$(as_owner -c "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE proname !~ '^(book_|leases_use|usage_tick)' AND pronamespace = 'cpushare'::regnamespace
	AND has_function_privilege('cpushare_market', oid, 'EXECUTE') AND prosecdef")" \
	"account_delete calibration_buyer_make calibration_fund calibration_pay calibration_return correct debts_collect deposit_create deposit_credit deposit_due deposit_fail deposit_hurry deposit_lost deposit_paid deposit_reverse deposit_started dispute_decide dispute_open event_sweep feedback_give funds_warn funds_well history_fold history_forget history_heard history_rate history_sample image_delete lease_announce lease_desire lease_finish lease_reset lease_set_path lease_set_state lease_use leases_lock ledger_books_verify ledger_chain ledger_chain_faults ledger_chain_head ledger_verify mail_due mail_news matches_make order_close order_create order_extend orders_place payout_approve payout_create payout_due payout_fail payout_note payout_paid payout_sent payouts_verify peer_number reputation_recompute" \
	"what the market may have the owner do"
is "$(as_owner -c "SELECT proname FROM pg_proc WHERE pronamespace = 'cpushare'::regnamespace
	AND has_function_privilege('cpushare_market', oid, 'EXECUTE') AND proname IN ('post', 'hold_release', 'lease_mac', 'ledger_lock',
	'event_append', 'entry_apply')")" '' "the parts of procedures are not for the market"
is "$(as_owner -c "SELECT conrelid::regclass || '.' || conname FROM pg_constraint c WHERE contype = 'f' AND connamespace =
	'cpushare'::regnamespace AND NOT convalidated")" '' "every foreign key holds"

before=$(as_owner -c "SELECT md5(string_agg(pg_get_functiondef(oid) || coalesce(proacl::text, ''), '' ORDER BY oid)) FROM pg_proc
	WHERE pronamespace = 'cpushare'::regnamespace")
ok "the procedures apply again" procedures
is "$(as_owner -c "SELECT md5(string_agg(pg_get_functiondef(oid) || coalesce(proacl::text, ''), '' ORDER BY oid)) FROM pg_proc
	WHERE pronamespace = 'cpushare'::regnamespace")" "$before" "and are the same then"
seed
as_owner -c 'UPDATE machine SET cores_leased = 3, memory_leased_mib = 5 WHERE id = seed.id(102)'
is "$(as_market -c 'SELECT machines_difference FROM machines_verify()')" 1 "a machine with more leased than its leases take is counted"
procedures
is "$(as_market -c 'SELECT machines_difference FROM machines_verify()')" 0 "what it takes is counted anew with the procedures"

# The numbers must go on without a gap and each name must say what it is.
is "$(cd "$TOP/db/migrations" && ls | cut -c 1-4 | sort | uniq -d)" '' "no two migrations have one number"
is "$(cd "$TOP/db/migrations" && ls | grep -vE '^[0-9]{4}_[a-z_]+\.sql$')" '' "each is named NNNN_name.sql"

is "$(as_owner -c "SELECT bool_and(substring(uuid_v7()::text, 15, 1) = '7' AND substring(uuid_v7()::text, 20, 1) IN ('8', '9', 'a', 'b'))
	FROM generate_series(1, 200)")" t "ids are UUIDs of version 7"
is "$(as_owner -c "SELECT abs(('x' || left(replace(uuid_v7()::text, '-', ''), 12))::bit(48)::bigint
	- extract(epoch FROM clock_timestamp()) * 1000) < 5000")" t "that begin with the time"
done_testing
