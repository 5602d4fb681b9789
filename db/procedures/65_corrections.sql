-- SPDX-License-Identifier: Apache-2.0
-- 65_corrections.sql - giving back what a lease was charged; disputes

-- Gives p_amount of what the lease was charged back to its buyer, in one posting that says why and who did it. The commission's part of it
-- comes from the market, the rest from the seller's available balance as far as that goes, and what is missing from the market too:
-- the buyer does not wait for the seller's money. CS004 where the market's commission does not cover that.
CREATE OR REPLACE FUNCTION correct(p_lease uuid, p_amount bigint, p_reason text, p_operator text, p_now timestamptz) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
	v_buyer bigint;
	v_seller bigint;
	v_market bigint := market_account_of('commission');
	v_commission bigint;
	v_from_seller bigint;
BEGIN
	PERFORM lease_lock(p_lease);
	SELECT * INTO l FROM lease WHERE id = p_lease;
	IF l.buyer = l.seller THEN
		RAISE EXCEPTION 'buyer and seller are one' USING ERRCODE = 'CS003';
	END IF;
	IF p_reason = '' OR p_operator = '' THEN
		RAISE EXCEPTION 'a correction has a reason and an operator' USING ERRCODE = 'CS006';
	END IF;
	IF p_amount < 1 OR p_amount > l.charged_micro - l.refunded_micro THEN
		RAISE EXCEPTION 'between 1 and what was charged and not given back yet' USING ERRCODE = 'CS006';
	END IF;
	v_buyer := ledger_account_of(l.buyer, 'funds');
	v_seller := ledger_account_of(l.seller, 'funds');
	PERFORM ledger_lock(v_buyer, v_seller, v_market);
	-- On the total, rounded once, halves up, as it was charged: all given back gives all of the commission back.
	v_commission := floor(((l.refunded_micro + p_amount)::numeric * l.commission_micro * 2 + l.charged_micro) / (2 * l.charged_micro))
		- l.commission_refunded_micro;
	v_commission := least(greatest(v_commission, 0), p_amount);
	v_from_seller := least(p_amount - v_commission, (SELECT balance_micro - held_micro FROM ledger_account WHERE id = v_seller));
	IF (SELECT balance_micro FROM ledger_account WHERE id = v_market) < p_amount - v_from_seller THEN
		RAISE EXCEPTION 'neither the seller nor the market has that much' USING ERRCODE = 'CS004';
	END IF;
	UPDATE lease SET refunded_micro = refunded_micro + p_amount,
		commission_refunded_micro = commission_refunded_micro + v_commission WHERE id = p_lease;
	PERFORM post('correction', l.order_id, l.id, NULL, p_operator || ': ' || p_reason, p_now, ARRAY[v_seller, v_market],
		ARRAY[v_buyer, v_buyer], ARRAY[v_from_seller, p_amount - v_from_seller]);
	PERFORM event_of_lease(p_lease, 'lease.corrected', p_now);
END $$;

-- Freezes what is known of the lease; p_seen: what its network's other members saw of it, as the market has it in memory. Ended leases only: their records do not grow any more.
CREATE OR REPLACE FUNCTION dispute_open(p_lease uuid, p_buyer uuid, p_text text, p_console bytea, p_window_s bigint,
	p_now timestamptz, p_seen jsonb DEFAULT NULL) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
	v_evidence jsonb;
BEGIN
	PERFORM lease_lock(p_lease);
	SELECT * INTO l FROM lease WHERE id = p_lease;
	IF l.buyer <> p_buyer THEN
		RAISE EXCEPTION 'no such lease' USING ERRCODE = 'CS001';
	END IF;
	IF l.state <> 'ended' OR l.charged_micro = 0 OR l.buyer = l.seller OR p_now > l.ended_at + make_interval(secs => p_window_s) THEN
		RAISE EXCEPTION 'only a lease of another''s that was paid and ended lately can be disputed' USING ERRCODE = 'CS003';
	END IF;
	SELECT jsonb_build_object('machine', l.machine_id, 'machine_key', encode(m.public_key, 'hex'), 'reason', l.reason,
		'detail', l.detail, 'accel', l.accel, 'path', l.path, 'started_at', l.started_at, 'ended_at', l.ended_at,
		'charged_micro', l.charged_micro, 'commission_micro', l.commission_micro, 'usage_cut', l.usage_cut, 'seen', p_seen,
		'usage', jsonb_build_object('seq', l.usage_seq, 'vcpu_ns', l.vcpu_ns, 'running_us', l.running_us,
			'tx_bytes', l.tx_bytes, 'rx_bytes', l.rx_bytes, 'previous', encode(l.usage_previous, 'hex'),
			'signature', encode(l.usage_signature, 'hex'), 'hash', encode(l.usage_hash, 'hex'), 'at', l.usage_at),
		'events', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', e.kind, 'at', e.at, 'state', d ->> 'state',
			'detail', d ->> 'detail', 'charged_micro', d -> 'charged_micro') ORDER BY e.id), '[]')
			FROM (SELECT *, data AS d FROM event_list(l.buyer, l.order_id, 0, 9223372036854775807, 100000)) e WHERE e.lease_id = l.id))
		INTO v_evidence FROM machine m WHERE m.id = l.machine_id;
	INSERT INTO dispute (lease, text, evidence, console, opened_at) VALUES (l.id, p_text, v_evidence, p_console, p_now);
	PERFORM event_of_lease(p_lease, 'dispute.opened', p_now);
END $$;

-- p_percent of what was charged is given back, less what was already. 0 refuses the dispute; above it the seller was in the wrong, and
-- the buyer's mark of this lease is a bad one from then on.
CREATE OR REPLACE FUNCTION dispute_decide(p_lease uuid, p_percent bigint, p_reason text, p_operator text, p_now timestamptz)
	RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
	v_refund bigint;
BEGIN
	PERFORM lease_lock(p_lease);
	SELECT * INTO l FROM lease WHERE id = p_lease;
	PERFORM 1 FROM dispute WHERE lease = p_lease AND state = 'open' FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no dispute of it is open' USING ERRCODE = 'CS003';
	END IF;
	IF p_percent NOT BETWEEN 0 AND 100 OR p_reason = '' OR p_operator = '' THEN
		RAISE EXCEPTION 'a decision has a percentage, a reason and an operator' USING ERRCODE = 'CS006';
	END IF;
	v_refund := greatest(floor(l.charged_micro::numeric * p_percent / 100) - l.refunded_micro, 0);
	UPDATE dispute SET state = CASE WHEN p_percent > 0 THEN 'upheld' ELSE 'refused' END, refund_percent = p_percent,
		refund_micro = v_refund, decision = p_reason, operator = p_operator, decided_at = p_now WHERE lease = p_lease;
	IF v_refund > 0 THEN
		PERFORM correct(p_lease, v_refund, p_reason, p_operator, p_now);
	END IF;
	IF p_percent > 0 THEN
		PERFORM reputation_forget(l.id);
		INSERT INTO feedback (lease, from_account, about, side, good, comment, at)
			VALUES (l.id, l.buyer, l.seller, 'seller', false, 'dispute upheld', p_now)
			ON CONFLICT (lease, from_account) DO UPDATE SET good = false;
		PERFORM reputation_learn(l.id);
	END IF;
	PERFORM event_of_lease(p_lease, 'dispute.decided', p_now);
END $$;
