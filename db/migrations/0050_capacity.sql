-- SPDX-License-Identifier: Apache-2.0
-- 0050_capacity.sql - what a machine's leases take of it stands in its row
--
-- To add up the live leases of each machine of a batch was more work than to make the new ones, and the more the longer a machine's leases live.

ALTER TABLE machine ADD COLUMN cores_leased bigint NOT NULL DEFAULT 0 CHECK (cores_leased >= 0),
	ADD COLUMN memory_leased_mib bigint NOT NULL DEFAULT 0 CHECK (memory_leased_mib >= 0);
COMMENT ON COLUMN machine.cores_leased IS 'The sum of its leases that have not ended';
COMMENT ON COLUMN machine.memory_leased_mib IS 'Likewise';
UPDATE machine m SET cores_leased = l.cores, memory_leased_mib = l.memory_mib
	FROM (SELECT machine_id, sum(cores) AS cores, sum(memory_mib) AS memory_mib FROM lease WHERE state <> 'ended' GROUP BY machine_id) l
	WHERE l.machine_id = m.id;
-- As in 0045_hot_rows.sql.
ALTER TABLE machine SET (fillfactor = 45);
DROP FUNCTION IF EXISTS matches_decide(uuid[], uuid[], bigint[], bigint[], bigint[], boolean[], boolean[], integer[], integer[], numeric[], numeric[],
	integer[]);
