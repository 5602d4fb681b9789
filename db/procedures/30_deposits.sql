-- SPDX-License-Identifier: Apache-2.0
-- 30_deposits.sql - money coming in, and what of it is taken back

-- A deposit that is created waits for its provider to say where to pay: it is asked at once.
CREATE OR REPLACE FUNCTION deposit_create(p_id uuid, p_account uuid, p_provider text, p_state text, p_amount bigint,
	p_commission bigint, p_credit bigint, p_instructions text, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF p_state NOT IN ('created', 'pending') THEN
		RAISE EXCEPTION 'a deposit begins as created or pending' USING ERRCODE = 'CS006';
	END IF;
	INSERT INTO deposit (id, account, provider, state, amount_micro, commission_micro, credit_micro, instructions, created_at, next_at)
		VALUES (p_id, p_account, p_provider, p_state, p_amount, p_commission, p_credit, p_instructions, p_now,
			CASE p_state WHEN 'created' THEN p_now END);
END $$;

-- What is owed is taken out of what is available, as soon as there is some.
CREATE OR REPLACE FUNCTION debt_collect(p_account uuid) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_funds bigint := ledger_account_of(p_account, 'funds');
	v_owed bigint := ledger_account_of(p_account, 'owed');
	v_amount bigint;
BEGIN
	IF v_owed IS NULL THEN
		RETURN;
	END IF;
	PERFORM ledger_lock(v_funds, v_owed);
	SELECT least(f.balance_micro - f.held_micro, -o.balance_micro) INTO v_amount FROM ledger_account f, ledger_account o
		WHERE f.id = v_funds AND o.id = v_owed;
	PERFORM post('reversal', NULL, NULL, NULL, 'owed', clock_timestamp(), ARRAY[v_funds], ARRAY[v_owed], ARRAY[v_amount]);
END $$;

CREATE OR REPLACE FUNCTION debts_collect() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_owner uuid;
BEGIN
	FOR v_owner IN SELECT o.owner FROM ledger_account o JOIN ledger_account f ON f.owner = o.owner AND f.kind = 'funds'
		AND f.balance_micro > f.held_micro WHERE o.kind = 'owed' AND o.balance_micro < 0 ORDER BY f.id LOOP
		PERFORM debt_collect(v_owner);
	END LOOP;
END $$;

-- Refunds and disputes, and the payment that they take back, may come in any order: whoever touches either holds this lock.
CREATE OR REPLACE FUNCTION payment_lock(p_provider text, p_payment text) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(p_provider || ' ' || p_payment, 30));
END $$;

-- Takes back what the reversals of the deposit's payment say and has not been taken yet: first the market's part, then what is
-- available; the rest is owed. Never more than was paid.
CREATE OR REPLACE FUNCTION reversal_apply(p_id uuid) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	d deposit;
	v_total bigint;
	v_part bigint;
	v_left bigint;
	v_taken bigint;
	v_now timestamptz := clock_timestamp();
	v_external bigint := market_account_of('external');
	v_commission bigint := market_account_of('commission');
	v_funds bigint;
	v_owed bigint;
BEGIN
	SELECT * INTO d FROM deposit WHERE id = p_id FOR NO KEY UPDATE;
	SELECT least(coalesce(sum(amount_micro), 0), d.amount_micro) INTO v_total FROM reversal WHERE provider = d.provider AND payment = d.reference;
	IF v_total <= d.reversed_micro THEN
		RETURN;
	END IF;
	INSERT INTO ledger_account (owner, kind) VALUES (d.account, 'owed') ON CONFLICT (owner, kind) DO NOTHING;
	v_funds := ledger_account_of(d.account, 'funds');
	v_owed := ledger_account_of(d.account, 'owed');
	PERFORM ledger_lock(v_external, v_commission, v_funds, v_owed);
	SELECT least(round(d.commission_micro::numeric * v_total / d.amount_micro)
		- round(d.commission_micro::numeric * d.reversed_micro / d.amount_micro), balance_micro)::bigint
		INTO v_part FROM ledger_account WHERE id = v_commission;
	v_left := v_total - d.reversed_micro - v_part;
	SELECT least(balance_micro - held_micro, v_left) INTO v_taken FROM ledger_account WHERE id = v_funds;
	UPDATE deposit SET reversed_micro = v_total, state = CASE WHEN v_total = amount_micro THEN 'reversed' ELSE state END WHERE id = p_id;
	PERFORM post('reversal', NULL, NULL, d.id, d.provider, v_now, ARRAY[v_commission, v_funds, v_owed],
		ARRAY[v_external, v_external, v_external], ARRAY[v_part, v_taken, v_left - v_taken]);
	PERFORM event_append(d.account, NULL, NULL, 'deposit.reversed', jsonb_build_object('deposit', d.id,
		'reversed_micro', v_total, 'owed_micro', (SELECT -balance_micro FROM ledger_account WHERE id = v_owed)), v_now);
END $$;

CREATE OR REPLACE FUNCTION deposit_post(d deposit, p_reference text) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_now timestamptz := clock_timestamp();
	v_external bigint := market_account_of('external');
	v_commission bigint := market_account_of('commission');
	v_funds bigint := ledger_account_of(d.account, 'funds');
BEGIN
	PERFORM payment_lock(d.provider, p_reference);
	UPDATE deposit SET state = 'credited', reference = p_reference, credited_at = v_now, next_at = NULL, note = '' WHERE id = d.id;
	PERFORM ledger_lock(v_external, v_commission, v_funds);
	PERFORM post('deposit', NULL, NULL, d.id, d.provider, v_now, ARRAY[v_external, v_funds], ARRAY[v_funds, v_commission],
		ARRAY[d.amount_micro, d.commission_micro]::bigint[]);
	PERFORM event_append(d.account, NULL, NULL, 'deposit.credited', jsonb_build_object('deposit', d.id,
		'amount_micro', d.amount_micro, 'credit_micro', d.credit_micro), v_now);
	PERFORM reversal_apply(d.id);
	PERFORM debt_collect(d.account);
END $$;

-- An operator says that it came. Once: the deposit's state and the uniqueness of (provider, reference) see to it.
CREATE OR REPLACE FUNCTION deposit_credit(p_id uuid, p_reference text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	d deposit;
BEGIN
	SELECT * INTO d FROM deposit WHERE id = p_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such deposit' USING ERRCODE = 'CS001';
	END IF;
	IF d.state <> 'pending' THEN
		RAISE EXCEPTION 'the deposit is %', d.state USING ERRCODE = 'CS003';
	END IF;
	PERFORM deposit_post(d, p_reference);
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
	UPDATE deposit SET state = 'failed', next_at = NULL WHERE id = p_id;
	PERFORM event_append(d.account, NULL, NULL, 'deposit.failed', jsonb_build_object('deposit', d.id), clock_timestamp());
END $$;

-- ---- what a provider tells; each may come twice, late, or in another order ----

-- Those whose provider is to be asked now; each is put off, ever further, before it is handed out.
CREATE OR REPLACE FUNCTION deposit_due(p_now timestamptz, p_interval_us bigint, p_limit bigint) RETURNS SETOF deposit
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN QUERY UPDATE deposit SET tries = tries + 1, next_at = p_now
			+ least(p_interval_us / 1e6 * (1 + tries * tries / 64.0), greatest(3600, p_interval_us / 1e6)) * interval '1 second'
		WHERE id IN (SELECT d.id FROM deposit d WHERE d.next_at <= p_now ORDER BY d.next_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING *;
END $$;

-- Ask soon: the payer is back, or the provider says that there is news.
CREATE OR REPLACE FUNCTION deposit_hurry(p_id uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	UPDATE deposit SET next_at = p_now, tries = 0 WHERE id = p_id AND next_at > p_now;
END $$;

CREATE OR REPLACE FUNCTION deposit_started(p_id uuid, p_checkout text, p_url text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	UPDATE deposit SET state = 'pending', checkout = p_checkout, pay_url = p_url WHERE id = p_id AND state = 'created';
END $$;

-- Credits, also what was given up before. 'credited', 'repeated'; 'second': a further payment for the same deposit; 'mismatch':
-- another amount than was asked for. The last two credit nothing: an operator has to look.
CREATE OR REPLACE FUNCTION deposit_paid(p_id uuid, p_provider text, p_reference text, p_amount bigint, p_told text) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	d deposit;
BEGIN
	SELECT * INTO d FROM deposit WHERE id = p_id AND provider = p_provider FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such deposit' USING ERRCODE = 'CS001';
	END IF;
	IF d.state IN ('credited', 'reversed') AND d.reference = p_reference THEN
		RETURN 'repeated';
	END IF;
	IF d.state IN ('credited', 'reversed') THEN
		UPDATE deposit SET note = 'paid again, as ' || p_reference || ': ask the operator' WHERE id = p_id;
		RETURN 'second';
	END IF;
	IF p_amount <> d.amount_micro THEN
		UPDATE deposit SET note = 'what came is ' || p_told || ', as ' || p_reference || ': ask the operator', next_at = NULL
			WHERE id = p_id;
		RETURN 'mismatch';
	END IF;
	PERFORM deposit_post(d, p_reference);
	RETURN 'credited';
END $$;

-- The provider says that nothing will come; what is credited stays.
CREATE OR REPLACE FUNCTION deposit_lost(p_id uuid, p_provider text, p_note text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM deposit WHERE id = p_id AND provider = p_provider AND state IN ('created', 'pending') FOR NO KEY UPDATE;
	IF FOUND THEN
		PERFORM deposit_fail(p_id);
		UPDATE deposit SET note = p_note WHERE id = p_id;
	END IF;
END $$;

-- p_amount: in all, under this reference.
CREATE OR REPLACE FUNCTION deposit_reverse(p_provider text, p_payment text, p_reference text, p_amount bigint) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_id uuid;
BEGIN
	SELECT id INTO v_id FROM deposit WHERE provider = p_provider AND reference = p_payment FOR NO KEY UPDATE;
	PERFORM payment_lock(p_provider, p_payment);
	INSERT INTO reversal AS r (provider, reference, payment, amount_micro, at)
		VALUES (p_provider, p_reference, p_payment, p_amount, clock_timestamp())
		ON CONFLICT (provider, reference) DO UPDATE SET amount_micro = greatest(r.amount_micro, EXCLUDED.amount_micro);
	SELECT id INTO v_id FROM deposit WHERE provider = p_provider AND reference = p_payment;
	IF FOUND THEN
		PERFORM reversal_apply(v_id);
	END IF;
END $$;
