-- SPDX-License-Identifier: Apache-2.0
-- 0011_disputes.sql - corrections of what leases were charged, and the disputes that lead to them

ALTER TABLE lease ADD refunded_micro micro NOT NULL DEFAULT 0;
ALTER TABLE lease ADD commission_refunded_micro micro NOT NULL DEFAULT 0;
ALTER TABLE lease ADD CONSTRAINT lease_refunded_check CHECK (refunded_micro <= charged_micro
	AND commission_refunded_micro <= commission_micro AND commission_refunded_micro <= refunded_micro);
COMMENT ON COLUMN lease.refunded_micro IS 'Of charged_micro, given back to the buyer by corrections';
COMMENT ON COLUMN lease.commission_refunded_micro IS 'Of commission_micro, given back with it';

CREATE TABLE dispute (
	lease uuid PRIMARY KEY REFERENCES lease,
	state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'refused')),
	text text NOT NULL CHECK (octet_length(text) BETWEEN 1 AND 2000),
	evidence jsonb NOT NULL,
	console bytea NOT NULL CHECK (octet_length(console) <= 65536),
	opened_at timestamptz NOT NULL,
	refund_percent integer CHECK (refund_percent BETWEEN 0 AND 100),
	refund_micro micro NOT NULL DEFAULT 0,
	decision detail NOT NULL DEFAULT '',
	operator label NOT NULL DEFAULT '',
	decided_at timestamptz,
	CONSTRAINT dispute_decided_check CHECK ((state = 'open') = (decided_at IS NULL) AND (state = 'open') = (refund_percent IS NULL)
		AND (state = 'upheld') = (coalesce(refund_percent, 0) > 0))
);
CREATE INDEX dispute_open ON dispute (opened_at) WHERE state = 'open';
COMMENT ON TABLE dispute IS 'A buyer says that a lease was not worth its money; once a lease; written by the procedures only';
COMMENT ON COLUMN dispute.lease IS 'The lease, which has ended';
COMMENT ON COLUMN dispute.state IS 'open -> upheld or refused';
COMMENT ON COLUMN dispute.text IS 'What the buyer says';
COMMENT ON COLUMN dispute.evidence IS 'The lease, its last usage record, its machine''s key and its events as they were when it was opened';
COMMENT ON COLUMN dispute.console IS 'The last bytes of its console that the market had then';
COMMENT ON COLUMN dispute.opened_at IS 'When';
COMMENT ON COLUMN dispute.refund_percent IS 'Of what was charged, as the operator decided; null: not yet';
COMMENT ON COLUMN dispute.refund_micro IS 'What was given back by this decision';
COMMENT ON COLUMN dispute.decision IS 'The operator''s reason';
COMMENT ON COLUMN dispute.operator IS 'Who decided';
COMMENT ON COLUMN dispute.decided_at IS 'When; null: not yet';
