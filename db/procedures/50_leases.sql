-- SPDX-License-Identifier: Apache-2.0
-- 50_leases.sql - leases: matching, states, the end

-- The first free one from the id's last three bytes on: unique within the order.
CREATE OR REPLACE FUNCTION lease_mac(p_order uuid, p_lease uuid) RETURNS macaddr LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_tail bigint := ('x' || right(p_lease::text, 6))::bit(24)::bigint;
	v_mac macaddr;
BEGIN
	LOOP
		v_mac := ('525400' || lpad(to_hex(v_tail), 6, '0'))::macaddr;
		EXIT WHEN NOT EXISTS (SELECT 1 FROM lease WHERE order_id = p_order AND mac = v_mac);
		v_tail := (v_tail + 1) & 16777215;
	END LOOP;
	RETURN v_mac;
END $$;

-- One match, its order and machine locked. Null where the order or the machine does not take it any more.
CREATE OR REPLACE FUNCTION lease_create(p_order uuid, p_machine uuid, p_core bigint, p_memory bigint, p_transfer bigint,
	p_cores bigint, p_memory_mib bigint, p_now timestamptz) RETURNS uuid LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	o cpushare.order;
	m machine;
	v_id uuid := uuid_v7();
	v_number integer;
	v_cores bigint;
	v_memory_mib bigint;
BEGIN
	SELECT * INTO o FROM cpushare.order WHERE id = p_order;
	IF NOT FOUND OR o.state <> 'open' OR o.open_until <= p_now OR o.cores <> p_cores OR o.memory_mib <> p_memory_mib
		OR p_core > o.max_price_per_core_hour_micro OR p_memory > o.max_price_per_gib_hour_micro
		OR p_transfer > o.max_price_per_gib_transferred_micro OR o.not_before > p_now OR (o.max_hour_micro > 0
		AND p_core::numeric * o.cores + round(p_memory::numeric * o.memory_mib / 1024) > o.max_hour_micro) THEN
		RETURN NULL;
	END IF;
	-- The price is the seller's: a match made of an ask that has become dearer since is refused.
	SELECT * INTO m FROM machine WHERE id = p_machine;
	IF NOT FOUND OR m.state <> 'online' OR NOT m.accepting OR p_core < m.price_per_core_hour_micro
		OR p_memory < m.price_per_gib_hour_micro OR p_transfer < m.price_per_gib_transferred_micro
		OR (m.max_duration_s > 0 AND o.duration_s > m.max_duration_s) OR (o.accel <> 'any' AND o.accel <> m.accel) THEN
		RETURN NULL;
	END IF;
	SELECT coalesce(sum(cores), 0), coalesce(sum(memory_mib), 0) INTO v_cores, v_memory_mib
		FROM lease WHERE machine_id = m.id AND state <> 'ended';
	-- A machine on trial runs one lease at a time.
	IF v_cores + o.cores > m.cores OR v_memory_mib + o.memory_mib > m.memory_mib OR (m.failures > 0 AND v_cores > 0) THEN
		RETURN NULL;
	END IF;
	v_number := o.filled + 1;
	INSERT INTO lease (id, order_id, machine_id, buyer, seller, number, name, ip, mac, desired_at, accel, cores, memory_mib,
		price_per_core_hour_micro, price_per_gib_hour_micro, price_per_gib_transferred_micro, held_micro, created_at)
	VALUES (v_id, o.id, m.id, o.buyer, m.account, v_number, 'vm' || v_number,
		format('10.77.%s.%s', v_number / 250 + 1, v_number % 250 + 1)::inet, lease_mac(o.id, v_id), p_now, m.accel, o.cores,
		o.memory_mib, p_core, p_memory, p_transfer, o.place_hold_micro, p_now);
	-- The place's hold goes with the lease: the buyer's held money stays what it is.
	UPDATE cpushare.order SET filled = filled + 1, held_micro = held_micro - place_hold_micro,
		leases_held_micro = leases_held_micro + place_hold_micro, state = CASE WHEN filled + 1 = count THEN 'filled' ELSE state END
		WHERE id = o.id;
	PERFORM event_of_lease(v_id, 'lease.matched', p_now);
	IF v_number = o.count THEN
		PERFORM event_of_order(o.id, 'order.filled', p_now);
	END IF;
	RETURN v_id;
END $$;

-- Each match by itself; element i of the result is null where match i was refused. Matches with the same number above 0 in p_groups
-- follow each other, and are made all or none.
CREATE OR REPLACE FUNCTION match_make(p_orders uuid[], p_machines uuid[], p_core bigint[], p_memory bigint[], p_transfer bigint[],
	p_cores bigint[], p_memory_mib bigint[], p_groups bigint[], p_now timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_last integer := cardinality(p_orders);
	v_end integer;
	v_made uuid[];
	i integer := 1;
BEGIN
	PERFORM book_fence();
	PERFORM 1 FROM cpushare.order WHERE id = ANY (p_orders) ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM machine WHERE id = ANY (p_machines) ORDER BY id FOR NO KEY UPDATE;
	WHILE i <= v_last LOOP
		IF p_groups[i] = 0 THEN
			RETURN NEXT lease_create(p_orders[i], p_machines[i], p_core[i], p_memory[i], p_transfer[i], p_cores[i],
				p_memory_mib[i], p_now);
			i := i + 1;
			CONTINUE;
		END IF;
		v_end := i;
		WHILE v_end < v_last AND p_groups[v_end + 1] = p_groups[i] LOOP
			v_end := v_end + 1;
		END LOOP;
		v_made := '{}';
		BEGIN
			FOR k IN i .. v_end LOOP
				v_made := v_made || lease_create(p_orders[k], p_machines[k], p_core[k], p_memory[k], p_transfer[k], p_cores[k],
					p_memory_mib[k], p_now);
				IF v_made[k - i + 1] IS NULL THEN
					RAISE EXCEPTION 'one of a group is refused' USING ERRCODE = 'CS003';
				END IF;
			END LOOP;
		EXCEPTION WHEN SQLSTATE 'CS003' THEN
			v_made := array_fill(NULL::uuid, ARRAY[v_end - i + 1]);
		END;
		RETURN QUERY SELECT * FROM unnest(v_made);
		i := v_end + 1;
	END LOOP;
END $$;

-- Both rows' locks, the order's first: also where only the lease is written, for more may follow in the transaction.
CREATE OR REPLACE FUNCTION lease_lock(p_id uuid) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM cpushare.order WHERE id = (SELECT order_id FROM lease WHERE id = p_id) FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such lease' USING ERRCODE = 'CS001';
	END IF;
	PERFORM 1 FROM lease WHERE id = p_id FOR NO KEY UPDATE;
END $$;

-- What the machine says. Forward, and between running and paused; once more the same is fine.
CREATE OR REPLACE FUNCTION lease_set_state(p_id uuid, p_state text, p_accel text, p_detail text, p_now timestamptz) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
BEGIN
	PERFORM book_fence();
	PERFORM lease_lock(p_id);
	SELECT * INTO l FROM lease WHERE id = p_id;
	IF p_state NOT IN ('preparing', 'running', 'paused') OR l.state = 'ended'
		OR (p_state = 'preparing' AND l.state NOT IN ('matched', 'preparing')) THEN
		RAISE EXCEPTION 'the lease is %, and cannot become %', l.state, p_state USING ERRCODE = 'CS003';
	END IF;
	UPDATE lease SET state = p_state, detail = p_detail, accel = CASE WHEN p_accel = 'any' THEN accel ELSE p_accel END,
		started_at = CASE WHEN p_state = 'preparing' THEN started_at ELSE coalesce(started_at, p_now) END
		WHERE id = p_id;
	IF l.state <> p_state THEN
		PERFORM event_of_lease(p_id, 'lease.' || p_state, p_now);
	END IF;
END $$;

-- What the market wants. Wanting the end is final, and its first reason stays.
CREATE OR REPLACE FUNCTION lease_desire(p_id uuid, p_desired text, p_reason text, p_now timestamptz) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
BEGIN
	PERFORM book_fence();
	PERFORM lease_lock(p_id);
	SELECT * INTO l FROM lease WHERE id = p_id;
	IF l.state = 'ended' OR (l.desired = 'ended' AND p_desired <> 'ended') THEN
		RAISE EXCEPTION 'the lease is over' USING ERRCODE = 'CS003';
	END IF;
	IF l.desired = 'ended' OR (l.desired = p_desired AND l.desired_reason = p_reason) THEN
		RETURN;
	END IF;
	UPDATE lease SET desired = p_desired, desired_reason = p_reason,
		desired_at = CASE WHEN desired = p_desired THEN desired_at ELSE p_now END WHERE id = p_id;
END $$;

-- From p_at on its seller may withdraw it without blame; null: not.
CREATE OR REPLACE FUNCTION lease_announce(p_id uuid, p_at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM book_fence();
	PERFORM lease_lock(p_id);
	UPDATE lease SET withdrawable_at = p_at WHERE id = p_id AND state <> 'ended';
END $$;

CREATE OR REPLACE FUNCTION lease_set_path(p_id uuid, p_path text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM book_fence();
	PERFORM lease_lock(p_id);
	UPDATE lease SET path = p_path WHERE id = p_id;
END $$;

-- The end: hold released, capacity free, the order closed with its last lease.
CREATE OR REPLACE FUNCTION lease_finish(p_id uuid, p_reason text, p_detail text, p_now timestamptz) RETURNS void LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	o cpushare.order;
	l lease;
	v_last boolean;
BEGIN
	PERFORM book_fence();
	PERFORM lease_lock(p_id);
	SELECT * INTO l FROM lease WHERE id = p_id;
	SELECT * INTO o FROM cpushare.order WHERE id = l.order_id;
	IF l.state = 'ended' THEN
		RAISE EXCEPTION 'the lease is over' USING ERRCODE = 'CS003';
	END IF;
	IF p_reason = '' THEN
		RAISE EXCEPTION 'a lease ends for a reason' USING ERRCODE = 'CS006';
	END IF;
	UPDATE lease SET state = 'ended', reason = p_reason, detail = p_detail, desired = 'ended',
		desired_reason = CASE WHEN desired = 'ended' THEN desired_reason ELSE p_reason END,
		desired_at = CASE WHEN desired = 'ended' THEN desired_at ELSE p_now END, held_micro = 0, ended_at = p_now WHERE id = p_id;
	v_last := o.state <> 'open' AND o.ended + 1 = o.filled;
	UPDATE cpushare.order SET ended = ended + 1, leases_held_micro = leases_held_micro - l.held_micro,
		state = CASE WHEN v_last AND state = 'filled' THEN 'ended' ELSE state END,
		ended_at = CASE WHEN v_last THEN p_now END WHERE id = o.id;
	PERFORM machine_tried(l, p_reason, p_now);
	PERFORM hold_release(l.buyer, o.id, l.id, l.held_micro, p_now);
	PERFORM reputation_learn(p_id);
	PERFORM event_of_lease(p_id, 'lease.ended', p_now);
	IF v_last THEN
		PERFORM event_of_order(o.id, 'order.ended', p_now);
	END IF;
END $$;
