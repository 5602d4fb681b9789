-- SPDX-License-Identifier: Apache-2.0
-- 0026_chain_text.sql - what the chain's hash covers, as a view: it becomes a part of its callers' statements, where a call of a function
-- for each posting cost more than the posting

CREATE VIEW posting_chained AS
	SELECT p.id, jsonb_build_array(p.id, p.kind, p.order_id, p.lease_id, p.deposit_id, p.text, (extract(epoch FROM p.at) * 1000000)::bigint,
		(SELECT jsonb_agg(jsonb_build_array(e.number, e.leg, e.debit, e.credit, e.amount_micro, e.debit_after, e.credit_after)
			ORDER BY e.leg) FROM entry e WHERE e.posting = p.id))::text AS text
	FROM posting p;
COMMENT ON VIEW posting_chained IS 'Each posting as its link of the chain covers it';
COMMENT ON COLUMN posting_chained.id IS 'The posting';
COMMENT ON COLUMN posting_chained.text IS 'A JSON array of the posting''s fields, and of its entries'' in the order of their legs';
