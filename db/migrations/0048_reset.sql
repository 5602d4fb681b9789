-- SPDX-License-Identifier: Apache-2.0
-- 0048_reset.sql - how often a lease's buyer had its machine start anew

ALTER TABLE lease ADD COLUMN resets integer NOT NULL DEFAULT 0 CHECK (resets >= 0);
COMMENT ON COLUMN lease.resets IS 'So many resets its buyer has asked for: the machine makes as many';
