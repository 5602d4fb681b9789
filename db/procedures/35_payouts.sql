-- SPDX-License-Identifier: Apache-2.0
-- 35_payouts.sql - money going out: taken off the balance when it is asked for, gone when the provider says so, else given back

CREATE OR REPLACE FUNCTION payout_event(p payout, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM event_append(p.account, NULL, NULL, 'payout.' || p.state, jsonb_build_object('payout', p.id,
		'amount_micro', p.amount_micro, 'send_micro', p.send_micro), p_now);
END $$;

-- p_approved: it may be sent without an operator. p_due: its provider is asked by the market.
CREATE OR REPLACE FUNCTION payout_create(p_id uuid, p_account uuid, p_provider text, p_receiver text, p_amount bigint,
	p_commission bigint, p_send bigint, p_approved boolean, p_due boolean, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	p payout;
	v_funds bigint := ledger_account_of(p_account, 'funds');
	v_payout bigint := market_account_of('payout');
BEGIN
	-- All at once, in the order of their ids: the debt is collected from rows that are locked.
	PERFORM ledger_lock(v_funds, v_payout, ledger_account_of(p_account, 'owed'));
	PERFORM debt_collect(p_account);
	IF (SELECT balance_micro - held_micro FROM ledger_account WHERE id = v_funds) < p_amount THEN
		RAISE EXCEPTION 'the available balance does not cover the payout' USING ERRCODE = 'CS004';
	END IF;
	INSERT INTO payout (id, account, provider, receiver, amount_micro, commission_micro, send_micro, created_at, approved_at, next_at)
		VALUES (p_id, p_account, p_provider, p_receiver, p_amount, p_commission, p_send, p_now, CASE WHEN p_approved THEN p_now END,
			CASE WHEN p_approved AND p_due THEN p_now END) RETURNING * INTO p;
	PERFORM post('payout', NULL, NULL, NULL, p_provider, p_now, ARRAY[v_funds], ARRAY[v_payout], ARRAY[p_amount]);
	PERFORM payout_event(p, p_now);
END $$;

CREATE OR REPLACE FUNCTION payout_get(p_id uuid) RETURNS payout LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	p payout;
BEGIN
	SELECT * INTO p FROM payout WHERE id = p_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such payout' USING ERRCODE = 'CS001';
	END IF;
	RETURN p;
END $$;

CREATE OR REPLACE FUNCTION payout_approve(p_id uuid, p_by uuid, p_due boolean, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	p payout := payout_get(p_id);
BEGIN
	IF p.state <> 'created' OR p.approved_at IS NOT NULL THEN
		RAISE EXCEPTION 'the payout is %', p.state USING ERRCODE = 'CS003';
	END IF;
	UPDATE payout SET approved_at = p_now, approved_by = p_by, next_at = CASE WHEN p_due THEN p_now END WHERE id = p_id;
END $$;

CREATE OR REPLACE FUNCTION payout_due(p_now timestamptz, p_interval_us bigint, p_limit bigint) RETURNS SETOF payout
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN QUERY UPDATE payout SET tries = tries + 1, next_at = p_now
			+ least(p_interval_us / 1e6 * (1 + tries * tries / 64.0), greatest(3600, p_interval_us / 1e6)) * interval '1 second'
		WHERE id IN (SELECT d.id FROM payout d WHERE d.next_at <= p_now ORDER BY d.next_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING *;
END $$;

-- The provider has it. Repeated: nothing. p_reference null: it did not say its name.
CREATE OR REPLACE FUNCTION payout_sent(p_id uuid, p_reference text, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	p payout := payout_get(p_id);
BEGIN
	IF p.state <> 'created' THEN
		RETURN;
	END IF;
	IF p.approved_at IS NULL THEN
		RAISE EXCEPTION 'nobody has approved the payout' USING ERRCODE = 'CS003';
	END IF;
	UPDATE payout SET state = 'sent', reference = p_reference, sent_at = p_now, tries = 0, note = '' WHERE id = p_id RETURNING * INTO p;
	PERFORM payout_event(p, p_now);
END $$;

-- It waits, and why.
CREATE OR REPLACE FUNCTION payout_note(p_id uuid, p_note text) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	UPDATE payout SET note = p_note WHERE id = p_id AND state IN ('created', 'sent') AND note <> p_note;
END $$;

-- Settled. 'paid', 'repeated'; 'returned': it was given back before, and an operator has to look.
CREATE OR REPLACE FUNCTION payout_paid(p_id uuid, p_now timestamptz) RETURNS text LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	p payout := payout_get(p_id);
	v_external bigint := market_account_of('external');
	v_commission bigint := market_account_of('commission');
	v_payout bigint := market_account_of('payout');
BEGIN
	IF p.state = 'paid' THEN
		RETURN 'repeated';
	END IF;
	IF p.state = 'failed' THEN
		UPDATE payout SET note = 'the provider says that it was paid after all: ask the operator' WHERE id = p_id;
		RETURN 'returned';
	END IF;
	IF p.approved_at IS NULL THEN
		RAISE EXCEPTION 'nobody has approved the payout' USING ERRCODE = 'CS003';
	END IF;
	UPDATE payout SET state = 'paid', sent_at = coalesce(sent_at, p_now), ended_at = p_now, next_at = NULL, note = ''
		WHERE id = p_id RETURNING * INTO p;
	PERFORM ledger_lock(v_external, v_commission, v_payout);
	PERFORM post('payout', NULL, NULL, NULL, p.provider, p_now, ARRAY[v_payout, v_payout], ARRAY[v_external, v_commission],
		ARRAY[p.send_micro, p.commission_micro]::bigint[]);
	PERFORM payout_event(p, p_now);
	RETURN 'paid';
END $$;

-- The money goes back to where it came from. What was sent and paid comes back less the market's part.
CREATE OR REPLACE FUNCTION payout_fail(p_id uuid, p_note text, p_now timestamptz) RETURNS text LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	p payout := payout_get(p_id);
	v_funds bigint := ledger_account_of(p.account, 'funds');
	v_from bigint := market_account_of(CASE p.state WHEN 'paid' THEN 'external' ELSE 'payout' END);
	v_amount bigint := CASE p.state WHEN 'paid' THEN p.send_micro ELSE p.amount_micro END;
BEGIN
	IF p.state = 'failed' THEN
		RETURN 'repeated';
	END IF;
	UPDATE payout SET state = 'failed', ended_at = p_now, next_at = NULL, note = p_note WHERE id = p_id RETURNING * INTO p;
	PERFORM ledger_lock(v_from, v_funds);
	PERFORM post('payout', NULL, NULL, NULL, 'returned', p_now, ARRAY[v_from], ARRAY[v_funds], ARRAY[v_amount]);
	PERFORM payout_event(p, p_now);
	PERFORM debt_collect(p.account);
	RETURN 'failed';
END $$;

-- The ledger's account of payouts against the payouts that are under way: 0 in a sound market; and what users owe.
CREATE OR REPLACE FUNCTION payouts_verify(OUT payouts_micro bigint, OUT payouts_difference_micro bigint, OUT owed_micro bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
	SELECT a.balance_micro, a.balance_micro
		- coalesce((SELECT sum(amount_micro) FROM payout WHERE state IN ('created', 'sent')), 0)::bigint,
		coalesce((SELECT -sum(balance_micro) FROM ledger_account WHERE kind = 'owed'), 0)::bigint
	FROM ledger_account a WHERE a.owner IS NULL AND a.kind = 'payout'
$$;
