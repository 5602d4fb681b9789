-- SPDX-License-Identifier: Apache-2.0
-- 22_machines.sql - when machines were seen; the audit of what is leased of them

-- Locked in the order of their ids, as matches_make() does: this runs beside it, over thousands.
CREATE OR REPLACE FUNCTION machines_see(p_ids uuid[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM machine WHERE id = ANY (p_ids) AND (seen_at IS NULL OR seen_at < p_now) ORDER BY id FOR NO KEY UPDATE;
	UPDATE machine SET seen_at = p_now WHERE id = ANY (p_ids) AND (seen_at IS NULL OR seen_at < p_now);
END $$;

-- What machines say of themselves, each id once; for each, whether it is there: retired is for good. seen_at never goes back.
CREATE OR REPLACE FUNCTION machines_update(p_ids uuid[], p_countries text[], p_versions text[], p_states text[], p_accels text[],
	p_cores bigint[], p_memory_mib bigint[], p_scores bigint[], p_core_hour_micro bigint[], p_gib_hour_micro bigint[],
	p_gib_transferred_micro bigint[], p_max_duration_s bigint[], p_accepting boolean[], p_seen_at timestamptz[]) RETURNS SETOF boolean
	LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM book_fence();
	PERFORM 1 FROM machine WHERE id = ANY (p_ids) ORDER BY id FOR NO KEY UPDATE;
	RETURN QUERY WITH changed AS (
		UPDATE machine m SET country = x.country, version = x.version, state = x.state, accel = x.accel, cores = x.cores, memory_mib = x.memory_mib,
			score = x.score, price_per_core_hour_micro = x.core_hour_micro, price_per_gib_hour_micro = x.gib_hour_micro,
			price_per_gib_transferred_micro = x.gib_transferred_micro, max_duration_s = x.max_duration_s, accepting = x.accepting,
			seen_at = greatest(m.seen_at, x.seen_at)
		FROM (SELECT unnest(p_ids) AS id, unnest(p_countries) AS country, unnest(p_versions) AS version, unnest(p_states) AS state,
			unnest(p_accels) AS accel, unnest(p_cores) AS cores, unnest(p_memory_mib) AS memory_mib, unnest(p_scores) AS score,
			unnest(p_core_hour_micro) AS core_hour_micro, unnest(p_gib_hour_micro) AS gib_hour_micro,
			unnest(p_gib_transferred_micro) AS gib_transferred_micro, unnest(p_max_duration_s) AS max_duration_s,
			unnest(p_accepting) AS accepting, unnest(p_seen_at) AS seen_at) x
		WHERE m.id = x.id AND m.state <> 'retired' RETURNING m.id)
	SELECT c.id IS NOT NULL FROM unnest(p_ids) WITH ORDINALITY AS y (id, n) LEFT JOIN changed c ON c.id = y.id ORDER BY y.n;
END $$;

-- Machines whose row says another capacity leased than their live leases take: 0, or matches are refused, or made, for nothing.
CREATE OR REPLACE FUNCTION machines_verify(OUT machines_difference bigint)
	LANGUAGE sql STABLE SET search_path = cpushare, pg_temp AS $$
	SELECT count(*) FROM machine m LEFT JOIN (SELECT machine_id, sum(cores) AS cores, sum(memory_mib) AS memory_mib
		FROM lease WHERE state <> 'ended' GROUP BY machine_id) l ON l.machine_id = m.id
	WHERE (m.cores_leased, m.memory_leased_mib) <> (coalesce(l.cores, 0), coalesce(l.memory_mib, 0))
$$;
