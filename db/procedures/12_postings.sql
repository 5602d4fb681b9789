-- SPDX-License-Identifier: Apache-2.0
-- 12_postings.sql - many postings in one call
--
-- What is done for one row at a time costs most of its time in calls; a set of rows costs little more than one. Procedures on sets take
-- arrays, element i of each is item i, and say for each item what became of it; a refused item changes nothing and leaves the others alone.
-- Joins are of arrays with tables by their keys, or one pass and a sort: no plan depends on how many items there are. Many arrays side by side
-- are unnested in a SELECT's list: in FROM each value of each would be put away and taken out again, a quarter of a microsecond.

-- Leg j belongs to p_postings[j], which is there already, and moves p_amounts[j] from p_debits[j] to p_credits[j]; legs of nothing are left
-- out. In the order of the legs; those of one posting follow each other. The caller has locked the accounts, then shown itself (writer_show).
CREATE OR REPLACE FUNCTION entries_make(p_postings uuid[], p_debits bigint[], p_credits bigint[], p_amounts bigint[])
	RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_n integer[];
	v_legs integer[];
	v_numbers bigint[];
	v_after bigint[]; -- both balances of each leg
	v_previous bigint[]; -- both entries before
BEGIN
	IF 0 = ANY (p_amounts) THEN
		SELECT array_agg(posting), array_agg(debit), array_agg(credit), array_agg(amount) INTO p_postings, p_debits, p_credits, p_amounts
			FROM (SELECT * FROM unnest(p_postings, p_debits, p_credits, p_amounts) WITH ORDINALITY AS x (posting, debit, credit, amount, j)
				WHERE amount <> 0 ORDER BY j) y;
		IF p_amounts IS NULL THEN
			RETURN;
		END IF;
	END IF;
	v_legs := array_fill(1, ARRAY[cardinality(p_amounts)]);
	FOR j IN 2 .. cardinality(p_amounts) LOOP
		IF p_postings[j] = p_postings[j - 1] THEN
			v_legs[j] := v_legs[j - 1] + 1;
		END IF;
	END LOOP;
	v_n := ARRAY(SELECT generate_series(1, cardinality(p_amounts)));
	v_numbers := ARRAY(SELECT nextval('entry_number_seq') FROM generate_series(1, cardinality(p_amounts)));
	-- Each account's row stands before its sides, as if its balance were its first change and its newest entry its first.
	SELECT array_agg(after), array_agg(previous) INTO v_after, v_previous FROM (
		SELECT side, (sum(change) OVER w)::bigint AS after, lag(number) OVER w AS previous
		FROM (SELECT 0 AS side, id AS account, balance_micro AS change, last_entry AS number FROM ledger_account
				WHERE id = ANY (p_debits || p_credits)
			UNION ALL SELECT 2 * j - 1, account, -amount, number
				FROM (SELECT unnest(v_n) AS j, unnest(p_debits) AS account, unnest(p_amounts) AS amount, unnest(v_numbers) AS number) x
			UNION ALL SELECT 2 * j, account, amount, number
				FROM (SELECT unnest(v_n) AS j, unnest(p_credits) AS account, unnest(p_amounts) AS amount, unnest(v_numbers) AS number) x) s
		WINDOW w AS (PARTITION BY account ORDER BY side ROWS UNBOUNDED PRECEDING) ORDER BY side) x
		WHERE side > 0;
	IF array_position(v_previous, NULL) > 0 THEN
		PERFORM refers_to_nothing('ledger account');
	END IF;
	INSERT INTO entry (number, posting, leg, debit, credit, amount_micro, debit_after, credit_after, debit_previous, credit_previous)
		OVERRIDING SYSTEM VALUE
		SELECT number, posting, leg, debit, credit, amount, v_after[2 * j - 1], v_after[2 * j], v_previous[2 * j - 1], v_previous[2 * j]
		FROM (SELECT unnest(v_n) AS j, unnest(v_numbers) AS number, unnest(p_postings) AS posting, unnest(v_legs) AS leg,
			unnest(p_debits) AS debit, unnest(p_credits) AS credit, unnest(p_amounts) AS amount) x
		ORDER BY j;
END $$;

-- What the ids of one batch begin with; lpad(to_hex(n), 6, '0') makes it whole. So RFC 9562 section 6.2 lets ids of one moment be made: random
-- once, then counted. Their rows' places in an index follow each other, and are found without a search.
CREATE OR REPLACE FUNCTION uuid_v7_begin() RETURNS text LANGUAGE plpgsql VOLATILE SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN left(uuid_v7()::text, 30);
END $$;

-- Posting i is of p_kinds[i], for order and lease i; its legs are those with p_legs[j] = i, as entries_make() takes them. Postings without legs
-- are left out.
CREATE OR REPLACE FUNCTION post_many(p_kinds text[], p_orders uuid[], p_leases uuid[], p_at timestamptz, p_legs integer[],
	p_debits bigint[], p_credits bigint[], p_amounts bigint[]) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_begin text := uuid_v7_begin();
	v_ids uuid[] := ARRAY(SELECT (v_begin || lpad(to_hex(n), 6, '0'))::uuid FROM generate_series(1, cardinality(p_kinds)) n);
BEGIN
	PERFORM writer_show(17233, 'entry_number_seq');
	INSERT INTO posting (id, kind, order_id, lease_id, at)
		SELECT v_ids[n], kind, order_id, lease_id, p_at
		FROM unnest(p_kinds, p_orders, p_leases) WITH ORDINALITY AS x (kind, order_id, lease_id, n)
		WHERE n IN (SELECT of FROM unnest(p_legs, p_amounts) AS y (of, amount) WHERE amount <> 0);
	IF FOUND THEN
		PERFORM entries_make(ARRAY(SELECT v_ids[of] FROM unnest(p_legs) WITH ORDINALITY AS x (of, j) ORDER BY j), p_debits, p_credits,
			p_amounts);
	END IF;
END $$;
