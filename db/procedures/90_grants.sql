-- SPDX-License-Identifier: Apache-2.0
-- 90_grants.sql - what the market may call; everything else is the owner's alone

DO $$
DECLARE
	f regprocedure;
	c CONSTANT text[] := ARRAY['book_fence', 'book_claim', 'book_renew', 'leases_use', 'usage_tick_add',
		'ledger_verify', 'ledger_books_verify', 'ledger_chain', 'ledger_chain_head', 'ledger_chain_faults', 'ledger_walk',
		'writers_horizon', 'event_horizon', 'event_data', 'event_data_of_lease', 'event_data_of_order', 'event_births', 'event_list', 'event_read', 'event_sweep', 'machines_see', 'machines_update', 'machines_verify', 'deposit_create', 'deposit_credit',
		'deposit_fail', 'deposit_due', 'deposit_hurry', 'deposit_started', 'deposit_paid', 'deposit_lost', 'deposit_reverse',
		'debts_collect', 'payout_create', 'payout_approve', 'payout_due', 'payout_sent', 'payout_note', 'payout_paid', 'payout_fail',
		'payouts_verify', 'order_create', 'orders_place', 'order_close', 'order_extend', 'peer_number', 'matches_make', 'lease_set_state', 'lease_desire',
		'lease_set_path', 'lease_announce', 'lease_reset', 'lease_blames_seller', 'lease_use', 'leases_lock', 'lease_finish', 'feedback_give', 'history_fold', 'history_rate',
		'history_sample', 'history_heard', 'history_forget', 'uuid_v7_floor', 'reputation_marks', 'reputation_recompute', 'funds_warn', 'funds_well', 'correct', 'dispute_open',
		'dispute_decide', 'calibration_buyer_make', 'calibration_pay', 'calibration_return', 'calibration_fund', 'image_lock', 'image_create', 'image_piece_add',
		'image_delete', 'account_delete', 'mail_news', 'mail_due'];
BEGIN
	FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'cpushare'::regnamespace LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, cpushare_market', f);
	END LOOP;
	FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'cpushare'::regnamespace AND proname = ANY (c) LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO cpushare_market', f);
	END LOOP;
END $$;
