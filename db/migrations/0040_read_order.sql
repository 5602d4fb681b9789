-- SPDX-License-Identifier: Apache-2.0
-- 0040_read_order.sql - in which order an image is read by a boot; when an owner asked for a calibration

ALTER TABLE image_list ADD COLUMN read_order integer[] CHECK (cardinality(read_order) <= 1024);
COMMENT ON COLUMN image_list.read_order IS 'Indices of pieces as the last boot that was heard of read them first; null: none was';

ALTER TABLE machine ADD COLUMN calibration_wanted_at timestamptz;
COMMENT ON COLUMN machine.calibration_wanted_at IS 'When its owner asked for a calibration last; null: never';
