-- SPDX-License-Identifier: Apache-2.0
-- 0016_history.sql - how the market and those in it did: samples, days, standings; all of it bounded, and made of what other tables say
--
-- Nothing here is counted on the way: triggers note in tally what happened, and history_fold() adds it up behind, a bounded number at a time.

CREATE TABLE market_sample (
	at timestamptz PRIMARY KEY,
	machines integer NOT NULL,
	cores_offered bigint NOT NULL,
	cores_free bigint NOT NULL,
	cores_wanted bigint NOT NULL,
	cores_leased bigint NOT NULL,
	ask_p10_micro micro,
	ask_median_micro micro,
	ask_p90_micro micro,
	bid_best_micro micro,
	trades integer NOT NULL,
	trade_cores bigint NOT NULL,
	trade_p10_micro micro,
	trade_median_micro micro,
	trade_p90_micro micro
);
COMMENT ON TABLE market_sample IS 'The market every few minutes; kept for 90 days';
COMMENT ON COLUMN market_sample.at IS 'When';
COMMENT ON COLUMN market_sample.machines IS 'Online, and accepting work';
COMMENT ON COLUMN market_sample.cores_offered IS 'Of these machines, in all';
COMMENT ON COLUMN market_sample.cores_free IS 'Of these machines, not leased';
COMMENT ON COLUMN market_sample.cores_wanted IS 'Of open orders, for the places not filled';
COMMENT ON COLUMN market_sample.cores_leased IS 'Of leases that had not ended';
COMMENT ON COLUMN market_sample.ask_p10_micro IS 'A tenth of the free cores cost this or less; null: none was free';
COMMENT ON COLUMN market_sample.ask_median_micro IS 'Half of the free cores cost this or less';
COMMENT ON COLUMN market_sample.ask_p90_micro IS 'Nine tenths of the free cores cost this or less';
COMMENT ON COLUMN market_sample.bid_best_micro IS 'The highest price that an open order would pay; null: none';
COMMENT ON COLUMN market_sample.trades IS 'Leases made since the sample before';
COMMENT ON COLUMN market_sample.trade_cores IS 'Their cores';
COMMENT ON COLUMN market_sample.trade_p10_micro IS 'Of their prices of a core hour; null: there were none';
COMMENT ON COLUMN market_sample.trade_median_micro IS 'Of their prices of a core hour';
COMMENT ON COLUMN market_sample.trade_p90_micro IS 'Of their prices of a core hour';

CREATE TABLE machine_day (
	machine uuid NOT NULL REFERENCES machine,
	day date NOT NULL,
	minutes integer NOT NULL,
	score bigint NOT NULL,
	PRIMARY KEY (machine, day)
);
CREATE INDEX machine_day_day ON machine_day (day);
COMMENT ON TABLE machine_day IS 'How long a machine was heard in a day; kept for 90 days';
COMMENT ON COLUMN machine_day.machine IS 'The machine';
COMMENT ON COLUMN machine_day.day IS 'UTC';
COMMENT ON COLUMN machine_day.minutes IS 'It was online or paused then, at most 1440';
COMMENT ON COLUMN machine_day.score IS 'What it measured itself, as it said last that day';

CREATE TABLE standing (
	account uuid NOT NULL REFERENCES account,
	side text NOT NULL CHECK (side IN ('seller', 'buyer')),
	good integer NOT NULL DEFAULT 0,
	bad integer NOT NULL DEFAULT 0,
	leases integer NOT NULL DEFAULT 0,
	completed integer NOT NULL DEFAULT 0,
	failed integer NOT NULL DEFAULT 0,
	direct integer NOT NULL DEFAULT 0,
	relayed integer NOT NULL DEFAULT 0,
	disputes integer NOT NULL DEFAULT 0,
	upheld integer NOT NULL DEFAULT 0,
	rating_ppm integer NOT NULL DEFAULT 0,
	rated boolean NOT NULL DEFAULT true,
	PRIMARY KEY (account, side)
) WITH (fillfactor = 80);
CREATE INDEX standing_best ON standing (side, rating_ppm, account);
CREATE INDEX standing_unrated ON standing (account) WHERE NOT rated;
COMMENT ON TABLE standing IS 'What is known of an account as a seller (who ever enrolled a machine) or as a buyer (whose lease ended)';
COMMENT ON COLUMN standing.account IS 'Of whom';
COMMENT ON COLUMN standing.side IS 'As what: seller or buyer';
COMMENT ON COLUMN standing.good IS 'Marks';
COMMENT ON COLUMN standing.bad IS 'Marks';
COMMENT ON COLUMN standing.leases IS 'That ended';
COMMENT ON COLUMN standing.completed IS 'Paid for, and ended for nothing of this side''s doing';
COMMENT ON COLUMN standing.failed IS 'Ended for what this side answers for';
COMMENT ON COLUMN standing.direct IS 'Leases whose peers last reached each other directly';
COMMENT ON COLUMN standing.relayed IS 'Leases whose peers last reached each other over a relay';
COMMENT ON COLUMN standing.disputes IS 'Of its leases';
COMMENT ON COLUMN standing.upheld IS 'Of these, decided for the buyer';
COMMENT ON COLUMN standing.rating_ppm IS 'Of the marks (docs/RATING.md), as it was when rated was set';
COMMENT ON COLUMN standing.rated IS 'rating_ppm is that of these marks';

CREATE TABLE seller_reason (
	seller uuid NOT NULL REFERENCES account,
	reason end_reason NOT NULL,
	leases integer NOT NULL,
	PRIMARY KEY (seller, reason)
);
COMMENT ON TABLE seller_reason IS 'How a seller''s leases ended';
COMMENT ON COLUMN seller_reason.seller IS 'The seller';
COMMENT ON COLUMN seller_reason.reason IS 'Why';
COMMENT ON COLUMN seller_reason.leases IS 'How many';

CREATE TABLE mark_day (
	account uuid NOT NULL REFERENCES account,
	side text NOT NULL CHECK (side IN ('seller', 'buyer')),
	day date NOT NULL,
	good integer NOT NULL,
	bad integer NOT NULL,
	PRIMARY KEY (account, side, day)
);
CREATE INDEX mark_day_day ON mark_day (side, day);
COMMENT ON TABLE mark_day IS 'The marks that an account got in a day';
COMMENT ON COLUMN mark_day.account IS 'Who was marked';
COMMENT ON COLUMN mark_day.side IS 'As what: seller or buyer';
COMMENT ON COLUMN mark_day.day IS 'UTC, of the mark';
COMMENT ON COLUMN mark_day.good IS 'Good ones';
COMMENT ON COLUMN mark_day.bad IS 'Bad ones, with those that became bad';

CREATE TABLE outcome_day (
	day date NOT NULL,
	reason end_reason NOT NULL,
	bucket smallint NOT NULL,
	leases integer NOT NULL,
	PRIMARY KEY (day, reason, bucket)
);
COMMENT ON TABLE outcome_day IS 'How leases ended, and after how long; kept for 90 days';
COMMENT ON COLUMN outcome_day.day IS 'UTC, of their end';
COMMENT ON COLUMN outcome_day.reason IS 'Why';
COMMENT ON COLUMN outcome_day.bucket IS '0: they never ran; n: they ran for at least 2^(n - 1) minutes less one, and not for 2^n - 1';
COMMENT ON COLUMN outcome_day.leases IS 'How many';

CREATE TABLE tally (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account uuid NOT NULL,
	side text NOT NULL,
	day date NOT NULL,
	good integer NOT NULL DEFAULT 0,
	bad integer NOT NULL DEFAULT 0,
	completed integer NOT NULL DEFAULT 0,
	failed integer NOT NULL DEFAULT 0,
	direct integer NOT NULL DEFAULT 0,
	relayed integer NOT NULL DEFAULT 0,
	disputes integer NOT NULL DEFAULT 0,
	upheld integer NOT NULL DEFAULT 0,
	reason end_reason,
	bucket smallint
);
COMMENT ON TABLE tally IS 'What happened and was not added up yet';
COMMENT ON COLUMN tally.id IS 'In the order of what happened';
COMMENT ON COLUMN tally.account IS 'To whom';
COMMENT ON COLUMN tally.side IS 'As what: seller or buyer';
COMMENT ON COLUMN tally.day IS 'UTC';
COMMENT ON COLUMN tally.good IS 'To be added, as all that follows';
COMMENT ON COLUMN tally.bad IS 'As in standing';
COMMENT ON COLUMN tally.completed IS 'As in standing';
COMMENT ON COLUMN tally.failed IS 'As in standing';
COMMENT ON COLUMN tally.direct IS 'As in standing';
COMMENT ON COLUMN tally.relayed IS 'As in standing';
COMMENT ON COLUMN tally.disputes IS 'As in standing';
COMMENT ON COLUMN tally.upheld IS 'As in standing';
COMMENT ON COLUMN tally.reason IS 'A lease ended: why; else null';
COMMENT ON COLUMN tally.bucket IS 'As in outcome_day';

CREATE INDEX account_name ON account (lower(name) COLLATE "C");

-- What happened before there was a tally.
INSERT INTO standing (account, side) SELECT DISTINCT account, 'seller' FROM machine;
INSERT INTO tally (account, side, day, good, bad)
	SELECT about, side, (at AT TIME ZONE 'UTC')::date, good::integer, (NOT good)::integer FROM feedback;
INSERT INTO tally (account, side, day, completed, failed, direct, relayed, disputes, upheld, reason, bucket)
	SELECT p.account, p.side, (l.ended_at AT TIME ZONE 'UTC')::date,
		(l.charged_micro > 0 AND NOT p.fault AND l.reason IN ('completed', 'expired', 'cancelled_by_buyer', 'funds_exhausted'))::integer,
		p.fault::integer, (l.path = 'direct')::integer, (l.path = 'relayed')::integer,
		(d.lease IS NOT NULL)::integer, (d.state IS NOT DISTINCT FROM 'upheld')::integer, l.reason,
		CASE WHEN l.started_at IS NULL THEN 0 ELSE least(floor(log(2, extract(epoch FROM l.ended_at - l.started_at) / 60 + 1)) + 1, 15) END
	FROM lease l LEFT JOIN dispute d ON d.lease = l.id
	CROSS JOIN LATERAL (VALUES
		(l.seller, 'seller', l.reason IN ('withdrawn_by_seller', 'lost_contact', 'boot_failed', 'attestation_failed')
			OR d.state IS NOT DISTINCT FROM 'upheld'),
		(l.buyer, 'buyer', l.reason = 'funds_exhausted')) AS p (account, side, fault)
	WHERE l.state = 'ended';
