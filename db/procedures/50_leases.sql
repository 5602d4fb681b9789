-- SPDX-License-Identifier: Apache-2.0
-- 50_leases.sql - leases: matching, states, the end

-- Which of these matches are made, one by one where not all can be (matches_make). p_leases_left: as many more may the machine have. Gives the
-- outcomes, and the numbers within their orders of those that are made.
CREATE OR REPLACE FUNCTION matches_decide(p_orders uuid[], p_machines uuid[], p_cores bigint[], p_memory_mib bigint[], p_groups bigint[],
	p_order_takes boolean[], p_machine_takes boolean[], p_filled integer[], p_counts integer[], p_cores_left bigint[],
	p_memory_left_mib bigint[], p_leases_left integer[], OUT outcomes text[], OUT numbers integer[])
	LANGUAGE plpgsql IMMUTABLE SET search_path = cpushare, pg_temp AS $$
DECLARE
	n_items integer := cardinality(p_orders);
	v_order_of integer[] := array_fill(NULL::integer, ARRAY[n_items]);
	v_machine_of integer[] := array_fill(NULL::integer, ARRAY[n_items]);
	-- By order, and by machine: what was given so far.
	v_filled integer[] := array_fill(0, ARRAY[n_items]);
	v_leases integer[] := array_fill(0, ARRAY[n_items]);
	v_cores bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_memory_mib bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_group bigint := 0;
	v_first integer;
	v_refused boolean;
	i record;
BEGIN
	outcomes := array_fill(NULL::text, ARRAY[n_items]);
	numbers := array_fill(NULL::integer, ARRAY[n_items]);
	FOR i IN SELECT n, in_group, dense_rank() OVER (ORDER BY order_id)::integer AS o_at, dense_rank() OVER (ORDER BY machine_id)::integer AS m_at
		FROM unnest(p_orders, p_machines, p_groups) WITH ORDINALITY AS x (order_id, machine_id, in_group, n) ORDER BY n
	LOOP
		IF i.in_group = 0 OR i.in_group <> v_group THEN
			v_group := i.in_group;
			v_first := i.n;
			v_refused := false;
		END IF;
		v_order_of[i.n] := i.o_at;
		v_machine_of[i.n] := i.m_at;
		outcomes[i.n] := CASE WHEN v_refused THEN 'group'
			WHEN NOT p_order_takes[i.n] OR p_filled[i.n] + v_filled[i.o_at] >= p_counts[i.n] THEN 'order'
			WHEN NOT p_machine_takes[i.n] THEN 'machine'
			WHEN v_cores[i.m_at] + p_cores[i.n] > p_cores_left[i.n] OR v_memory_mib[i.m_at] + p_memory_mib[i.n] > p_memory_left_mib[i.n]
				OR v_leases[i.m_at] >= p_leases_left[i.n] THEN 'capacity' ELSE 'made' END;
		IF outcomes[i.n] = 'made' THEN
			v_filled[i.o_at] := v_filled[i.o_at] + 1;
			v_leases[i.m_at] := v_leases[i.m_at] + 1;
			v_cores[i.m_at] := v_cores[i.m_at] + p_cores[i.n];
			v_memory_mib[i.m_at] := v_memory_mib[i.m_at] + p_memory_mib[i.n];
			numbers[i.n] := p_filled[i.n] + v_filled[i.o_at];
		ELSIF v_group > 0 AND NOT v_refused THEN
			v_refused := true;
			FOR k IN v_first .. i.n - 1 LOOP
				v_filled[v_order_of[k]] := v_filled[v_order_of[k]] - 1;
				v_leases[v_machine_of[k]] := v_leases[v_machine_of[k]] - 1;
				v_cores[v_machine_of[k]] := v_cores[v_machine_of[k]] - p_cores[k];
				v_memory_mib[v_machine_of[k]] := v_memory_mib[v_machine_of[k]] - p_memory_mib[k];
				outcomes[k] := 'group';
				numbers[k] := NULL;
			END LOOP;
		END IF;
	END LOOP;
END $$;

-- Makes matches durable, many in one call: leases, their orders' holds and places, capacity. Answers for each with its lease, or
-- null and why not, which tells the book what to do with it:
--   order     it is closed, over, later, or of another shape, or these prices are above its own
--   machine   it is not online, dearer by now, or does not take what the order wants
--   capacity  it has not so many cores or so much memory left, or is on trial and has a lease
--   group     another match of the same group is refused
-- Matches are decided in their order, each with what those before it left: all at once where there is enough for all, else one by one. Those
-- with the same number above 0 in p_groups follow each other, and are made all or none.
--
-- Nothing else makes leases; what they refer to is read from the rows of orders and machines, locked here, which nobody can delete.
CREATE OR REPLACE FUNCTION matches_make(p_orders uuid[], p_machines uuid[], p_core bigint[], p_memory bigint[], p_transfer bigint[],
	p_cores bigint[], p_memory_mib bigint[], p_groups bigint[], p_now timestamptz) RETURNS TABLE (lease uuid, outcome text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_n integer[] := ARRAY(SELECT generate_series(1, cardinality(p_orders)));
	v record; -- of arrays: element n is of match n
	v_leases uuid[];
	v_outcomes text[];
	v_numbers integer[];
	v_begin text := uuid_v7_begin();
BEGIN
	PERFORM book_fence();
	PERFORM 1 FROM cpushare.order WHERE id = ANY (p_orders) ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM machine WHERE id = ANY (p_machines) ORDER BY id FOR NO KEY UPDATE;
	WITH item AS (
		SELECT x.n, x.order_id, x.machine_id, x.cores, x.memory_mib, o.buyer, m.account AS seller, m.accel, o.filled, o.count, o.place_hold_micro,
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
			m.cores - m.cores_leased AS cores_left, m.memory_mib - m.memory_leased_mib AS memory_left_mib,
			-- A machine on trial runs one lease at a time.
			CASE WHEN m.failures = 0 THEN 9999 WHEN m.cores_leased > 0 THEN 0 ELSE 1 END AS leases_left
		FROM (SELECT unnest(v_n) AS n, unnest(p_orders) AS order_id, unnest(p_machines) AS machine_id, unnest(p_core) AS core,
			unnest(p_memory) AS memory, unnest(p_transfer) AS transfer, unnest(p_cores) AS cores, unnest(p_memory_mib) AS memory_mib) x
		LEFT JOIN cpushare.order o ON o.id = x.order_id LEFT JOIN machine m ON m.id = x.machine_id
	)
	SELECT bool_and(order_takes AND machine_takes AND number <= count AND cores_sum <= cores_left AND memory_sum <= memory_left_mib
			AND leases_sum <= leases_left) AS all_fine,
		array_agg(number::integer) AS numbers, array_agg(buyer) AS buyers, array_agg(seller) AS sellers, array_agg(accel) AS accels,
		array_agg(filled) AS filled, array_agg(count) AS counts, array_agg(place_hold_micro) AS holds, array_agg(order_takes) AS order_takes,
		array_agg(machine_takes) AS machine_takes, array_agg(cores_left) AS cores_left, array_agg(memory_left_mib) AS memory_left_mib,
		array_agg(leases_left) AS leases_left INTO v
		FROM (SELECT *, filled + row_number() OVER (PARTITION BY order_id ORDER BY n) AS number, sum(cores) OVER w AS cores_sum,
				sum(memory_mib) OVER w AS memory_sum, count(*) OVER w AS leases_sum
			FROM item WINDOW w AS (PARTITION BY machine_id) ORDER BY n) x;
	IF v.all_fine THEN
		v_outcomes := array_fill('made'::text, ARRAY[cardinality(p_orders)]);
		v_numbers := v.numbers;
	ELSE
		SELECT outcomes, numbers INTO v_outcomes, v_numbers FROM matches_decide(p_orders, p_machines, p_cores, p_memory_mib, p_groups,
			v.order_takes, v.machine_takes, v.filled, v.counts, v.cores_left, v.memory_left_mib, v.leases_left);
	END IF;
	-- Of a lease only the time is its batch's: the rest nobody guesses.
	v_leases := ARRAY(SELECT CASE WHEN number > 0 THEN (left(v_begin, 15) || substr(gen_random_uuid()::text, 16))::uuid END
		FROM unnest(v_numbers) WITH ORDINALITY AS x (number, n) ORDER BY n);
	PERFORM writer_show(17232, 'event_id_seq');
	-- A card's address ends with its number less one: no other of the order has it.
	INSERT INTO cpushare.lease (id, order_id, machine_id, buyer, seller, number, name, ip, mac, desired_at, accel, cores, memory_mib,
		price_per_core_hour_micro, price_per_gib_hour_micro, price_per_gib_transferred_micro, held_micro, created_at)
	SELECT x.id, x.order_id, x.machine_id, x.buyer, x.seller, x.number, 'vm' || x.number,
		inet '10.77.1.1' + (x.number / 250 * 256 + x.number % 250), ('525400' || right(x.id::text, 4) || lpad(to_hex(x.number - 1), 2, '0'))::macaddr, p_now, x.accel, x.cores, x.memory_mib,
		x.core, x.memory, x.transfer, x.hold, p_now
	FROM (SELECT unnest(v_leases) AS id, unnest(p_orders) AS order_id, unnest(p_machines) AS machine_id, unnest(v.buyers) AS buyer,
		unnest(v.sellers) AS seller, unnest(v_numbers) AS number, unnest(v.accels) AS accel, unnest(p_cores) AS cores,
		unnest(p_memory_mib) AS memory_mib, unnest(p_core) AS core, unnest(p_memory) AS memory, unnest(p_transfer) AS transfer,
		unnest(v.holds) AS hold) x
	WHERE x.id IS NOT NULL;
	UPDATE machine m SET cores_leased = m.cores_leased + x.cores, memory_leased_mib = m.memory_leased_mib + x.memory_mib
		FROM (SELECT machine_id, sum(cores)::bigint AS cores, sum(memory_mib)::bigint AS memory_mib
			FROM (SELECT unnest(p_machines) AS machine_id, unnest(v_numbers) AS number, unnest(p_cores) AS cores,
				unnest(p_memory_mib) AS memory_mib) y
			WHERE number > 0 GROUP BY machine_id) x
		WHERE m.id = x.machine_id;
	-- The places' holds go with the leases: the buyer's held money stays what it is.
	UPDATE cpushare.order o SET filled = o.filled + x.places, held_micro = o.held_micro - o.place_hold_micro * x.places,
		leases_held_micro = o.leases_held_micro + o.place_hold_micro * x.places,
		state = CASE WHEN o.filled + x.places = o.count THEN 'filled' ELSE o.state END
		FROM (SELECT order_id, count(*)::integer AS places FROM (SELECT unnest(p_orders) AS order_id, unnest(v_numbers) AS number) y
			WHERE number > 0 GROUP BY order_id) x
		WHERE o.id = x.order_id;
	-- That an order of one place is filled, its lease tells (event_births()). Of one that was filled at once nothing has happened to yet.
	INSERT INTO event (account, order_id, kind, data, at)
		SELECT buyer, order_id, 'order.filled', CASE WHEN filled > 0 THEN
			(SELECT event_data_of_order(o) FROM cpushare.order o WHERE o.id = order_id) END, p_now
		FROM (SELECT unnest(v_n) AS n, unnest(p_orders) AS order_id, unnest(v.buyers) AS buyer, unnest(v_numbers) AS number,
			unnest(v.counts) AS count, unnest(v.filled) AS filled) x
		WHERE number = count AND count > 1 ORDER BY n;
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

-- Before an order's leases are ended in one transaction, or a machine's are settled and ended: all that this will lock, in the order in which
-- everybody does (10_ledger.sql). No more of them are made until its end.
CREATE OR REPLACE FUNCTION leases_lock(p_order uuid, p_machine uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_orders uuid[] := p_order || ARRAY(SELECT order_id FROM lease WHERE machine_id = p_machine AND state <> 'ended');
BEGIN
	PERFORM book_fence();
	PERFORM 1 FROM cpushare.order WHERE id = ANY (v_orders) ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM machine WHERE id = ANY (p_machine || ARRAY(SELECT machine_id FROM lease WHERE order_id = p_order AND state <> 'ended'))
		ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM ledger_account WHERE id = ANY (CASE WHEN p_machine IS NOT NULL THEN market_account_of('commission') END
		|| ARRAY(SELECT id FROM ledger_account WHERE kind = 'funds' AND owner = ANY ((SELECT account FROM machine WHERE id = p_machine)
			|| ARRAY(SELECT buyer FROM cpushare.order WHERE id = ANY (v_orders))))) ORDER BY id FOR NO KEY UPDATE;
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

-- Its machine is to start anew, as by its reset button: once more than it was asked to so far.
CREATE OR REPLACE FUNCTION lease_reset(p_id uuid, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM book_fence();
	PERFORM lease_lock(p_id);
	UPDATE lease SET resets = resets + 1 WHERE id = p_id AND state = 'running' AND desired = 'running';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the lease does not run' USING ERRCODE = 'CS003';
	END IF;
	PERFORM event_of_lease(p_id, 'lease.reset', p_now);
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
	UPDATE machine SET cores_leased = cores_leased - l.cores, memory_leased_mib = memory_leased_mib - l.memory_mib WHERE id = l.machine_id;
	v_last := o.state <> 'open' AND o.ended + 1 = o.filled;
	UPDATE cpushare.order SET ended = ended + 1, leases_held_micro = leases_held_micro - l.held_micro,
		state = CASE WHEN v_last AND state = 'filled' THEN 'ended' ELSE state END,
		ended_at = CASE WHEN v_last THEN p_now END WHERE id = o.id;
	PERFORM machine_tried(l, p_reason, p_now);
	PERFORM hold_release(l.buyer, l.held_micro);
	PERFORM reputation_learn(p_id);
	PERFORM event_of_lease(p_id, 'lease.ended', p_now);
	IF v_last THEN
		PERFORM event_of_order(o.id, 'order.ended', p_now);
	END IF;
END $$;
