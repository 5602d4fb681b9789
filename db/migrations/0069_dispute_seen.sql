-- SPDX-License-Identifier: Apache-2.0
-- 0069_dispute_seen.sql - a dispute's evidence has what the other members of the network saw
--
-- dispute_open() takes it as one more argument, with a default: the procedure without it goes, or both would be there.

DROP FUNCTION IF EXISTS dispute_open(uuid, uuid, text, bytea, bigint, timestamptz);
COMMENT ON COLUMN dispute.evidence IS 'The lease, its last usage record, its machine''s key, its events, and what others saw of it, as they were when it was opened';
