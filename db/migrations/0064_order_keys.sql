-- SPDX-License-Identifier: Apache-2.0
-- 0064_order_keys.sql - an order's Idempotency-Key stands in its own row, and an order may be filled as it is placed (45_placing.sql)
--
-- A row of its own for each order's key cost a third of what the order's row does. It lives as long as the order: what was placed once is never
-- placed again under its key.

ALTER TABLE cpushare.order ADD COLUMN key text COLLATE "C", ADD COLUMN request bytea;
COMMENT ON COLUMN cpushare.order.key IS 'The Idempotency-Key that it was placed with, or null';
COMMENT ON COLUMN cpushare.order.request IS 'Hash of that request: the same key with another one is refused; null without a key';
UPDATE cpushare.order o SET key = k.key, request = k.request FROM idempotency_key k WHERE k.order_id = o.id AND k.account = o.buyer;
DELETE FROM idempotency_key WHERE order_id IS NOT NULL;
ALTER TABLE idempotency_key DROP COLUMN order_id;
CREATE UNIQUE INDEX order_key ON cpushare.order (buyer, key) WHERE key IS NOT NULL;

DROP FUNCTION IF EXISTS orders_place(uuid[], uuid[], text[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[],
	bigint[], timestamptz[], text[], text[], bigint[], text[], bytea[], timestamptz[], bigint, bigint[], uuid[], bigint[]);
