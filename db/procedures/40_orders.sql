-- SPDX-License-Identifier: Apache-2.0
-- 40_orders.sql - orders: placing, filling, closing

CREATE OR REPLACE FUNCTION order_create(p_id uuid, p_buyer uuid, p_name text, p_image bytea, p_count bigint, p_cores bigint,
	p_memory_mib bigint, p_max_core bigint, p_max_memory bigint, p_max_transfer bigint, p_duration_s bigint, p_open_s bigint,
	p_budget bigint, p_max_hour bigint, p_not_before timestamptz, p_constraints jsonb, p_user_data text, p_place_hold bigint,
	p_now timestamptz, p_mtu bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_hold numeric := p_place_hold::numeric * p_count;
	v_available bigint := ledger_account_of(p_buyer, 'available');
	v_held bigint := ledger_account_of(p_buyer, 'held');
	v_missing integer;
BEGIN
	-- The lock keeps image_delete() away until the order is there for it to see.
	SELECT missing_count INTO v_missing FROM image WHERE account = p_buyer AND id = p_image FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such image' USING ERRCODE = 'CS001';
	END IF;
	IF v_missing > 0 THEN
		RAISE EXCEPTION 'pieces of the image are missing' USING ERRCODE = 'CS003';
	END IF;
	IF p_budget > 0 AND v_hold > p_budget THEN
		RAISE EXCEPTION 'the budget does not cover what is held at first' USING ERRCODE = 'CS006';
	END IF;
	PERFORM ledger_lock(v_available, v_held);
	IF (SELECT balance_micro FROM ledger_account WHERE id = v_available) < v_hold THEN
		RAISE EXCEPTION 'the available balance does not cover the hold' USING ERRCODE = 'CS004';
	END IF;
	INSERT INTO cpushare.order (id, buyer, name, image, count, cores, memory_mib, max_price_per_core_hour_micro,
		max_price_per_gib_hour_micro, max_price_per_gib_transferred_micro, duration_s, budget_micro, place_hold_micro, held_micro,
		max_hour_micro, not_before, constraints, accel, user_data, mtu, created_at, open_until)
	VALUES (p_id, p_buyer, p_name, p_image, p_count, p_cores, p_memory_mib, p_max_core, p_max_memory, p_max_transfer, p_duration_s,
		p_budget, p_place_hold, v_hold, p_max_hour, p_not_before, p_constraints, coalesce(p_constraints ->> 'accel', 'any'),
		p_user_data, p_mtu, p_now,
		CASE WHEN p_open_s > 0 THEN greatest(p_now, p_not_before) + make_interval(secs => p_open_s) END);
	PERFORM post('hold', p_id, NULL, NULL, '', p_now, ARRAY[v_available], ARRAY[v_held], ARRAY[v_hold::bigint]);
	PERFORM event_of_order(p_id, 'order.created', p_now);
END $$;

-- What a closed order gives back.
CREATE OR REPLACE FUNCTION hold_release(p_buyer uuid, p_order uuid, p_lease uuid, p_amount bigint, p_now timestamptz) RETURNS void
	LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_available bigint := ledger_account_of(p_buyer, 'available');
	v_held bigint := ledger_account_of(p_buyer, 'held');
BEGIN
	PERFORM ledger_lock(v_available, v_held);
	PERFORM post('release', p_order, p_lease, NULL, '', p_now, ARRAY[v_held], ARRAY[v_available], ARRAY[p_amount]);
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
	UPDATE cpushare.order SET state = p_state, held_micro = 0, ended_at = CASE WHEN ended = filled THEN p_now END WHERE id = p_id;
	PERFORM hold_release(o.buyer, o.id, NULL, o.held_micro, p_now);
	PERFORM event_of_order(p_id, 'order.' || p_state, p_now);
	IF o.ended = o.filled THEN
		PERFORM event_of_order(p_id, 'order.ended', p_now);
	END IF;
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
