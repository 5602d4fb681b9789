-- SPDX-License-Identifier: Apache-2.0
-- 12_postings.sql - many postings in one call
--
-- What is done for one row at a time costs most of its time in calls; a set of rows costs little more than one. Procedures on sets take
-- arrays, element i of each is item i, and say for each item what became of it; a refused item changes nothing and leaves the others alone.
-- Joins are of arrays with tables by their keys, or one pass and a sort: no plan depends on how many items there are.

-- Posting i is of p_kinds[i], for order and lease i. Leg j belongs to posting p_legs[j] and moves p_amounts[j] from p_debits[j] to
-- p_credits[j]; legs of nothing are left out, and so are postings without legs. In the order of the legs. Accounts are locked by the caller.
CREATE OR REPLACE FUNCTION post_many(p_kinds text[], p_orders uuid[], p_leases uuid[], p_at timestamptz, p_legs integer[],
	p_debits bigint[], p_credits bigint[], p_amounts bigint[]) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_millis bytea := substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3);
	v_used boolean[] := array_fill(false, ARRAY[cardinality(p_kinds)]);
	v_ids uuid[];
BEGIN
	FOR j IN 1 .. cardinality(p_amounts) LOOP
		IF p_amounts[j] <> 0 THEN
			v_used[p_legs[j]] := true;
		END IF;
	END LOOP;
	IF NOT true = ANY (v_used) THEN
		RETURN;
	END IF;
	-- As uuid_v7() makes them, without a call for each.
	SELECT array_agg(encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING v_millis FROM 1 FOR 6), 52, 1), 53, 1),
		'hex')::uuid) INTO v_ids FROM generate_series(1, cardinality(p_kinds));
	PERFORM writer_show(17233, 'entry_number_seq');
	INSERT INTO posting (id, kind, order_id, lease_id, at)
		SELECT v_ids[n], kind, order_id, lease_id, p_at
		FROM unnest(p_kinds, p_orders, p_leases) WITH ORDINALITY AS x (kind, order_id, lease_id, n) WHERE v_used[n];
	WITH leg AS (
		SELECT j, posting, row_number() OVER (PARTITION BY posting ORDER BY j) AS leg, debit, credit, amount
		FROM unnest(p_legs, p_debits, p_credits, p_amounts) WITH ORDINALITY AS x (posting, debit, credit, amount, j) WHERE amount <> 0
	), side AS (
		SELECT j, posting, leg, amount, 0 AS side, debit AS account, -amount AS change FROM leg
		UNION ALL SELECT j, posting, leg, amount, 1, credit, amount FROM leg
	), running AS (
		SELECT s.j, s.posting, s.leg, s.amount, s.side, s.account,
			a.balance_micro + sum(s.change) OVER (PARTITION BY s.account ORDER BY s.j) AS after
		FROM side s JOIN ledger_account a ON a.id = s.account
	)
	INSERT INTO entry (posting, leg, debit, credit, amount_micro, debit_after, credit_after)
		SELECT v_ids[posting], leg, max(account) FILTER (WHERE side = 0), max(account) FILTER (WHERE side = 1), amount,
			max(after) FILTER (WHERE side = 0), max(after) FILTER (WHERE side = 1)
		FROM running GROUP BY j, posting, leg, amount ORDER BY j;
END $$;
