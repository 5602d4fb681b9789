-- SPDX-License-Identifier: Apache-2.0
-- 60_reputation.sql - marks, what ratings are made of, machines on trial
--
-- reputation holds the sums of reputation_evidence. Whatever changes the evidence of a lease forgets it before and learns it after;
-- reputation_recompute() makes the same sums of the whole history.

CREATE OR REPLACE FUNCTION reputation_learn(p_lease uuid) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	INSERT INTO reputation AS r (about, side, counterpart, period, good_micro, bad_micro)
		SELECT about, side, counterpart, period, CASE WHEN good THEN amount_micro ELSE 0 END,
			CASE WHEN good THEN 0 ELSE amount_micro END
		FROM reputation_evidence WHERE lease = p_lease ORDER BY about
		ON CONFLICT (about, side, counterpart, period) DO UPDATE
			SET good_micro = r.good_micro + excluded.good_micro, bad_micro = r.bad_micro + excluded.bad_micro;
END $$;

CREATE OR REPLACE FUNCTION reputation_forget(p_lease uuid) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	UPDATE reputation r SET good_micro = r.good_micro - CASE WHEN e.good THEN e.amount_micro ELSE 0 END,
		bad_micro = r.bad_micro - CASE WHEN e.good THEN 0 ELSE e.amount_micro END
		FROM reputation_evidence e WHERE e.lease = p_lease
			AND (r.about, r.side, r.counterpart, r.period) = (e.about, e.side, e.counterpart, e.period);
END $$;

-- Makes everything anew of the history; says how many sums were not what they should be. Leases and marks wait meanwhile.
CREATE OR REPLACE FUNCTION reputation_recompute() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_wrong bigint;
BEGIN
	LOCK TABLE lease IN SHARE MODE;
	LOCK TABLE feedback IN SHARE MODE;
	WITH fresh AS (
		SELECT about, side, counterpart, period, coalesce(sum(amount_micro) FILTER (WHERE good), 0)::bigint AS good_micro,
			coalesce(sum(amount_micro) FILTER (WHERE NOT good), 0)::bigint AS bad_micro
		FROM reputation_evidence GROUP BY about, side, counterpart, period
	), gone AS (
		DELETE FROM reputation r WHERE NOT EXISTS (SELECT 1 FROM fresh f
			WHERE (f.about, f.side, f.counterpart, f.period) = (r.about, r.side, r.counterpart, r.period)) RETURNING 1
	), mended AS (
		INSERT INTO reputation AS r (about, side, counterpart, period, good_micro, bad_micro) SELECT * FROM fresh
			ON CONFLICT (about, side, counterpart, period) DO UPDATE
				SET good_micro = excluded.good_micro, bad_micro = excluded.bad_micro
				WHERE (r.good_micro, r.bad_micro) <> (excluded.good_micro, excluded.bad_micro) RETURNING 1
	)
	SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM mended) INTO v_wrong;
	RETURN v_wrong;
END $$;

-- What a rating is made of, in thousandths of a mark (docs/RATING.md has the formula). For each counterpart the money of good and of
-- bad leases, which loses half of its weight in three periods; the square root of both together, at most 3 marks, shared between good
-- and bad in the proportion of the money. The root of a whole number up to 9000000 is exact in a double, so this is the same everywhere.
CREATE OR REPLACE FUNCTION reputation_marks(p_about uuid, p_side text, p_now timestamptz, OUT good bigint, OUT bad bigint)
	LANGUAGE plpgsql STABLE SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_period integer := floor(extract(epoch FROM p_now) / 2592000);
	c_part CONSTANT integer[] := ARRAY[1000000, 793701, 629961]; -- 2^0, 2^(-1/3), 2^(-2/3)
BEGIN
	SELECT coalesce(sum(part), 0), coalesce(sum(weight - part), 0) INTO good, bad FROM (
		SELECT weight, div(weight * x.good_micro, x.good_micro + x.bad_micro) AS part FROM (
			SELECT a.*, floor(sqrt(least(a.good_micro + a.bad_micro, 9000000)::double precision))::numeric AS weight FROM (
				SELECT sum(div(r.good_micro::numeric * c_part[age % 3 + 1], (1000000 << (age / 3))::numeric)) AS good_micro,
					sum(div(r.bad_micro::numeric * c_part[age % 3 + 1], (1000000 << (age / 3))::numeric)) AS bad_micro
				FROM reputation r, LATERAL (SELECT greatest(v_period - r.period, 0) AS age) t
				WHERE r.about = p_about AND r.side = p_side AND r.period > v_period - 24
				GROUP BY r.counterpart) a
			WHERE a.good_micro + a.bad_micro > 0) x) y;
END $$;

CREATE OR REPLACE FUNCTION feedback_give(p_lease uuid, p_from uuid, p_good boolean, p_comment text, p_now timestamptz) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
BEGIN
	-- Its lock keeps the end away, at which the lease's evidence is counted.
	PERFORM lease_lock(p_lease);
	SELECT * INTO l FROM lease WHERE id = p_lease AND p_from IN (buyer, seller);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such lease' USING ERRCODE = 'CS001';
	END IF;
	IF l.charged_micro = 0 OR l.buyer = l.seller THEN
		RAISE EXCEPTION 'only a lease that was paid can be marked, by one side for the other' USING ERRCODE = 'CS003';
	END IF;
	PERFORM reputation_forget(l.id);
	INSERT INTO feedback (lease, from_account, about, side, good, comment, at)
		VALUES (l.id, p_from, CASE WHEN p_from = l.buyer THEN l.seller ELSE l.buyer END,
			CASE WHEN p_from = l.buyer THEN 'seller' ELSE 'buyer' END, p_good, p_comment, p_now);
	PERFORM reputation_learn(l.id);
END $$;

-- A lease ended on this machine. Many that failed of one buyer count once: they may have failed together, or for the buyer's image.
CREATE OR REPLACE FUNCTION machine_tried(l lease, p_reason text, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF l.buyer = l.seller THEN
		RETURN;
	END IF;
	IF p_reason IN ('lost_contact', 'boot_failed', 'attestation_failed') THEN
		UPDATE machine SET failures = CASE WHEN failures = 0 OR failed_buyer <> l.buyer THEN least(failures + 1, 10) ELSE failures END,
			failed_at = p_now, failed_buyer = l.buyer WHERE id = l.machine_id;
	ELSIF l.charged_micro > 0 AND p_reason IN ('completed', 'expired', 'cancelled_by_buyer', 'funds_exhausted') THEN
		UPDATE machine SET failures = failures / 2 WHERE id = l.machine_id AND failures > 0;
	END IF;
END $$;
