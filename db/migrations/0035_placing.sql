-- SPDX-License-Identifier: Apache-2.0
-- 0035_placing.sql - orders are placed with the token that asks checked in the same statement, and answered with their buyer's marks
--
-- db/procedures/45_placing.sql has orders_place().

DROP FUNCTION IF EXISTS orders_place(uuid[], uuid[], text[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[],
	bigint[], bigint[], bigint[], timestamptz[], text[], text[], bigint[], text[], bytea[], text[], timestamptz[], bigint, bigint[]);

-- A live image that many have is looked up by its owner, too.
DROP INDEX image_id;
CREATE INDEX image_id ON image (id, account);
