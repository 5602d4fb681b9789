-- SPDX-License-Identifier: Apache-2.0
-- 0025_matches.sql - matches are made in sets: what made them one by one goes
--
-- db/procedures/50_leases.sql has matches_make().

DROP FUNCTION IF EXISTS match_make(uuid[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], timestamptz);
DROP FUNCTION IF EXISTS lease_create(uuid, uuid, bigint, bigint, bigint, bigint, bigint, timestamptz);
DROP FUNCTION IF EXISTS lease_mac(uuid, uuid);
COMMENT ON COLUMN lease.mac IS '52:54:00 and the last three bytes of its id, which is made so that no other of its order has them';
