-- SPDX-License-Identifier: Apache-2.0
-- 0049_births.sql - what is told of the making of an order or a lease is no row of its own: its number stands in theirs
--
-- order.created, lease.matched, and order.filled of an order of one VM follow from the order's and the lease's rows (20_events.sql,
-- event_births()), and so cost neither a row nor its four entries in indexes. The same indexes list orders and leases, newest first.

-- Every second number is free: the one behind lease.matched is that of the order.filled which the lease brings.
ALTER TABLE event ALTER id SET INCREMENT BY 2;
DO $$ BEGIN PERFORM setval('event_id_seq', coalesce(pg_sequence_last_value('event_id_seq'), 0) + 1); END $$;

-- Orders that are there already have their events as rows; below zero their numbers tell of their order alone.
ALTER TABLE cpushare.order ADD COLUMN created_event bigint;
UPDATE cpushare.order o SET created_event = x.n FROM (SELECT id, -row_number() OVER (ORDER BY id DESC) AS n FROM cpushare.order) x WHERE x.id = o.id;
ALTER TABLE cpushare.order ALTER created_event SET NOT NULL, ALTER created_event SET DEFAULT nextval('event_id_seq');
COMMENT ON COLUMN cpushare.order.created_event IS 'Number of its order.created; below 0: that is a row of event, or past';
DROP INDEX order_buyer;
CREATE INDEX order_buyer ON cpushare.order (buyer, created_event);

ALTER TABLE lease ADD COLUMN matched_event bigint;
ALTER TABLE lease ALTER matched_event SET DEFAULT nextval('event_id_seq');
COMMENT ON COLUMN lease.matched_event IS 'Number of its lease.matched, and one less than that of its order''s order.filled where that has one place; null: those are rows of event, or past';
-- Live leases are listed by their machines' index.
DROP INDEX lease_buyer, lease_seller, lease_live;
CREATE INDEX lease_buyer ON lease (buyer, matched_event);
CREATE INDEX lease_seller ON lease (seller, matched_event);

CREATE TABLE event_swept (
	before timestamptz NOT NULL
);
COMMENT ON TABLE event_swept IS 'How far events were forgotten: those that are no rows, too; one row';
COMMENT ON COLUMN event_swept.before IS 'What happened before is not told any more';
INSERT INTO event_swept VALUES ('-infinity');

-- The answer to an order is made again from the order.
ALTER TABLE idempotency_key ADD COLUMN order_id uuid;
COMMENT ON COLUMN idempotency_key.order_id IS 'The order that was placed with it, whose row has what the answer said; null: body has it';
DROP FUNCTION IF EXISTS orders_place(uuid[], uuid[], text[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[],
	bigint[], timestamptz[], text[], text[], bigint[], text[], bytea[], text[], timestamptz[], bigint, bigint[], uuid[], bigint[]);
-- Compared byte by byte.
ALTER TABLE idempotency_key ALTER key TYPE text COLLATE "C";
