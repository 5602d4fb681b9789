-- SPDX-License-Identifier: Apache-2.0
-- 0034_settled_together.sql - what leases of one order on one seller's machines are charged at the same time is one posting
--
-- It names each lease with its part, in the order of the leases; the chain covers that, and the audit adds it up (ledger_verify).

ALTER TABLE posting ADD COLUMN leases uuid[], ADD COLUMN earned_micro bigint[], ADD COLUMN commission_micro bigint[],
	ADD CONSTRAINT posting_leases_check CHECK (CASE WHEN leases IS NULL THEN earned_micro IS NULL AND commission_micro IS NULL
		ELSE lease_id IS NULL AND order_id IS NOT NULL AND cardinality(leases) > 1
		AND cardinality(leases) = cardinality(earned_micro) AND cardinality(leases) = cardinality(commission_micro) END),
	ALTER COLUMN leases SET STORAGE EXTERNAL;
COMMENT ON COLUMN posting.leases IS 'Of a charge for several leases: which; else null';
COMMENT ON COLUMN posting.earned_micro IS 'What the seller gets for each of them';
COMMENT ON COLUMN posting.commission_micro IS 'What the market gets for each of them';

CREATE OR REPLACE FUNCTION posting_refers() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN cpushare.order o ON o.id = f.order_id WHERE o.id IS NULL AND f.order_id IS NOT NULL) THEN
		PERFORM refers_to_nothing('order');
	END IF;
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN lease l ON l.id = f.lease_id WHERE l.id IS NULL AND f.lease_id IS NOT NULL)
		OR EXISTS (SELECT 1 FROM fresh f CROSS JOIN unnest(f.leases) x (id) LEFT JOIN lease l ON l.id = x.id
			WHERE l.order_id IS DISTINCT FROM f.order_id) THEN
		PERFORM refers_to_nothing('lease');
	END IF;
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN deposit d ON d.id = f.deposit_id WHERE d.id IS NULL AND f.deposit_id IS NOT NULL) THEN
		PERFORM refers_to_nothing('deposit');
	END IF;
	RETURN NULL;
END $$;

-- The text that jsonb_build_array() made, put together by hand: a third of the time. Where there are no leases it is what it was.
CREATE OR REPLACE VIEW posting_chained AS
	SELECT p.id, concat('["', p.id, '", "', p.kind, '", ', coalesce('"' || p.order_id || '"', 'null'), ', ',
		coalesce('"' || p.lease_id || '"', 'null'), ', ', coalesce('"' || p.deposit_id || '"', 'null'), ', ', to_json(p.text::text), ', ',
		(extract(epoch FROM p.at) * 1000000)::bigint, ', ',
		coalesce((SELECT '[' || string_agg(concat('[', e.number, ', ', e.leg, ', ', e.debit, ', ', e.credit, ', ', e.amount_micro, ', ',
			e.debit_after, ', ', e.credit_after, ']'), ', ' ORDER BY e.leg) || ']' FROM entry e WHERE e.posting = p.id), 'null'),
		CASE WHEN p.leases IS NOT NULL THEN concat(', ', to_jsonb(p.leases), ', ', to_jsonb(p.earned_micro), ', ',
			to_jsonb(p.commission_micro)) END, ']') AS text
	FROM posting p;
