-- SPDX-License-Identifier: Apache-2.0
-- 40_orders.sql - orders: closing, extending, peers

-- What of a buyer's balance is not held any more. The ledger account is locked by it, so other accounts' locks are not taken after it.
CREATE OR REPLACE FUNCTION hold_release(p_buyer uuid, p_amount bigint) RETURNS void
	LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	UPDATE ledger_account SET held_micro = held_micro - p_amount WHERE owner = p_buyer AND kind = 'funds' AND p_amount <> 0;
END $$;

CREATE OR REPLACE FUNCTION order_close(p_id uuid, p_state text, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	o cpushare.order;
BEGIN
	PERFORM book_fence();
	IF p_state NOT IN ('cancelled', 'expired') THEN
		RAISE EXCEPTION 'an order is closed as cancelled or expired' USING ERRCODE = 'CS006';
	END IF;
	SELECT * INTO o FROM cpushare.order WHERE id = p_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such order' USING ERRCODE = 'CS001';
	END IF;
	-- A filled order waits for nothing, so that it cannot expire; its buyer can cancel it.
	IF o.state NOT IN ('open', 'filled') OR (o.state = 'filled' AND p_state = 'expired') THEN
		RAISE EXCEPTION 'the order is %', o.state USING ERRCODE = 'CS003';
	END IF;
	-- Whoever cancels ends its leases in the same transaction: machines are locked before ledger accounts, as by orders_place().
	PERFORM 1 FROM machine WHERE id IN (SELECT machine_id FROM lease WHERE order_id = p_id AND state <> 'ended') ORDER BY id FOR NO KEY UPDATE;
	UPDATE cpushare.order SET state = p_state, held_micro = 0, ended_at = CASE WHEN ended = filled THEN p_now END WHERE id = p_id;
	PERFORM hold_release(o.buyer, o.held_micro);
	PERFORM event_of_order(p_id, 'order.' || p_state, p_now);
	IF o.ended = o.filled THEN
		PERFORM event_of_order(p_id, 'order.ended', p_now);
	END IF;
END $$;

-- A longer duration for all of its leases, those that are still to come too. It moves no money: each lease goes on holding the next minutes
-- alone, within budget and balance.
CREATE OR REPLACE FUNCTION order_extend(p_id uuid, p_duration_s bigint, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	o cpushare.order;
BEGIN
	PERFORM book_fence();
	SELECT * INTO o FROM cpushare.order WHERE id = p_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such order' USING ERRCODE = 'CS001';
	END IF;
	IF o.state NOT IN ('open', 'filled') THEN
		RAISE EXCEPTION 'the order is %', o.state USING ERRCODE = 'CS003';
	END IF;
	IF p_duration_s <= o.duration_s THEN
		RAISE EXCEPTION 'it can only become longer' USING ERRCODE = 'CS006';
	END IF;
	-- Also a lease that was made between the caller's look and our lock.
	IF EXISTS (SELECT 1 FROM lease l JOIN machine m ON m.id = l.machine_id WHERE l.order_id = p_id AND l.state <> 'ended'
		AND m.max_duration_s > 0 AND m.max_duration_s < p_duration_s) THEN
		RAISE EXCEPTION 'a machine takes no lease that long' USING ERRCODE = 'CS003';
	END IF;
	UPDATE cpushare.order SET duration_s = p_duration_s WHERE id = p_id;
	PERFORM event_of_order(p_id, 'order.extended', p_now);
END $$;

-- The number of a buyer's peer, made at the first call.
CREATE OR REPLACE FUNCTION peer_number(p_order uuid, p_peer uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_number integer;
BEGIN
	SELECT number INTO v_number FROM network_peer WHERE order_id = p_order AND peer = p_peer;
	IF FOUND THEN
		RETURN v_number;
	END IF;
	PERFORM 1 FROM cpushare.order WHERE id = p_order FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such order' USING ERRCODE = 'CS001';
	END IF;
	SELECT coalesce(max(number), 0) + 1 INTO v_number FROM network_peer WHERE order_id = p_order;
	IF v_number > 64 THEN
		RAISE EXCEPTION 'a network has at most 64 peers of its buyer' USING ERRCODE = 'CS005';
	END IF;
	INSERT INTO network_peer (order_id, peer, number) VALUES (p_order, p_peer, v_number)
		ON CONFLICT (order_id, peer) DO NOTHING;
	SELECT number INTO v_number FROM network_peer WHERE order_id = p_order AND peer = p_peer;
	RETURN v_number;
END $$;
