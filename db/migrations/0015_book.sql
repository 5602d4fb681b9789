-- SPDX-License-Identifier: Apache-2.0
-- 0015_book.sql - which market holds the book
--
-- db/procedures/25_book.sql tells how it works.

CREATE TABLE book (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	owner uuid,
	epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
	expires_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO book DEFAULT VALUES;
COMMENT ON TABLE book IS 'One row: which market holds the book; written by the procedures only';
COMMENT ON COLUMN book.one IS 'There is one row';
COMMENT ON COLUMN book.owner IS 'The process that holds it, by an id that it made at its start; null: none ever did';
COMMENT ON COLUMN book.epoch IS 'Grows each time it changes hands; what an older epoch would write is refused';
COMMENT ON COLUMN book.expires_at IS 'Until then it is its owner''s alone, by the server''s clock';
