-- SPDX-License-Identifier: Apache-2.0
-- 0027_withdrawal.sql - a seller who announced it in time may withdraw a lease without blame

ALTER TABLE lease ADD COLUMN withdrawable_at timestamptz;
COMMENT ON COLUMN lease.withdrawable_at IS 'Its machine is being drained, and from then on its seller may withdraw it without blame; null: it is not';

-- The seller answers for its end.
CREATE FUNCTION lease_blames_seller(l lease) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = cpushare, pg_temp AS $$
	SELECT l.reason IN ('lost_contact', 'boot_failed', 'attestation_failed')
		OR (l.reason = 'withdrawn_by_seller' AND coalesce(l.ended_at < l.withdrawable_at, true))
$$;

CREATE OR REPLACE VIEW reputation_evidence AS
	SELECT l.id AS lease, l.seller AS about, 'seller' AS side, l.buyer AS counterpart,
		floor(extract(epoch FROM l.ended_at) / 2592000)::integer AS period, l.charged_micro AS amount_micro,
		coalesce(f.good, NOT lease_blames_seller(l)) AS good
	FROM lease l LEFT JOIN feedback f ON f.lease = l.id AND f.from_account = l.buyer
	WHERE l.state = 'ended' AND l.charged_micro > 0 AND l.buyer <> l.seller
	UNION ALL
	SELECT l.id, l.buyer, 'buyer', l.seller, floor(extract(epoch FROM l.ended_at) / 2592000)::integer, l.charged_micro,
		coalesce(f.good, true)
	FROM lease l LEFT JOIN feedback f ON f.lease = l.id AND f.from_account = l.seller
	WHERE l.state = 'ended' AND l.charged_micro > 0 AND l.buyer <> l.seller;
