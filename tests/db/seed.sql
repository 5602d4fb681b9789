-- SPDX-License-Identifier: Apache-2.0
-- seed.sql - people and things to trade with, in the schema "seed"

CREATE SCHEMA seed;
GRANT USAGE ON SCHEMA seed TO cpushare_market;

-- buyer 1, seller 2, another buyer 3, another seller 4
CREATE FUNCTION seed.id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
	SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid
$$;
CREATE FUNCTION seed.hash(t text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(t::bytea) $$;
INSERT INTO account (id, email, name, password_hash)
	SELECT seed.id(n), 'user' || n || '@example.org', 'user' || n, 'x' FROM generate_series(1, 4) n;
SELECT image_create(seed.id(n), seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece')) FROM unnest(ARRAY[1, 3]) n;
SELECT image_piece_add(seed.id(n), seed.hash('image'), 0) FROM unnest(ARRAY[1, 3]) n;
INSERT INTO machine (id, account, name, public_key, state, accepting, accel, cores, memory_mib, price_per_core_hour_micro)
	SELECT seed.id(n + 100), seed.id(n), 'machine' || n, seed.hash('key' || n), 'online', true, 'kvm', 4, 4096, 10
	FROM unnest(ARRAY[2, 4]) n;

CREATE FUNCTION seed.fund(p_account integer, p_amount bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_id uuid := gen_random_uuid();
BEGIN
	PERFORM deposit_create(v_id, seed.id(p_account), 'manual', 'pending', p_amount, 0, p_amount, '', now());
	PERFORM deposit_credit(v_id, v_id::text);
END $$;

-- An order of that id: places of one core and 64 MiB, each with a hold.
CREATE FUNCTION seed.place(p_order integer, p_buyer integer, p_count integer, p_hold bigint, p_budget bigint DEFAULT 0,
	p_cores integer DEFAULT 1) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
	PERFORM order_create(seed.id(p_order), seed.id(p_buyer), '', seed.hash('image'), p_count, p_cores, 64, 100, 100, 100, 3600, 3600,
		p_budget, 0, NULL, '{}', NULL, p_hold, now(), 1400);
	RETURN seed.id(p_order);
END $$;

-- One place of it on a machine; null where refused.
CREATE FUNCTION seed.match(p_order integer, p_machine integer, p_cores integer DEFAULT 1) RETURNS uuid LANGUAGE sql AS $$
	SELECT lease FROM matches_make(ARRAY[seed.id(p_order)], ARRAY[seed.id(p_machine)], ARRAY[10]::bigint[], ARRAY[0]::bigint[],
		ARRAY[0]::bigint[], ARRAY[p_cores]::bigint[], ARRAY[64]::bigint[], ARRAY[0]::bigint[], now())
$$;

-- A usage record with all counters at p_seq.
CREATE FUNCTION seed.use(p_lease uuid, p_seq bigint, p_total bigint, p_target bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM lease_use(p_lease, p_seq, p_seq, p_seq, p_seq, p_seq, NULL, NULL, seed.hash(p_seq::text), false, p_total, 1000,
		p_target, now());
END $$;

-- What an account, or an order of it, is told, p_step events at a time: each read goes on behind the last.
CREATE FUNCTION seed.steps(p_account uuid, p_order uuid, p_step bigint) RETURNS text LANGUAGE sql AS $$
	WITH RECURSIVE r AS (SELECT 0::bigint AS id, '' AS told UNION ALL SELECT x.last, r.told || x.told FROM r,
		LATERAL (SELECT max(e.id) AS last, string_agg(e.id || ' ' || e.kind || ' ', '' ORDER BY e.id) AS told
		FROM event_read(p_account, p_order, r.id, p_step) e HAVING count(*) > 0) x) SELECT told FROM r ORDER BY id DESC LIMIT 1
$$;

CREATE FUNCTION seed.balance(p_account integer) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(CASE kind WHEN 'funds' THEN 'available ' || balance_micro - held_micro || ', held ' || held_micro
		ELSE kind || ' ' || balance_micro END, ', ' ORDER BY kind) FROM ledger_account WHERE owner = seed.id(p_account)
$$;
-- Everything that money could have changed: a refusal leaves it alone.
CREATE FUNCTION seed.books() RETURNS text LANGUAGE sql AS $$
	SELECT md5((SELECT string_agg(a::text, ';' ORDER BY a.id) FROM cpushare.ledger_account a)
		|| (SELECT count(*)::text FROM cpushare.posting) || (SELECT count(*)::text FROM cpushare.entry)
		|| (SELECT count(*)::text FROM cpushare.event)
		|| coalesce((SELECT string_agg(o::text, ';' ORDER BY o.id) FROM cpushare.order o), '')
		|| coalesce((SELECT string_agg(l::text, ';' ORDER BY l.id) FROM cpushare.lease l), '')
		|| coalesce((SELECT string_agg(d::text, ';' ORDER BY d.id) FROM cpushare.deposit d), '')
		|| coalesce((SELECT string_agg(f::text, ';' ORDER BY f.lease) FROM cpushare.feedback f), '')
		|| coalesce((SELECT string_agg(d::text, ';' ORDER BY d.lease) FROM cpushare.dispute d), ''))
$$;
CREATE FUNCTION seed.refused(p_sql text, p_state text, p_name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	v_before text := seed.books();
BEGIN
	RETURN NEXT throws_ok(p_sql, p_state::char(5), NULL, p_name);
	RETURN NEXT is(seed.books(), v_before, p_name || ': nothing changed');
END $$;
CREATE FUNCTION seed.sound(p_name text) RETURNS text LANGUAGE sql AS $$
	SELECT is((SELECT (sum_micro, unbalanced, negative, holds_difference_micro, orders_difference)::text FROM ledger_verify()),
		'(0,0,0,0,0)', p_name || ': the ledger is sound')
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA seed TO cpushare_market;
