-- SPDX-License-Identifier: Apache-2.0
-- 0010_chain.sql - postings chained by hash
--
-- docs/MONEY.md, "The chain", tells how it works.

CREATE TABLE posting_chain (
	number bigint PRIMARY KEY CHECK (number >= 1),
	posting uuid NOT NULL REFERENCES posting,
	first_entry bigint NOT NULL,
	hash sha256 NOT NULL,
	CONSTRAINT posting_chain_posting_key UNIQUE (posting),
	CONSTRAINT posting_chain_first_entry_key UNIQUE (first_entry)
);
COMMENT ON TABLE posting_chain IS 'Each posting''s place in the order of their doing, and the hash over it and all before; append-only';
COMMENT ON COLUMN posting_chain.number IS '1, 2, ... without a gap';
COMMENT ON COLUMN posting_chain.posting IS 'The posting';
COMMENT ON COLUMN posting_chain.first_entry IS 'The number of its first entry: grows with number';
COMMENT ON COLUMN posting_chain.hash IS 'SHA-256 of the hash before (32 zeros before the first) and posting_text()';
CREATE TRIGGER posting_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting_chain
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON posting_chain FROM cpushare_owner;

-- To go on behind the last posting chained.
CREATE UNIQUE INDEX entry_number ON entry (number) WHERE leg = 1;
