-- SPDX-License-Identifier: Apache-2.0
-- 22_machines.sql - when machines were seen; the audit of what is leased of them

-- Locked in the order of their ids, as matches_make() does: this runs beside it, over thousands.
CREATE OR REPLACE FUNCTION machines_see(p_ids uuid[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM machine WHERE id = ANY (p_ids) AND (seen_at IS NULL OR seen_at < p_now) ORDER BY id FOR NO KEY UPDATE;
	UPDATE machine SET seen_at = p_now WHERE id = ANY (p_ids) AND (seen_at IS NULL OR seen_at < p_now);
END $$;

-- Machines whose row says another capacity leased than their live leases take: 0, or matches are refused, or made, for nothing.
CREATE OR REPLACE FUNCTION machines_verify(OUT machines_difference bigint)
	LANGUAGE sql STABLE SET search_path = cpushare, pg_temp AS $$
	SELECT count(*) FROM machine m LEFT JOIN (SELECT machine_id, sum(cores) AS cores, sum(memory_mib) AS memory_mib
		FROM lease WHERE state <> 'ended' GROUP BY machine_id) l ON l.machine_id = m.id
	WHERE (m.cores_leased, m.memory_leased_mib) <> (coalesce(l.cores, 0), coalesce(l.memory_mib, 0))
$$;
