-- SPDX-License-Identifier: Apache-2.0
-- 68_calibrations.sql - the market's money for measuring machines

-- A new account of the market's own; no existing one can become one, as its balance is the market's to take back.
CREATE OR REPLACE FUNCTION calibration_buyer_make(p_id uuid, p_name text) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	INSERT INTO account (id, email, name, password_hash) VALUES (p_id, p_id || '@invalid', p_name, '');
	INSERT INTO calibration_buyer (account) VALUES (p_id);
END $$;

-- Out of the market's commission to the available balance of one of its own buyers; below zero: back. CS004 where the commission does
-- not cover it; CS003: the account is not the market's.
CREATE OR REPLACE FUNCTION calibration_pay(p_buyer uuid, p_amount bigint, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_market bigint := market_account_of('commission');
	v_buyer bigint := ledger_account_of(p_buyer, 'funds');
	v_from bigint := CASE WHEN p_amount < 0 THEN v_buyer ELSE v_market END;
BEGIN
	PERFORM 1 FROM calibration_buyer WHERE account = p_buyer;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'not a buyer of the market''s' USING ERRCODE = 'CS003';
	END IF;
	PERFORM ledger_lock(v_market, v_buyer);
	IF (SELECT balance_micro - held_micro FROM ledger_account WHERE id = v_from) < abs(p_amount) THEN
		RAISE EXCEPTION 'the market''s commission does not cover a calibration' USING ERRCODE = 'CS004';
	END IF;
	PERFORM post('calibration', NULL, NULL, NULL, '', p_now, ARRAY[v_from],
		ARRAY[CASE WHEN p_amount < 0 THEN v_market ELSE v_buyer END], ARRAY[abs(p_amount)]);
END $$;

-- What is left on the balance of one of the market's own buyers goes back.
CREATE OR REPLACE FUNCTION calibration_return(p_buyer uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_buyer bigint := ledger_account_of(p_buyer, 'funds');
BEGIN
	PERFORM ledger_lock(market_account_of('commission'), v_buyer);
	PERFORM calibration_pay(p_buyer, -(SELECT balance_micro - held_micro FROM ledger_account WHERE id = v_buyer), p_now);
END $$;

-- The operator's own money, to measure machines with.
CREATE OR REPLACE FUNCTION calibration_fund(p_amount bigint, p_operator text, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_outside bigint := market_account_of('external');
	v_market bigint := market_account_of('commission');
BEGIN
	IF p_amount < 1 OR p_operator = '' THEN
		RAISE EXCEPTION 'an amount, and who gives it' USING ERRCODE = 'CS006';
	END IF;
	PERFORM ledger_lock(v_outside, v_market);
	PERFORM post('calibration', NULL, NULL, NULL, p_operator, p_now, ARRAY[v_outside], ARRAY[v_market], ARRAY[p_amount]);
END $$;
