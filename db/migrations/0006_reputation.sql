-- SPDX-License-Identifier: Apache-2.0
-- 0006_reputation.sql - marks, events, and the market's right to read

CREATE TABLE feedback (
	lease uuid NOT NULL REFERENCES lease,
	from_account uuid NOT NULL REFERENCES account,
	about uuid NOT NULL REFERENCES account,
	side text NOT NULL CHECK (side IN ('seller', 'buyer')),
	good boolean NOT NULL,
	comment detail NOT NULL DEFAULT '',
	at timestamptz NOT NULL,
	PRIMARY KEY (lease, from_account),
	CONSTRAINT feedback_two_accounts_check CHECK (from_account <> about)
);
CREATE INDEX feedback_about ON feedback (about, side, good);
COMMENT ON TABLE feedback IS 'What one side of a paid lease says of the other, once; written by the procedure only';
COMMENT ON COLUMN feedback.lease IS 'The lease';
COMMENT ON COLUMN feedback.from_account IS 'Who says it';
COMMENT ON COLUMN feedback.about IS 'Of whom';
COMMENT ON COLUMN feedback.side IS 'What the marked account was in this lease: seller or buyer';
COMMENT ON COLUMN feedback.good IS 'Good or bad';
COMMENT ON COLUMN feedback.comment IS 'In words, or empty';
COMMENT ON COLUMN feedback.at IS 'When';

-- Never below what really committed: ids are given in order, read by event_read() only up to where nothing is under way.
CREATE TABLE event (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account uuid NOT NULL REFERENCES account,
	order_id uuid,
	lease_id uuid,
	kind text NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 31),
	data jsonb NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX event_account ON event (account, id);
CREATE INDEX event_order ON event (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX event_at ON event (at);
COMMENT ON TABLE event IS 'What happened, for who listens; kept for 30 days; written by the procedures only';
COMMENT ON COLUMN event.id IS 'A reader goes on behind the last one it has seen';
COMMENT ON COLUMN event.account IS 'Whose it is: what concerns two accounts is two events';
COMMENT ON COLUMN event.order_id IS 'The order that it concerns, or null';
COMMENT ON COLUMN event.lease_id IS 'The lease that it concerns, or null';
COMMENT ON COLUMN event.kind IS 'order.created, order.filled, lease.running, ...';
COMMENT ON COLUMN event.data IS 'More, as JSON';
COMMENT ON COLUMN event.at IS 'When';

-- The market reads everything and writes what the migrations before this one named.
GRANT SELECT ON ALL TABLES IN SCHEMA cpushare TO cpushare_market;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA cpushare TO cpushare_market;
ALTER DEFAULT PRIVILEGES FOR ROLE cpushare_owner IN SCHEMA cpushare GRANT SELECT ON TABLES TO cpushare_market;
ALTER DEFAULT PRIVILEGES FOR ROLE cpushare_owner IN SCHEMA cpushare GRANT SELECT ON SEQUENCES TO cpushare_market;
