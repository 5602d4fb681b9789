-- SPDX-License-Identifier: Apache-2.0
-- 0024_book_holder.sql - where other markets reach the one that holds the book
--
-- db/procedures/25_book.sql tells how it works.

ALTER TABLE book ADD COLUMN url text NOT NULL DEFAULT '' CHECK (octet_length(url) < 320),
	ADD COLUMN pin text NOT NULL DEFAULT '' CHECK (octet_length(pin) < 64),
	ADD COLUMN secret text NOT NULL DEFAULT '' CHECK (octet_length(secret) < 65);
COMMENT ON COLUMN book.url IS 'Where its holder takes requests that other markets hand on; empty: nowhere';
COMMENT ON COLUMN book.pin IS 'The SHA-256 of its holder''s public TLS key, as sha256//BASE64; empty: plain HTTP on one machine';
COMMENT ON COLUMN book.secret IS 'What another market shows to its holder; made anew by each process';

-- It takes these too now.
DROP FUNCTION IF EXISTS book_claim(uuid, bigint);
