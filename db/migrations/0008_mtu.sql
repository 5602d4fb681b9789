-- SPDX-License-Identifier: Apache-2.0
-- 0008_mtu.sql - the largest packet of an order's network is the buyer's choice

ALTER TABLE cpushare.order ADD COLUMN mtu integer NOT NULL DEFAULT 1400 CHECK (mtu BETWEEN 576 AND 9000);
COMMENT ON COLUMN cpushare.order.mtu IS 'Of its network, in bytes of IP';
