-- SPDX-License-Identifier: Apache-2.0
-- 80_history.sql - samples, days, standings: noted by triggers, added up behind
--
-- A trigger only inserts into tally, so that nothing waits for another's standing; history_fold() is the one that adds up.

-- ---- what happens ----
DROP FUNCTION IF EXISTS is_sellers_fault(text);

CREATE OR REPLACE FUNCTION tally_lease() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_paid boolean := NEW.charged_micro > 0;
	v_fault boolean := lease_blames_seller(NEW);
	v_bucket integer := 0;
BEGIN
	IF NEW.started_at IS NOT NULL THEN
		v_bucket := least(floor(log(2, greatest(extract(epoch FROM NEW.ended_at - NEW.started_at), 0) / 60 + 1)) + 1, 15);
	END IF;
	INSERT INTO tally (account, side, day, completed, failed, direct, relayed, reason, bucket) VALUES
		(NEW.seller, 'seller', (NEW.ended_at AT TIME ZONE 'UTC')::date, (v_paid AND NEW.reason IN ('completed', 'expired',
			'cancelled_by_buyer', 'funds_exhausted'))::integer, v_fault::integer, (NEW.path = 'direct')::integer,
			(NEW.path = 'relayed')::integer, NEW.reason, v_bucket),
		(NEW.buyer, 'buyer', (NEW.ended_at AT TIME ZONE 'UTC')::date, (v_paid AND NEW.reason IN ('completed', 'expired',
			'cancelled_by_buyer'))::integer, (NEW.reason = 'funds_exhausted')::integer, (NEW.path = 'direct')::integer,
			(NEW.path = 'relayed')::integer, NEW.reason, v_bucket);
	RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER lease_tally AFTER UPDATE OF state ON lease FOR EACH ROW
	WHEN (NEW.state = 'ended' AND OLD.state <> 'ended') EXECUTE FUNCTION tally_lease();

CREATE OR REPLACE FUNCTION tally_feedback() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO tally (account, side, day, good, bad)
			VALUES (NEW.about, NEW.side, (NEW.at AT TIME ZONE 'UTC')::date, NEW.good::integer, (NOT NEW.good)::integer);
	ELSIF NEW.good <> OLD.good THEN
		INSERT INTO tally (account, side, day, good, bad) VALUES (NEW.about, NEW.side, (NEW.at AT TIME ZONE 'UTC')::date,
			NEW.good::integer - OLD.good::integer, OLD.good::integer - NEW.good::integer);
	END IF;
	RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feedback_tally AFTER INSERT OR UPDATE OF good ON feedback FOR EACH ROW EXECUTE FUNCTION tally_feedback();

CREATE OR REPLACE FUNCTION tally_dispute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
	v_opened boolean := TG_OP = 'INSERT';
	v_upheld boolean := NEW.state = 'upheld' AND (TG_OP = 'INSERT' OR OLD.state <> 'upheld');
	v_fault boolean;
BEGIN
	SELECT * INTO l FROM lease WHERE id = NEW.lease;
	v_fault := lease_blames_seller(l);
	INSERT INTO tally (account, side, day, completed, failed, disputes, upheld) VALUES
		(l.seller, 'seller', (NEW.opened_at AT TIME ZONE 'UTC')::date, -(v_upheld AND l.charged_micro > 0 AND l.reason IN
			('completed', 'expired', 'cancelled_by_buyer', 'funds_exhausted'))::integer, (v_upheld AND NOT v_fault)::integer,
			v_opened::integer, v_upheld::integer),
		(l.buyer, 'buyer', (NEW.opened_at AT TIME ZONE 'UTC')::date, 0, 0, v_opened::integer, v_upheld::integer);
	RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER dispute_tally AFTER INSERT OR UPDATE OF state ON dispute FOR EACH ROW EXECUTE FUNCTION tally_dispute();

CREATE OR REPLACE FUNCTION tally_machine() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	INSERT INTO tally (account, side, day) VALUES (NEW.account, 'seller', (NEW.created_at AT TIME ZONE 'UTC')::date);
	RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER machine_tally AFTER INSERT ON machine FOR EACH ROW EXECUTE FUNCTION tally_machine();

-- ---- what it adds up to ----
-- The oldest p_limit entries of the tally; how many there were.
CREATE OR REPLACE FUNCTION history_fold(p_limit bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
	WITH taken AS (
		DELETE FROM tally WHERE id IN (SELECT id FROM tally ORDER BY id LIMIT p_limit) RETURNING *
	), standings AS (
		INSERT INTO standing AS s (account, side, good, bad, leases, completed, failed, direct, relayed, disputes, upheld, rated)
			SELECT account, side, sum(good), sum(bad), count(reason), sum(completed), sum(failed), sum(direct), sum(relayed),
				sum(disputes), sum(upheld), count(reason) = 0 AND sum(abs(good) + abs(bad) + upheld) = 0
			FROM taken GROUP BY account, side
		ON CONFLICT (account, side) DO UPDATE SET good = s.good + EXCLUDED.good, bad = s.bad + EXCLUDED.bad,
			leases = s.leases + EXCLUDED.leases, completed = s.completed + EXCLUDED.completed,
			failed = s.failed + EXCLUDED.failed, direct = s.direct + EXCLUDED.direct, relayed = s.relayed + EXCLUDED.relayed,
			disputes = s.disputes + EXCLUDED.disputes, upheld = s.upheld + EXCLUDED.upheld, rated = s.rated AND EXCLUDED.rated
	), marks AS (
		INSERT INTO mark_day AS m (account, side, day, good, bad)
			SELECT account, side, day, sum(good), sum(bad) FROM taken WHERE good <> 0 OR bad <> 0 GROUP BY account, side, day
		ON CONFLICT (account, side, day) DO UPDATE SET good = m.good + EXCLUDED.good, bad = m.bad + EXCLUDED.bad
	), reasons AS (
		INSERT INTO seller_reason AS r (seller, reason, leases)
			SELECT account, reason, count(*) FROM taken WHERE side = 'seller' AND reason IS NOT NULL GROUP BY account, reason
		ON CONFLICT (seller, reason) DO UPDATE SET leases = r.leases + EXCLUDED.leases
	), outcomes AS (
		INSERT INTO outcome_day AS o (day, reason, bucket, leases)
			SELECT day, reason, bucket, count(*) FROM taken WHERE side = 'seller' AND reason IS NOT NULL GROUP BY day, reason, bucket
		ON CONFLICT (day, reason, bucket) DO UPDATE SET leases = o.leases + EXCLUDED.leases
	)
	SELECT count(*) FROM taken
$$;

-- Ratings, of standings that have changed so many times (leases, marks, disputes); one that has changed meanwhile stays unrated.
DROP FUNCTION IF EXISTS history_rate(uuid[], text, bigint[], bigint[], bigint[]);
CREATE OR REPLACE FUNCTION history_rate(p_accounts uuid[], p_side text, p_changes bigint[], p_ratings bigint[], p_now timestamptz)
	RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
	UPDATE standing s SET rating_ppm = v.rating, rated = true, rated_at = p_now
		FROM unnest(p_accounts, p_changes, p_ratings) AS v (account, changes, rating)
		WHERE s.account = v.account AND s.side = p_side
			AND s.leases::bigint + s.good + s.bad + s.disputes + s.upheld = v.changes;
	INSERT INTO rating_month AS r (account, side, month, rating_ppm)
		SELECT v.account, p_side, date_trunc('month', p_now AT TIME ZONE 'UTC')::date, v.rating
		FROM unnest(p_accounts, p_ratings) AS v (account, rating)
		ON CONFLICT (account, side, month) DO UPDATE SET rating_ppm = EXCLUDED.rating_ppm WHERE r.rating_ppm <> EXCLUDED.rating_ppm;
$$;

-- The lowest id of UUID version 7 that has this time.
CREATE OR REPLACE FUNCTION uuid_v7_floor(p_at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE SET search_path = cpushare, pg_temp AS $$
	SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- ---- what is seen now ----
-- Prices below 0: there is none.
CREATE OR REPLACE FUNCTION history_sample(p_at timestamptz, p_since timestamptz, p_machines bigint, p_offered bigint, p_free bigint,
	p_wanted bigint, p_leased bigint, p_p10 bigint, p_median bigint, p_p90 bigint, p_bid bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
	INSERT INTO market_sample
		SELECT p_at, p_machines, p_offered, p_free, p_wanted, p_leased, nullif(p_p10, -1), nullif(p_median, -1), nullif(p_p90, -1),
			nullif(p_bid, -1), count(*), coalesce(sum(l.cores), 0),
			percentile_disc(0.1) WITHIN GROUP (ORDER BY l.price), percentile_disc(0.5) WITHIN GROUP (ORDER BY l.price),
			percentile_disc(0.9) WITHIN GROUP (ORDER BY l.price)
		FROM (SELECT cores, price_per_core_hour_micro::bigint AS price FROM lease
			WHERE id >= uuid_v7_floor(p_since) AND id < uuid_v7_floor(p_at) ORDER BY id DESC LIMIT 10000) l
	ON CONFLICT (at) DO NOTHING
$$;

-- These machines were heard for so many minutes more of the day.
CREATE OR REPLACE FUNCTION history_heard(p_machines uuid[], p_scores bigint[], p_day timestamptz, p_minutes bigint) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
	INSERT INTO machine_day AS d (machine, day, minutes, score)
		SELECT v.machine, (p_day AT TIME ZONE 'UTC')::date, least(p_minutes, 1440), v.score
		FROM unnest(p_machines, p_scores) AS v (machine, score)
	ON CONFLICT (machine, day) DO UPDATE SET minutes = least(d.minutes + EXCLUDED.minutes, 1440), score = EXCLUDED.score
$$;

-- What is older than p_before, at most p_limit rows of each.
CREATE OR REPLACE FUNCTION history_forget(p_before timestamptz, p_limit bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
	DELETE FROM market_sample WHERE at IN (SELECT at FROM market_sample WHERE at < p_before ORDER BY at LIMIT p_limit);
	DELETE FROM machine_day WHERE ctid = ANY (ARRAY(SELECT ctid FROM machine_day WHERE day < (p_before AT TIME ZONE 'UTC')::date LIMIT p_limit));
	DELETE FROM rating_month WHERE ctid = ANY (ARRAY(SELECT ctid FROM rating_month WHERE month < (p_before AT TIME ZONE 'UTC')::date LIMIT p_limit));
	DELETE FROM outcome_day WHERE day < (p_before AT TIME ZONE 'UTC')::date;
$$;
