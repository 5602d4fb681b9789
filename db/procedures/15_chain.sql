-- SPDX-License-Identifier: Apache-2.0
-- 15_chain.sql - postings chained by hash, in batches, behind those who write them
--
-- The order is that of the postings' first entries. post() shows what it writes (writer_show), so ledger_chain() takes only what is
-- below everything that is still under way: no posting appears later among those that are chained, and nobody waits for anybody.

-- What the hash covers.
CREATE OR REPLACE FUNCTION posting_text(p_id uuid) RETURNS text LANGUAGE sql STABLE SET search_path = cpushare, pg_temp AS $$
	SELECT text FROM posting_chained WHERE id = p_id
$$;

CREATE OR REPLACE FUNCTION chain_hash(p_before bytea, p_posting uuid) RETURNS bytea LANGUAGE sql STABLE
	SET search_path = cpushare, pg_temp AS $$
	SELECT pg_catalog.sha256(coalesce(p_before, decode(repeat('00', 32), 'hex')) || convert_to(posting_text(p_posting), 'UTF8'))
$$;

-- Chains at most p_limit postings; says how many. Where another session is at it: none.
CREATE OR REPLACE FUNCTION ledger_chain(p_limit bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_last posting_chain;
	v_horizon bigint;
	v_postings uuid[] := '{}';
	v_entries bigint[] := '{}';
	v_hashes bytea[] := '{}';
	v_hash bytea;
	e record;
BEGIN
	IF NOT pg_try_advisory_xact_lock(x'4350434841494e00'::bigint) THEN
		RETURN 0;
	END IF;
	v_horizon := writers_horizon(17233, 'entry_number_seq');
	SELECT * INTO v_last FROM posting_chain ORDER BY number DESC LIMIT 1;
	v_hash := coalesce(v_last.hash::bytea, decode(repeat('00', 32), 'hex'));
	FOR e IN SELECT f.posting, f.number, convert_to(p.text, 'UTF8') AS text FROM (SELECT posting, number FROM entry
		WHERE leg = 1 AND number > coalesce(v_last.first_entry, 0) AND number <= v_horizon ORDER BY number LIMIT p_limit) f
		JOIN posting_chained p ON p.id = f.posting ORDER BY f.number
	LOOP
		v_hash := pg_catalog.sha256(v_hash || e.text);
		v_postings := v_postings || e.posting;
		v_entries := v_entries || e.number;
		v_hashes := v_hashes || v_hash;
	END LOOP;
	INSERT INTO posting_chain SELECT coalesce(v_last.number, 0) + n, posting, number, hash
		FROM unnest(v_postings, v_entries, v_hashes) WITH ORDINALITY AS x (posting, number, hash, n) ORDER BY n;
	RETURN cardinality(v_postings);
END $$;

-- How far the chain goes: its last number and hash, and how many postings are behind it.
CREATE OR REPLACE FUNCTION ledger_chain_head(OUT number bigint, OUT hash bytea, OUT waiting bigint) LANGUAGE sql STABLE
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
	SELECT coalesce(c.number, 0), coalesce(c.hash, decode(repeat('00', 32), 'hex')),
		(SELECT count(*) FROM entry e WHERE e.leg = 1 AND e.number > coalesce(c.first_entry, 0))
	FROM (SELECT 1) x LEFT JOIN (SELECT * FROM posting_chain ORDER BY number DESC LIMIT 1) c ON true
$$;

-- Everything that the chain says is not as it was done, in the chain's order; nothing in a sound ledger.
-- changed: the posting, its entries, or its hash. removed: chained, and not there. unlinked: a number that the chain has lost.
-- inserted: there, among those that are chained, or without entries, and not in the chain. moved: its entries are not where they were.
-- orphan: entries of no posting.
-- Of the links behind number p_after up to p_to; what should be in the chain and is not, where that is the beginning.
CREATE OR REPLACE FUNCTION ledger_chain_faults(p_limit bigint, p_after bigint DEFAULT 0, p_to bigint DEFAULT 9223372036854775807)
	RETURNS TABLE (chain_number bigint, posting uuid, fault text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
	WITH link AS (
		SELECT number, posting, first_entry, hash, lag(hash) OVER w AS before, lag(number, 1, 0::bigint) OVER w AS number_before,
			lag(first_entry, 1, 0::bigint) OVER w AS entry_before
		FROM posting_chain WHERE number <= p_to AND number >= coalesce((SELECT max(number) FROM posting_chain WHERE number <= p_after), 0)
		WINDOW w AS (ORDER BY number)
	), fault AS (
		SELECT l.number, l.posting, CASE
			WHEN l.number <> l.number_before + 1 THEN 'unlinked'
			WHEN p.id IS NULL THEN 'removed'
			WHEN e.number IS DISTINCT FROM l.first_entry OR l.first_entry <= l.entry_before THEN 'moved'
			WHEN pg_catalog.sha256(coalesce(l.before, decode(repeat('00', 32), 'hex')) || convert_to(p.text, 'UTF8'))
				IS DISTINCT FROM l.hash::bytea THEN 'changed' END AS fault
		FROM link l LEFT JOIN posting_chained p ON p.id = l.posting LEFT JOIN entry e ON e.posting = l.posting AND e.leg = 1
			WHERE l.number > p_after
		UNION ALL
		SELECT NULL, p.id, 'inserted' FROM posting p LEFT JOIN posting_chain c ON c.posting = p.id
			LEFT JOIN entry e ON e.posting = p.id AND e.leg = 1
			WHERE p_after = 0 AND c.posting IS NULL AND (e.number IS NULL OR e.number <= (SELECT max(first_entry) FROM posting_chain))
		UNION ALL
		SELECT DISTINCT NULL::bigint, e.posting, 'orphan' FROM entry e LEFT JOIN posting p ON p.id = e.posting
			WHERE p_after = 0 AND p.id IS NULL AND NOT EXISTS (SELECT 1 FROM posting_chain c WHERE c.posting = e.posting)
	)
	SELECT * FROM fault WHERE fault IS NOT NULL ORDER BY number, posting LIMIT p_limit
$$;
