-- SPDX-License-Identifier: Apache-2.0
-- 30_deposits.sql - money coming in

CREATE OR REPLACE FUNCTION deposit_create(p_id uuid, p_account uuid, p_provider text, p_state text, p_amount bigint,
	p_commission bigint, p_credit bigint, p_instructions text, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF p_state NOT IN ('created', 'pending') THEN
		RAISE EXCEPTION 'a deposit begins as created or pending' USING ERRCODE = 'CS006';
	END IF;
	INSERT INTO deposit (id, account, provider, state, amount_micro, commission_micro, credit_micro, instructions, created_at)
		VALUES (p_id, p_account, p_provider, p_state, p_amount, p_commission, p_credit, p_instructions, p_now);
END $$;

-- Once: the deposit's state and the uniqueness of (provider, reference) and of (deposit, kind) of postings see to it.
CREATE OR REPLACE FUNCTION deposit_credit(p_id uuid, p_reference text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	d deposit;
	v_now timestamptz := clock_timestamp();
	v_external bigint := market_account_of('external');
	v_commission bigint := market_account_of('commission');
	v_available bigint;
BEGIN
	SELECT * INTO d FROM deposit WHERE id = p_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such deposit' USING ERRCODE = 'CS001';
	END IF;
	IF d.state <> 'pending' THEN
		RAISE EXCEPTION 'the deposit is %', d.state USING ERRCODE = 'CS003';
	END IF;
	UPDATE deposit SET state = 'credited', reference = p_reference, credited_at = v_now WHERE id = p_id;
	v_available := ledger_account_of(d.account, 'available');
	PERFORM ledger_lock(v_external, v_commission, v_available);
	PERFORM post('deposit', NULL, NULL, d.id, d.provider, v_now, ARRAY[v_external, v_available], ARRAY[v_available, v_commission],
		ARRAY[d.amount_micro, d.commission_micro]::bigint[]);
	PERFORM event_append(d.account, NULL, NULL, 'deposit.credited', jsonb_build_object('deposit', d.id,
		'amount_micro', d.amount_micro, 'credit_micro', d.credit_micro), v_now);
END $$;

CREATE OR REPLACE FUNCTION deposit_fail(p_id uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	d deposit;
BEGIN
	SELECT * INTO d FROM deposit WHERE id = p_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such deposit' USING ERRCODE = 'CS001';
	END IF;
	IF d.state NOT IN ('created', 'pending') THEN
		RAISE EXCEPTION 'the deposit is %', d.state USING ERRCODE = 'CS003';
	END IF;
	UPDATE deposit SET state = 'failed' WHERE id = p_id;
	PERFORM event_append(d.account, NULL, NULL, 'deposit.failed', jsonb_build_object('deposit', d.id), clock_timestamp());
END $$;
