-- SPDX-License-Identifier: Apache-2.0
-- 22_machines.sql - when machines were seen

-- Locked in the order of their ids, as matches_make() does: this runs beside it, over thousands.
CREATE OR REPLACE FUNCTION machines_see(p_ids uuid[], p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM machine WHERE id = ANY (p_ids) AND (seen_at IS NULL OR seen_at < p_now) ORDER BY id FOR NO KEY UPDATE;
	UPDATE machine SET seen_at = p_now WHERE id = ANY (p_ids) AND (seen_at IS NULL OR seen_at < p_now);
END $$;
