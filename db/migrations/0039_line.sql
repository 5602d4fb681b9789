-- SPDX-License-Identifier: Apache-2.0
-- 0039_line.sql - machines' internet lines, as the market measured them (docs/CALIBRATION.md)

ALTER TABLE machine ADD COLUMN line_down_kbit_s bigint NOT NULL DEFAULT 0 CHECK (line_down_kbit_s >= 0),
	ADD COLUMN line_up_kbit_s bigint NOT NULL DEFAULT 0 CHECK (line_up_kbit_s >= 0), ADD COLUMN line_at timestamptz;
COMMENT ON COLUMN machine.line_down_kbit_s IS 'Towards the machine, at least, by the market''s own clock; 0: not measured';
COMMENT ON COLUMN machine.line_up_kbit_s IS 'The same, from it';
COMMENT ON COLUMN machine.line_at IS 'When that was measured; null: never';
