-- SPDX-License-Identifier: Apache-2.0
-- 0053_chain_sets.sql - what a link of the chain costs beside its hash

-- A foreign key runs a query for each row; the same is asked once a statement. Postings refuse to go away.
ALTER TABLE posting_chain DROP CONSTRAINT posting_chain_posting_fkey;
CREATE TRIGGER posting_chain_refers AFTER INSERT ON posting_chain REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION entry_refers();

-- The same text as ever, with a list in place of an aggregate for each posting, and no JSON made of an empty text.
CREATE OR REPLACE VIEW posting_chained AS
	SELECT p.id, concat('["', p.id, '", "', p.kind, '", ', coalesce('"' || p.order_id || '"', 'null'), ', ',
		coalesce('"' || p.lease_id || '"', 'null'), ', ', coalesce('"' || p.deposit_id || '"', 'null'), ', ',
		CASE p.text WHEN '' THEN '""' ELSE to_json(p.text::text)::text END, ', ', (extract(epoch FROM p.at) * 1000000)::bigint, ', ',
		coalesce('[' || nullif(array_to_string(ARRAY(SELECT concat('[', e.number, ', ', e.leg, ', ', e.debit, ', ', e.credit, ', ',
			e.amount_micro, ', ', e.debit_after, ', ', e.credit_after, ']') FROM entry e WHERE e.posting = p.id ORDER BY e.leg), ', '), '')
			|| ']', 'null'),
		CASE WHEN p.leases IS NOT NULL THEN concat(', ', to_jsonb(p.leases), ', ', to_jsonb(p.earned_micro), ', ',
			to_jsonb(p.commission_micro)) END, ']') AS text
	FROM posting p;
