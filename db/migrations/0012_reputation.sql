-- SPDX-License-Identifier: Apache-2.0
-- 0012_reputation.sql - what ratings are made of: money of paid leases, by whom and when; machines on trial
--
-- docs/RATING.md tells how a rating comes of it.

CREATE VIEW reputation_evidence AS
	SELECT l.id AS lease, l.seller AS about, 'seller' AS side, l.buyer AS counterpart,
		floor(extract(epoch FROM l.ended_at) / 2592000)::integer AS period, l.charged_micro AS amount_micro,
		coalesce(f.good, l.reason NOT IN ('withdrawn_by_seller', 'lost_contact', 'boot_failed', 'attestation_failed')) AS good
	FROM lease l LEFT JOIN feedback f ON f.lease = l.id AND f.from_account = l.buyer
	WHERE l.state = 'ended' AND l.charged_micro > 0 AND l.buyer <> l.seller
	UNION ALL
	SELECT l.id, l.buyer, 'buyer', l.seller, floor(extract(epoch FROM l.ended_at) / 2592000)::integer, l.charged_micro,
		coalesce(f.good, true)
	FROM lease l LEFT JOIN feedback f ON f.lease = l.id AND f.from_account = l.seller
	WHERE l.state = 'ended' AND l.charged_micro > 0 AND l.buyer <> l.seller;
COMMENT ON VIEW reputation_evidence IS 'What each paid lease that ended says of its seller and of its buyer';
COMMENT ON COLUMN reputation_evidence.lease IS 'The lease';
COMMENT ON COLUMN reputation_evidence.about IS 'Of whom';
COMMENT ON COLUMN reputation_evidence.side IS 'What that account was in it: seller or buyer';
COMMENT ON COLUMN reputation_evidence.counterpart IS 'The other side';
COMMENT ON COLUMN reputation_evidence.period IS 'In which 30 days since 1970 it ended';
COMMENT ON COLUMN reputation_evidence.amount_micro IS 'What was charged: its weight';
COMMENT ON COLUMN reputation_evidence.good IS 'The counterpart''s mark; without one, whether it ended for nothing that the seller answers for';

CREATE TABLE reputation (
	about uuid NOT NULL REFERENCES account,
	side text NOT NULL CHECK (side IN ('seller', 'buyer')),
	counterpart uuid NOT NULL REFERENCES account,
	period integer NOT NULL,
	good_micro bigint NOT NULL CHECK (good_micro >= 0),
	bad_micro bigint NOT NULL CHECK (bad_micro >= 0),
	PRIMARY KEY (about, side, counterpart, period)
) WITH (fillfactor = 70);
COMMENT ON TABLE reputation IS 'The sums of reputation_evidence, kept as leases end and marks come; written by the procedures only';
COMMENT ON COLUMN reputation.about IS 'Of whom';
COMMENT ON COLUMN reputation.side IS 'As seller or as buyer';
COMMENT ON COLUMN reputation.counterpart IS 'The other side of the leases';
COMMENT ON COLUMN reputation.period IS 'In which 30 days since 1970 they ended';
COMMENT ON COLUMN reputation.good_micro IS 'Charged for those that were good';
COMMENT ON COLUMN reputation.bad_micro IS 'Charged for those that were bad';
INSERT INTO reputation SELECT about, side, counterpart, period, coalesce(sum(amount_micro) FILTER (WHERE good), 0),
	coalesce(sum(amount_micro) FILTER (WHERE NOT good), 0) FROM reputation_evidence GROUP BY about, side, counterpart, period;

ALTER TABLE machine
	ADD COLUMN failures integer NOT NULL DEFAULT 0 CHECK (failures BETWEEN 0 AND 10),
	ADD COLUMN failed_at timestamptz,
	ADD COLUMN failed_buyer uuid;
COMMENT ON COLUMN machine.failures IS 'Above 0 it is on trial: goes up with leases that fail, halves with each that was paid and ended well';
COMMENT ON COLUMN machine.failed_at IS 'When a lease failed last, or null';
COMMENT ON COLUMN machine.failed_buyer IS 'Whose lease that was: further ones of the same buyer count no more';
