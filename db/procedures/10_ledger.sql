-- SPDX-License-Identifier: Apache-2.0
-- 10_ledger.sql - identifiers, ledger accounts, postings, the audit
--
-- Procedures run as their owner with a pinned search path; 90_grants.sql says which of them the market may call. They refuse with
-- SQLSTATE CS001 not found, CS002 exists, CS003 conflict, CS004 funds, CS005 limit, CS006 invalid, CS007 the book is another market's (market/store/connection.c).
-- Locks are always taken in this order: orders by id, machines by id, leases, ledger accounts by id.

-- All that others call is PL/pgSQL: it keeps its plans, where a function in SQL is parsed and planned at every call.

-- UUID version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, then the random bits of a version 4 one.
CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid LANGUAGE plpgsql VOLATILE SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
		PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
		52, 1), 53, 1), 'hex')::uuid;
END $$;

CREATE OR REPLACE FUNCTION ledger_account_of(p_owner uuid, p_kind text) RETURNS bigint LANGUAGE plpgsql STABLE
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN (SELECT id FROM ledger_account WHERE owner = p_owner AND kind = p_kind);
END $$;

CREATE OR REPLACE FUNCTION market_account_of(p_kind text) RETURNS bigint LANGUAGE plpgsql STABLE
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN (SELECT id FROM ledger_account WHERE owner IS NULL AND kind = p_kind);
END $$;

-- Takes the rows' locks in the order of their ids, before any balance is read.
CREATE OR REPLACE FUNCTION ledger_lock(VARIADIC p_accounts bigint[]) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM ledger_account WHERE id = ANY (p_accounts) ORDER BY id FOR NO KEY UPDATE;
END $$;

-- Sequences give ids in order, but a transaction that took a lower id may commit later; a reader that goes on behind the highest it saw
-- would miss it. So a writer shows, before it takes its first id, the last id given until then, as a shared advisory lock that lives
-- until its end: p_tag in the upper 16 bits, the id below. A reader looks first at the last id given, then at the locks, then at the
-- rows, and takes only what is not above any of the two. Writers do not wait for each other. Tags: 17232 events, 17233 entries.
CREATE OR REPLACE FUNCTION writer_show(p_tag bigint, p_sequence regclass) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_setting text := 'cpushare.writer_' || p_tag;
BEGIN
	-- Once a transaction: the first lock's id is below all that follow.
	IF current_setting(v_setting, true) IS DISTINCT FROM pg_current_xact_id()::text THEN
		PERFORM pg_advisory_xact_lock_shared((p_tag << 48) | coalesce(pg_sequence_last_value(p_sequence), 0));
		PERFORM set_config(v_setting, pg_current_xact_id()::text, true);
	END IF;
END $$;

-- The highest id below which nothing can appear any more.
CREATE OR REPLACE FUNCTION writers_horizon(p_tag bigint, p_sequence regclass) RETURNS bigint LANGUAGE plpgsql VOLATILE
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_last bigint := coalesce(pg_sequence_last_value(p_sequence), 0);
	v_under_way bigint;
BEGIN
	SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) INTO v_under_way FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = p_tag
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
	RETURN least(v_last, coalesce(v_under_way, v_last));
END $$;

-- Moves p_amounts[i] from p_debits[i] to p_credits[i], in this order; nothing of zero. The accounts are locked by the caller.
-- Returns null where there was nothing to move.
CREATE OR REPLACE FUNCTION post(p_kind text, p_order uuid, p_lease uuid, p_deposit uuid, p_text text, p_at timestamptz,
	p_debits bigint[], p_credits bigint[], p_amounts bigint[]) RETURNS uuid LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_id uuid := uuid_v7();
BEGIN
	IF 0 = ALL (p_amounts) THEN
		RETURN NULL;
	END IF;
	PERFORM writer_show(17233, 'entry_number_seq');
	INSERT INTO posting (id, kind, order_id, lease_id, deposit_id, text, at)
		VALUES (v_id, p_kind, p_order, p_lease, p_deposit, p_text, p_at);
	PERFORM entries_make(array_fill(v_id, ARRAY[cardinality(p_amounts)]), p_debits, p_credits, p_amounts);
	RETURN v_id;
END $$;

-- What orders and leases hold and were charged, against the ledger; a part of ledger_verify().
CREATE OR REPLACE FUNCTION ledger_books_verify(OUT holds_difference_micro bigint, OUT orders_difference bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cpushare, pg_temp SET work_mem = '128MB' SET jit = off AS $$
	WITH wanted AS (
		SELECT buyer, sum(held) AS held FROM (
			SELECT buyer, held_micro AS held FROM cpushare.order UNION ALL SELECT buyer, held_micro FROM lease) h
		GROUP BY buyer
	), of_leases AS (
		SELECT order_id, sum(held_micro) AS held, sum(charged_micro) AS charged, count(*) AS filled,
			count(*) FILTER (WHERE state = 'ended') AS ended
		FROM lease GROUP BY order_id
	), of_posting AS (
		SELECT p.id, p.lease_id, p.leases, p.earned_micro, p.commission_micro,
			EXISTS (SELECT 1 FROM lease l WHERE l.id = coalesce(p.lease_id, p.leases[1]) AND l.buyer = l.seller) AS own,
			coalesce(sum(e.amount_micro) FILTER (WHERE p.kind = 'charge' AND c.kind = 'funds'), 0) AS earned,
			coalesce(sum(e.amount_micro) FILTER (WHERE p.kind = 'charge' AND c.kind = 'commission'), 0) AS commission,
			coalesce(sum(e.amount_micro) FILTER (WHERE p.kind = 'correction'), 0) AS refunded
		FROM posting p JOIN entry e ON e.posting = p.id JOIN ledger_account c ON c.id = e.credit
		WHERE p.kind IN ('charge', 'correction') AND (p.lease_id IS NOT NULL OR p.leases IS NOT NULL) GROUP BY p.id
	), of_postings AS (
		SELECT lease_id, sum(earned) AS earned, sum(commission) AS commission, sum(refunded) AS refunded FROM (
			SELECT lease_id, earned, commission, refunded FROM of_posting WHERE leases IS NULL
			UNION ALL SELECT x.lease_id, x.earned, x.commission, 0 FROM of_posting p
				CROSS JOIN unnest(p.leases, p.earned_micro, p.commission_micro) AS x (lease_id, earned, commission)) parts
		GROUP BY lease_id
	)
	SELECT (SELECT coalesce(sum(abs(a.held_micro - coalesce(w.held, 0))), 0)::bigint
			FROM ledger_account a LEFT JOIN wanted w ON w.buyer = a.owner WHERE a.kind = 'funds'),
		(SELECT count(*) FROM cpushare.order o LEFT JOIN of_leases l ON l.order_id = o.id
			WHERE (o.leases_held_micro, o.charged_micro, o.filled, o.ended)
				<> (coalesce(l.held, 0), coalesce(l.charged, 0), coalesce(l.filled, 0), coalesce(l.ended, 0)))
		+ (SELECT count(*) FROM lease l LEFT JOIN of_postings p ON p.lease_id = l.id
			-- What one pays to oneself does not move.
			WHERE (CASE WHEN l.buyer <> l.seller THEN l.charged_micro - l.commission_micro END, l.commission_micro, l.refunded_micro)
				IS DISTINCT FROM (CASE WHEN l.buyer <> l.seller THEN coalesce(p.earned, 0) END, coalesce(p.commission, 0), coalesce(p.refunded, 0)))
		+ (SELECT count(*) FROM of_posting p WHERE leases IS NOT NULL AND (CASE WHEN own THEN 0 ELSE earned END, commission)
			<> ((SELECT CASE WHEN own THEN 0 ELSE sum(x) END FROM unnest(earned_micro) x), (SELECT sum(x) FROM unnest(commission_micro) x)))
$$;

-- The whole ledger against itself, in one snapshot. All but the first three and the last three are zero in a sound market.
-- What is told of an account, entry for entry: 0052_entry_walk.sql; the chain, too, covers what was told.
CREATE OR REPLACE FUNCTION ledger_verify(OUT postings bigint, OUT entries bigint, OUT accounts bigint, OUT sum_micro bigint,
	OUT unbalanced bigint, OUT negative bigint, OUT holds_difference_micro bigint, OUT orders_difference bigint,
	OUT commission_micro bigint, OUT external_micro bigint, OUT users_micro bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cpushare, pg_temp SET work_mem = '128MB' SET jit = off AS $$
	WITH moved AS (
		SELECT account, sum(change) AS sum, sum(told) AS told FROM (
			SELECT debit AS account, -amount_micro AS change, debit_told AS told FROM entry_told
			UNION ALL SELECT credit, amount_micro, credit_told FROM entry_told) e
		GROUP BY account
	), books AS MATERIALIZED (
		SELECT * FROM ledger_books_verify()
	)
	SELECT (SELECT count(*) FROM posting), (SELECT count(*) FROM entry), count(*), sum(a.balance_micro)::bigint,
		count(*) FILTER (WHERE a.balance_micro <> coalesce(m.sum, 0)
			OR coalesce(m.told, 0) <> t.told),
		count(*) FILTER (WHERE a.balance_micro < 0 AND a.kind NOT IN ('external', 'owed')),
		(SELECT holds_difference_micro FROM books), (SELECT orders_difference FROM books),
		sum(a.balance_micro) FILTER (WHERE a.kind = 'commission')::bigint,
		sum(a.balance_micro) FILTER (WHERE a.kind = 'external')::bigint,
		coalesce(sum(a.balance_micro) FILTER (WHERE a.owner IS NOT NULL), 0)::bigint
	FROM ledger_account a JOIN ledger_account_told t ON t.id = a.id LEFT JOIN moved m ON m.account = a.id
$$;
