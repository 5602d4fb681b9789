-- SPDX-License-Identifier: Apache-2.0
-- 85_mail.sql - which events are mailed to whom; which mail is tried now
--
-- Events are looked at behind the transactions that made them, from where the last look ended: nothing that is hot waits for mail.

-- What a mail says beyond its event.
CREATE OR REPLACE FUNCTION mail_data(e event) RETURNS jsonb LANGUAGE sql STABLE SET search_path = cpushare, pg_temp AS $$
	SELECT e.data || coalesce(CASE e.kind
		WHEN 'order.ended' THEN jsonb_build_object('reasons', (SELECT jsonb_object_agg(reason, n) FROM
			(SELECT reason, count(*) AS n FROM lease WHERE order_id = e.order_id AND reason IS NOT NULL GROUP BY reason) x))
		WHEN 'dispute.decided' THEN (SELECT jsonb_build_object('percent', refund_percent, 'refund_micro', refund_micro, 'decision', decision,
			'bought', l.buyer = e.account) FROM dispute d JOIN lease l ON l.id = d.lease WHERE d.lease = e.lease_id)
		WHEN 'order.budget_low' THEN (SELECT jsonb_build_object('name', name) FROM cpushare.order WHERE id = e.order_id)
		ELSE (SELECT jsonb_build_object('receiver', receiver, 'note', note) FROM payout WHERE id = (e.data ->> 'payout')::uuid)
		END, '{}')
$$;

-- Queues mail about at most p_span events, and says how many it queued. What happened more than a day ago is no news; to one address
-- go at most p_a_day in a day, not counting links that strangers may have asked for. A payout that its provider took was told of then, not again when it arrived.
CREATE OR REPLACE FUNCTION mail_news(p_span bigint, p_a_day bigint, p_now timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_after bigint;
	v_end bigint := event_horizon();
	v_count bigint;
BEGIN
	SELECT after INTO v_after FROM mail_cursor FOR UPDATE;
	IF NOT FOUND THEN
		INSERT INTO mail_cursor (after) VALUES (v_end) ON CONFLICT DO NOTHING;
		RETURN 0;
	END IF;
	v_end := least(v_end, v_after + p_span);
	IF v_end <= v_after THEN
		RETURN 0;
	END IF;
	WITH news AS (
		SELECT e, a.id AS account, a.email, row_number() OVER (PARTITION BY a.id ORDER BY e.id) AS n
		FROM event e JOIN account a ON a.id = e.account
		WHERE e.id > v_after AND e.id <= v_end AND e.at > p_now - interval '1 day'
			AND a.address_confirmed_at IS NOT NULL AND a.deleted_at IS NULL
			AND CASE WHEN e.kind IN ('funds.low', 'order.budget_low') THEN 'funds' WHEN e.kind = 'order.ended' THEN 'orders'
				WHEN e.kind IN ('payout.sent', 'payout.paid', 'payout.failed') THEN 'payouts'
				WHEN e.kind = 'dispute.decided' THEN 'disputes' END = ANY (a.mail_kinds)
			AND NOT (e.kind = 'payout.paid'
				AND (SELECT sent_at < ended_at FROM payout WHERE id = (e.data ->> 'payout')::uuid)))
	INSERT INTO mail (id, account, address, kind, data, created_at, next_at)
		SELECT gen_random_uuid(), account, email, (e).kind, mail_data(e), p_now, p_now FROM news
		WHERE n + (SELECT count(*) FROM mail m WHERE m.address = email AND m.account IS NOT NULL AND m.created_at > p_now - interval '1 day') <= p_a_day;
	GET DIAGNOSTICS v_count = ROW_COUNT;
	UPDATE mail_cursor SET after = v_end;
	RETURN v_count;
END $$;

-- Those that are due, put off by what a try may take, and the longer the more tries there were: whoever dies with one has not lost it.
CREATE OR REPLACE FUNCTION mail_due(p_limit bigint, p_retry_us bigint, p_now timestamptz) RETURNS SETOF mail LANGUAGE sql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
	UPDATE mail SET tries = tries + 1, next_at = p_now + least(interval '1 microsecond' * p_retry_us * 2 ^ least(tries, 20), interval '4 hours')
		WHERE id IN (SELECT id FROM mail WHERE state = 'waits' AND next_at <= p_now ORDER BY next_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
		RETURNING *
$$;
