-- SPDX-License-Identifier: Apache-2.0
-- 50_leases.sql - leases: matching, states, the end

-- 52:54:00 and the id's last three bytes.
CREATE OR REPLACE FUNCTION lease_mac(p_lease uuid) RETURNS macaddr LANGUAGE sql IMMUTABLE SET search_path = cpushare, pg_temp AS $$
	SELECT ('525400' || right(p_lease::text, 6))::macaddr
$$;

-- Makes matches durable, many in one call: leases, their orders' holds and places, capacity, events. Answers for each with its lease, or
-- null and why not, which tells the book what to do with it:
--   order     it is closed, over, later, or of another shape, or these prices are above its own
--   machine   it is not online, dearer by now, or does not take what the order wants
--   capacity  it has not so many cores or so much memory left, or is on trial and has a lease
--   group     another match of the same group is refused
-- Matches are decided in their order, each with what those before it left. Those with the same number above 0 in p_groups follow each
-- other, and are made all or none.
CREATE OR REPLACE FUNCTION matches_make(p_orders uuid[], p_machines uuid[], p_core bigint[], p_memory bigint[], p_transfer bigint[],
	p_cores bigint[], p_memory_mib bigint[], p_groups bigint[], p_now timestamptz) RETURNS TABLE (lease uuid, outcome text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	n_items integer := cardinality(p_orders);
	v_leases uuid[] := array_fill(NULL::uuid, ARRAY[n_items]);
	v_outcomes text[] := array_fill(NULL::text, ARRAY[n_items]);
	v_numbers integer[] := array_fill(NULL::integer, ARRAY[n_items]);
	v_order_of integer[] := array_fill(NULL::integer, ARRAY[n_items]);
	v_machine_of integer[] := array_fill(NULL::integer, ARRAY[n_items]);
	-- By order, and by machine: what this call has given so far.
	v_filled integer[] := array_fill(0, ARRAY[n_items]);
	v_cores bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_memory_mib bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_group bigint := 0;
	v_first integer;
	v_refused boolean;
	v_again integer[];
	i record;
BEGIN
	PERFORM book_fence();
	PERFORM 1 FROM cpushare.order WHERE id = ANY (p_orders) ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM machine WHERE id = ANY (p_machines) ORDER BY id FOR NO KEY UPDATE;
	FOR i IN WITH used AS (
			SELECT machine_id, sum(l.cores) AS cores, sum(l.memory_mib) AS memory_mib FROM cpushare.lease l
			WHERE machine_id = ANY (p_machines) AND state <> 'ended' GROUP BY machine_id)
		SELECT x.*, dense_rank() OVER (ORDER BY x.order_id)::integer AS o_at, dense_rank() OVER (ORDER BY x.machine_id)::integer AS m_at,
			coalesce(o.state = 'open' AND (o.open_until IS NULL OR o.open_until > p_now) AND o.cores = x.cores AND o.memory_mib = x.memory_mib
				AND x.core <= o.max_price_per_core_hour_micro AND x.memory <= o.max_price_per_gib_hour_micro
				AND x.transfer <= o.max_price_per_gib_transferred_micro AND (o.not_before IS NULL OR o.not_before <= p_now)
				AND (o.max_hour_micro = 0 OR x.core::numeric * o.cores + round(x.memory::numeric * o.memory_mib / 1024)
				<= o.max_hour_micro), false) AS order_takes,
			-- The price is the seller's: a match made of an ask that has become dearer since is refused.
			coalesce(m.state = 'online' AND m.accepting AND x.core >= m.price_per_core_hour_micro
				AND x.memory >= m.price_per_gib_hour_micro AND x.transfer >= m.price_per_gib_transferred_micro
				AND (m.max_duration_s = 0 OR o.duration_s <= m.max_duration_s) AND (o.accel = 'any' OR o.accel = m.accel),
				false) AS machine_takes,
			o.filled, o.count, m.cores AS machine_cores, m.memory_mib AS machine_memory_mib, m.failures,
			coalesce(u.cores, 0) AS used_cores, coalesce(u.memory_mib, 0) AS used_memory_mib
		FROM unnest(p_orders, p_machines, p_core, p_memory, p_transfer, p_cores, p_memory_mib, p_groups) WITH ORDINALITY
			AS x (order_id, machine_id, core, memory, transfer, cores, memory_mib, in_group, n)
		LEFT JOIN cpushare.order o ON o.id = x.order_id LEFT JOIN machine m ON m.id = x.machine_id
		LEFT JOIN used u ON u.machine_id = x.machine_id ORDER BY x.n
	LOOP
		IF i.in_group = 0 OR i.in_group <> v_group THEN
			v_group := i.in_group;
			v_first := i.n;
			v_refused := false;
		END IF;
		v_order_of[i.n] := i.o_at;
		v_machine_of[i.n] := i.m_at;
		-- A machine on trial runs one lease at a time.
		v_outcomes[i.n] := CASE WHEN v_refused THEN 'group'
			WHEN NOT i.order_takes OR i.filled + v_filled[i.o_at] >= i.count THEN 'order' WHEN NOT i.machine_takes THEN 'machine'
			WHEN i.used_cores + v_cores[i.m_at] + i.cores > i.machine_cores
				OR i.used_memory_mib + v_memory_mib[i.m_at] + i.memory_mib > i.machine_memory_mib
				OR (i.failures > 0 AND i.used_cores + v_cores[i.m_at] > 0) THEN 'capacity' ELSE 'made' END;
		IF v_outcomes[i.n] = 'made' THEN
			v_filled[i.o_at] := v_filled[i.o_at] + 1;
			v_cores[i.m_at] := v_cores[i.m_at] + i.cores;
			v_memory_mib[i.m_at] := v_memory_mib[i.m_at] + i.memory_mib;
			v_leases[i.n] := uuid_v7();
			v_numbers[i.n] := i.filled + v_filled[i.o_at];
		ELSIF v_group > 0 AND NOT v_refused THEN
			v_refused := true;
			FOR k IN v_first .. i.n - 1 LOOP
				v_filled[v_order_of[k]] := v_filled[v_order_of[k]] - 1;
				v_cores[v_machine_of[k]] := v_cores[v_machine_of[k]] - p_cores[k];
				v_memory_mib[v_machine_of[k]] := v_memory_mib[v_machine_of[k]] - p_memory_mib[k];
				v_outcomes[k] := 'group';
				v_leases[k] := NULL;
			END LOOP;
		END IF;
	END LOOP;
	-- A card's address is unique within its order: another id where it is not.
	LOOP
		v_again := ARRAY(SELECT x.n FROM (
			SELECT n, order_id, mac, row_number() OVER (PARTITION BY order_id, mac ORDER BY n) AS nth
			FROM (SELECT n, order_id, lease_mac(id) AS mac FROM unnest(p_orders, v_leases) WITH ORDINALITY AS y (order_id, id, n)
				WHERE id IS NOT NULL) z) x
			WHERE x.nth > 1 OR EXISTS (SELECT FROM cpushare.lease l WHERE l.order_id = x.order_id AND l.mac = x.mac));
		EXIT WHEN v_again = '{}';
		FOR k IN 1 .. cardinality(v_again) LOOP
			v_leases[v_again[k]] := uuid_v7();
		END LOOP;
	END LOOP;
	INSERT INTO cpushare.lease (id, order_id, machine_id, buyer, seller, number, name, ip, mac, desired_at, accel, cores, memory_mib,
		price_per_core_hour_micro, price_per_gib_hour_micro, price_per_gib_transferred_micro, held_micro, created_at)
	SELECT x.id, o.id, m.id, o.buyer, m.account, x.number, 'vm' || x.number,
		format('10.77.%s.%s', x.number / 250 + 1, x.number % 250 + 1)::inet, lease_mac(x.id), p_now, m.accel, o.cores, o.memory_mib,
		x.core, x.memory, x.transfer, o.place_hold_micro, p_now
	FROM unnest(v_leases, p_orders, p_machines, v_numbers, p_core, p_memory, p_transfer) WITH ORDINALITY
		AS x (id, order_id, machine_id, number, core, memory, transfer, n)
	JOIN cpushare.order o ON o.id = x.order_id JOIN machine m ON m.id = x.machine_id WHERE x.id IS NOT NULL ORDER BY x.n;
	-- The places' holds go with the leases: the buyer's held money stays what it is.
	UPDATE cpushare.order o SET filled = o.filled + x.places, held_micro = o.held_micro - o.place_hold_micro * x.places,
		leases_held_micro = o.leases_held_micro + o.place_hold_micro * x.places,
		state = CASE WHEN o.filled + x.places = o.count THEN 'filled' ELSE o.state END
		FROM (SELECT order_id, count(id)::integer AS places FROM unnest(p_orders, v_leases) AS y (order_id, id) WHERE id IS NOT NULL
			GROUP BY order_id) x
		WHERE o.id = x.order_id;
	PERFORM writer_show(17232, 'event_id_seq');
	INSERT INTO event (account, order_id, lease_id, kind, data, at)
		SELECT e.account, e.order_id, e.lease_id, e.kind, e.data, p_now FROM (
			SELECT x.n, side, CASE WHEN side = 0 THEN l.buyer ELSE l.seller END AS account, l.order_id, l.id AS lease_id,
				'lease.matched' AS kind, event_data_of_lease(l) AS data
			FROM unnest(v_leases) WITH ORDINALITY AS x (id, n) JOIN cpushare.lease l ON l.id = x.id, generate_series(0, 1) side
			WHERE side = 0 OR l.seller <> l.buyer
			UNION ALL
			SELECT n_items, 2, o.buyer, o.id, NULL, 'order.filled', event_data_of_order(o)
			FROM cpushare.order o WHERE o.state = 'filled' AND o.id IN (SELECT order_id FROM unnest(p_orders, v_leases) AS y (order_id, id)
				WHERE id IS NOT NULL)) e
		ORDER BY e.n, e.side;
	RETURN QUERY SELECT * FROM unnest(v_leases, v_outcomes);
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
