-- SPDX-License-Identifier: Apache-2.0
-- 95_capacity.sql - what machines' leases take, counted anew where it is wrong, whenever the procedures change
--
-- An older market that works on while a database is brought from before 0050_capacity.sql to this form makes and ends leases by procedures that
-- do not know those columns, until the transaction of this text commits. Nobody makes or ends one under the lock.

LOCK TABLE machine IN EXCLUSIVE MODE;
UPDATE machine m SET cores_leased = x.cores, memory_leased_mib = x.memory_mib
	FROM (SELECT m.id, coalesce(sum(l.cores), 0) AS cores, coalesce(sum(l.memory_mib), 0) AS memory_mib
		FROM machine m LEFT JOIN lease l ON l.machine_id = m.id AND l.state <> 'ended' GROUP BY m.id) x
	WHERE x.id = m.id AND (m.cores_leased, m.memory_leased_mib) <> (x.cores, x.memory_mib);
