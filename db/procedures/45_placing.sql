-- SPDX-License-Identifier: Apache-2.0
-- 45_placing.sql - many orders placed in one call, each under its Idempotency-Key

-- Answers for each item with what became of it:
--   placed    the order is there, its hold too, and its key stands for it; good and bad are its buyer's marks
--   repeated  the key was used for this very request: the answer is that to the same request with the order's id, created_at and place_hold;
--             or, where it was no order, status and body are what was answered then
--   reused    the key was used for another request
--   later     another item of this call has the same key: ask again, alone
--   token     p_tokens[i] (null: not asked for) has ended
--   funds     the available balance does not cover the hold, or something is owed
--   image, pieces, budget, limit   no such image; parts of it are missing; the hold is above it; p_open_max orders are open
-- p_keys[i] null: without a key. p_open[i]: the caller knows that its buyer has at most so many open orders; null: they are counted, as they
-- are where that bound comes near p_open_max. Buyers' items are decided in their order, each with what those before it left: all at once
-- where a buyer has enough for all, else one by one.
--
-- p_leases[i] not null: an order of one VM that the book has a place for: it is filled as it is placed, by that lease, with that card's address, on
-- that machine at these prices, as matches_make() would. lease is null where that cannot be: then the order waits like any other. Only the book's
-- holder is asked to; of another nothing is filled. Machines are locked before ledger accounts, as by lease_finish().
--
-- Nothing else makes orders. What they refer to is seen here under a lock: the buyer's ledger accounts, so there is that account; the image,
-- which image_delete() takes away under the same lock. So orders need no second look at it. An order's key is in its own row; what else has a key
-- has a row in idempotency_key, where it is looked for, too.
CREATE OR REPLACE FUNCTION orders_place(p_ids uuid[], p_buyers uuid[], p_names text[], p_images bytea[], p_counts bigint[],
	p_cores bigint[], p_memory_mib bigint[], p_max_core bigint[], p_max_memory bigint[], p_max_transfer bigint[],
	p_duration_s bigint[], p_open_s bigint[], p_budgets bigint[], p_max_hour bigint[], p_not_before timestamptz[],
	p_constraints text[], p_user_data text[], p_place_holds bigint[], p_keys text[], p_requests bytea[],
	p_times timestamptz[], p_open_max bigint, p_mtu bigint[], p_tokens uuid[] DEFAULT NULL, p_open bigint[] DEFAULT NULL,
	p_leases uuid[] DEFAULT NULL, p_macs macaddr[] DEFAULT NULL, p_machines uuid[] DEFAULT NULL, p_core bigint[] DEFAULT NULL,
	p_memory bigint[] DEFAULT NULL, p_transfer bigint[] DEFAULT NULL)
	RETURNS TABLE (outcome text, status integer, body text, order_id uuid, created_at timestamptz, place_hold bigint, good bigint,
	bad bigint, lease uuid)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
#variable_conflict use_column
DECLARE
	v_purses record; -- of arrays: the buyers' ledger accounts, locked
	v record; -- of arrays: element n is of item n
	v_n integer[] := ARRAY(SELECT generate_series(1, cardinality(p_ids)));
	v_outcomes text[];
	v_buyer uuid;
	v_left numeric;
	v_open bigint;
	v_seen text[];
	v_now timestamptz := (SELECT max(t) FROM unnest(p_times) t);
	v_found boolean;
	v_constraint text;
	v_here boolean; -- this market holds the book, and does until the end of the transaction
	v_rooms record; -- of arrays: the machines, locked
	v_leases uuid[]; -- of those that are filled, else null
	v_events bigint[]; -- the numbers that those have which are placed, else null
	v_look boolean := false; -- whether these keys are orders' already
	i record;
BEGIN
	PERFORM 1 FROM book WHERE epoch = coalesce(nullif(current_setting('cpushare.epoch', true), ''), '0')::bigint FOR KEY SHARE;
	v_here := FOUND;
	SELECT array_agg(id) AS ids, array_agg(account) AS sellers, array_agg(accel) AS accels, array_agg(state = 'online' AND accepting) AS open,
		array_agg(price_per_core_hour_micro) AS core, array_agg(price_per_gib_hour_micro) AS memory,
		array_agg(price_per_gib_transferred_micro) AS transfer, array_agg(max_duration_s) AS max_s, array_agg(cores - cores_leased) AS cores,
		array_agg(memory_mib - memory_leased_mib) AS memory_mib,
		-- A machine on trial runs one lease at a time.
		array_agg(CASE WHEN failures = 0 THEN 9999 WHEN cores_leased > 0 THEN 0 ELSE 1 END) AS leases INTO v_rooms
		FROM (SELECT * FROM machine WHERE v_here AND id = ANY (p_machines) ORDER BY id FOR NO KEY UPDATE) x;
	SELECT array_agg(id) AS ids, array_agg(owner) AS owners, array_agg(kind) AS kinds, array_agg(balance_micro - held_micro) AS spare INTO v_purses
		FROM (SELECT id, owner, kind, balance_micro, held_micro FROM ledger_account WHERE owner = ANY (p_buyers) ORDER BY id FOR NO KEY UPDATE) x;
	LOOP
		-- A statement of its own: it sees what those did who had the locks before.
		WITH purse AS MATERIALIZED (
			-- Who owes something has nothing left.
			SELECT owner AS buyer, max(id) FILTER (WHERE kind = 'funds') AS funds, CASE WHEN min(spare) FILTER (WHERE kind = 'owed') < 0 THEN -1
				ELSE max(spare) FILTER (WHERE kind = 'funds') END AS spare
			FROM (SELECT unnest(v_purses.ids) AS id, unnest(v_purses.owners) AS owner, unnest(v_purses.kinds) AS kind,
				unnest(v_purses.spare) AS spare) x GROUP BY owner
		), of_buyer AS (
			SELECT buyer, sum(place_hold * count)::bigint AS all_holds, count(*) AS all_items FROM (SELECT unnest(p_buyers) AS buyer,
				unnest(p_place_holds) AS place_hold, unnest(p_counts) AS count) x GROUP BY buyer
		), of_room AS (
			SELECT machine, sum(cores)::bigint AS all_cores, sum(memory_mib)::bigint AS all_memory_mib, count(*) AS all_leases
				FROM (SELECT unnest(p_machines) AS machine, unnest(p_cores) AS cores, unnest(p_memory_mib) AS memory_mib) x
				WHERE machine IS NOT NULL GROUP BY machine
		), room AS (
			SELECT * FROM (SELECT unnest(v_rooms.ids) AS id, unnest(v_rooms.accels) AS accel, unnest(v_rooms.open) AS open, unnest(v_rooms.core) AS core,
				unnest(v_rooms.memory) AS memory, unnest(v_rooms.transfer) AS transfer, unnest(v_rooms.max_s) AS max_s, unnest(v_rooms.cores) AS cores_left,
				unnest(v_rooms.memory_mib) AS memory_left_mib, unnest(v_rooms.leases) AS leases_left, unnest(v_rooms.sellers) AS seller) x
				JOIN of_room w ON w.machine = x.id
		), item AS (
			SELECT x.n, x.buyer, x.key, x.hold, p.funds, p.spare, b.all_holds, b.all_items, q.id AS order_id,
				-- Two requests of two kinds may have used one key at the same moment: each is answered as it was.
				CASE WHEN k.request = x.request THEN k.status END AS status, CASE WHEN k.request = x.request THEN k.body END AS body,
				CASE WHEN x.token IS NOT NULL AND NOT EXISTS (SELECT 1 FROM token t WHERE t.id = x.token AND t.account = x.buyer
					AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())) THEN 'token'
					WHEN q.request = x.request OR k.request = x.request THEN 'repeated'
					WHEN q.id IS NOT NULL OR k.request IS NOT NULL THEN 'reused' ELSE 'new' END AS known,
				CASE WHEN m.missing_count IS NULL THEN 'image' WHEN m.missing_count > 0 THEN 'pieces'
					WHEN x.budget > 0 AND x.hold > x.budget THEN 'budget' ELSE 'fine' END AS asked,
				CASE WHEN x.open + b.all_items <= p_open_max THEN x.open ELSE (SELECT count(*) FROM (SELECT 1 FROM cpushare.order o
					WHERE o.buyer = x.buyer AND o.ended_at IS NULL AND o.state = 'open' LIMIT p_open_max) y) END AS open_now,
				-- As matches_make() has it.
				coalesce(r.open AND x.count = 1 AND x.not_before IS NULL AND x.core BETWEEN r.core AND x.max_core
					AND x.memory BETWEEN r.memory AND x.max_memory AND x.transfer BETWEEN r.transfer AND x.max_transfer
					AND (x.max_hour = 0 OR x.core::numeric * x.cores + round(x.memory::numeric * x.memory_mib / 1024) <= x.max_hour)
					AND (r.max_s = 0 OR x.duration_s <= r.max_s)
					AND (x.constraints = '{}' OR coalesce(x.constraints::jsonb ->> 'accel', 'any') IN ('any', r.accel)), false) AS fits,
				coalesce(r.all_cores <= r.cores_left AND r.all_memory_mib <= r.memory_left_mib AND r.all_leases <= r.leases_left, true) AS roomy,
				r.seller, r.accel, r.cores_left, r.memory_left_mib, r.leases_left
			FROM (SELECT *, place_hold * count AS hold FROM (SELECT unnest(v_n) AS n, unnest(p_buyers) AS buyer, unnest(p_images) AS image, unnest(p_counts) AS count,
				unnest(p_place_holds) AS place_hold, unnest(p_budgets) AS budget, unnest(p_keys) AS key, unnest(p_requests) AS request,
				unnest(p_tokens) AS token, unnest(p_open) AS open, unnest(p_machines) AS machine, unnest(p_cores) AS cores,
				unnest(p_memory_mib) AS memory_mib, unnest(p_core) AS core, unnest(p_memory) AS memory, unnest(p_transfer) AS transfer,
				unnest(p_max_core) AS max_core, unnest(p_max_memory) AS max_memory, unnest(p_max_transfer) AS max_transfer,
				unnest(p_max_hour) AS max_hour, unnest(p_not_before) AS not_before, unnest(p_duration_s) AS duration_s,
				unnest(p_constraints) AS constraints) y) x
			JOIN of_buyer b ON b.buyer = x.buyer
			LEFT JOIN purse p ON p.buyer = x.buyer
			LEFT JOIN room r ON r.id = x.machine
			LEFT JOIN image m ON m.account = x.buyer AND m.id = x.image
			LEFT JOIN idempotency_key k ON k.account = x.buyer AND k.key = x.key
			LEFT JOIN cpushare.order q ON q.buyer = x.buyer AND q.key = CASE WHEN v_look THEN x.key END
			ORDER BY x.n
		)
		SELECT array_agg(CASE WHEN known <> 'new' THEN known WHEN asked = 'fine' AND (key IS NULL OR all_items = 1
					OR (SELECT count(*) = count(DISTINCT y.key) FROM unnest(p_keys) AS y (key) WHERE y.key IS NOT NULL)) AND all_holds <= spare
				AND open_now + all_items <= p_open_max THEN 'placed' END) AS outcomes, array_agg(asked) AS asked,
			array_agg(CASE known WHEN 'repeated' THEN coalesce(status, 201) END) AS statuses, array_agg(CASE known WHEN 'repeated' THEN body END) AS bodies,
			array_agg(CASE known WHEN 'repeated' THEN order_id END) AS orders,
			array_agg(hold) AS holds, array_agg(funds) AS funds,
			array_agg(spare) AS spares, array_agg(open_now) AS opens, array_agg(fits) AS fits, bool_and(roomy) AS roomy, array_agg(seller) AS sellers,
			array_agg(accel) AS accels, array_agg(cores_left) AS cores_left, array_agg(memory_left_mib) AS memory_left_mib,
			array_agg(leases_left) AS leases_left INTO v FROM item;
		v_outcomes := v.outcomes;
		-- Most keys are new, which the index of orders says as the order enters it; who is refused, or is not the first, learns first whether his is.
		IF NOT v_look AND array_length(array_positions(v_outcomes, 'placed'), 1) IS DISTINCT FROM cardinality(v_n) THEN
			v_look := true;
			CONTINUE;
		END IF;
		IF array_position(v_outcomes, NULL) > 0 THEN
			FOR i IN SELECT x.* FROM unnest(p_buyers, p_keys, v.asked, v.holds, v.spares, v.opens, v.outcomes) WITH ORDINALITY
				AS x (buyer, key, asked, hold, spare, open, outcome, n) ORDER BY x.buyer, x.n
			LOOP
				IF i.buyer IS DISTINCT FROM v_buyer THEN
					v_buyer := i.buyer;
					v_left := i.spare;
					v_open := i.open;
					v_seen := '{}';
				END IF;
				IF i.outcome IS NULL THEN
					v_outcomes[i.n] := CASE WHEN i.key = ANY (v_seen) THEN 'later' WHEN i.asked <> 'fine' THEN i.asked
						WHEN v_open >= p_open_max THEN 'limit' WHEN v_left < i.hold THEN 'funds' ELSE 'placed' END;
				END IF;
				IF v_outcomes[i.n] = 'placed' THEN
					v_left := v_left - i.hold;
					v_open := v_open + 1;
					v_seen := v_seen || i.key;
				END IF;
			END LOOP;
		END IF;
		IF v_rooms.ids IS NOT NULL THEN
			v_leases := ARRAY(SELECT CASE WHEN outcome = 'placed' AND fits THEN lease END
				FROM (SELECT unnest(v_outcomes) AS outcome, unnest(v.fits) AS fits, unnest(p_leases) AS lease) x);
			IF NOT v.roomy THEN
				v_leases := ARRAY(SELECT CASE WHEN d.outcome = 'made' THEN x.lease END FROM unnest(v_leases) WITH ORDINALITY AS x (lease, n)
					JOIN unnest((matches_decide(p_ids, p_machines, p_cores, p_memory_mib, array_fill(0::bigint, ARRAY[cardinality(v_n)]),
						ARRAY(SELECT lease IS NOT NULL FROM unnest(v_leases) AS y (lease)), v.fits, array_fill(0, ARRAY[cardinality(v_n)]),
						array_fill(1, ARRAY[cardinality(v_n)]), v.cores_left, v.memory_left_mib, v.leases_left)).outcomes)
						WITH ORDINALITY AS d (outcome, n) USING (n) ORDER BY n);
			END IF;
		END IF;
		IF 'placed' = ANY (v_outcomes) THEN
			PERFORM writer_show(17232, 'event_id_seq');
		END IF;
		v_events := ARRAY(SELECT CASE WHEN outcome = 'placed' THEN nextval('event_id_seq') END FROM unnest(v_outcomes) AS x (outcome));
		BEGIN
			INSERT INTO cpushare.order (id, buyer, name, image, count, cores, memory_mib, max_price_per_core_hour_micro,
				max_price_per_gib_hour_micro, max_price_per_gib_transferred_micro, duration_s, budget_micro, place_hold_micro, held_micro,
				max_hour_micro, not_before, constraints, accel, user_data, mtu, created_at, open_until, key, request, state, filled, leases_held_micro,
				created_event)
			SELECT x.id, x.buyer, x.name, x.image, x.count, x.cores, x.memory_mib, x.max_core, x.max_memory, x.max_transfer, x.duration_s,
				x.budget, x.place_hold, CASE WHEN x.lease IS NULL THEN x.place_hold * x.count ELSE 0 END, x.max_hour, x.not_before,
				CASE x.constraints WHEN '{}' THEN '{}' ELSE x.constraints::jsonb END,
				CASE x.constraints WHEN '{}' THEN 'any' ELSE coalesce(x.constraints::jsonb ->> 'accel', 'any') END, x.user_data, x.mtu, x.now,
				CASE WHEN x.open_s > 0 THEN greatest(x.now, x.not_before) + make_interval(secs => x.open_s) END, x.key,
				CASE WHEN x.key IS NOT NULL THEN x.request END, CASE WHEN x.lease IS NULL THEN 'open' ELSE 'filled' END, (x.lease IS NOT NULL)::integer,
				CASE WHEN x.lease IS NULL THEN 0 ELSE x.place_hold END, x.event
			FROM (SELECT unnest(v_outcomes) AS outcome, unnest(p_ids) AS id, unnest(p_buyers) AS buyer, unnest(p_names) AS name,
				unnest(p_images) AS image, unnest(p_counts) AS count, unnest(p_cores) AS cores, unnest(p_memory_mib) AS memory_mib,
				unnest(p_max_core) AS max_core, unnest(p_max_memory) AS max_memory, unnest(p_max_transfer) AS max_transfer,
				unnest(p_duration_s) AS duration_s, unnest(p_open_s) AS open_s, unnest(p_budgets) AS budget, unnest(p_max_hour) AS max_hour,
				unnest(p_not_before) AS not_before, unnest(p_constraints) AS constraints, unnest(p_user_data) AS user_data,
				unnest(p_place_holds) AS place_hold, unnest(p_times) AS now, unnest(p_mtu) AS mtu, unnest(p_keys) AS key, unnest(p_requests) AS request,
				unnest(v_leases) AS lease, unnest(v_events) AS event) x
			WHERE x.outcome = 'placed';
			v_found := FOUND;
			EXIT;
		EXCEPTION WHEN unique_violation THEN
			GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
			IF v_look AND v_constraint = 'order_key' THEN
				-- Another session used a key between our look and now: nothing of this is done, and the next attempt sees it.
				RAISE EXCEPTION 'a key was used at the same time' USING ERRCODE = 'serialization_failure';
			ELSIF v_look THEN
				RAISE;
			END IF;
			v_look := true;
		END;
	END LOOP;
	IF v_found THEN
		UPDATE ledger_account a SET held_micro = a.held_micro + x.hold
			FROM (SELECT funds, sum(hold)::bigint AS hold FROM (SELECT unnest(v_outcomes) AS outcome, unnest(v.funds) AS funds,
				unnest(v.holds) AS hold) y WHERE outcome = 'placed' GROUP BY funds HAVING sum(hold) > 0) x
			WHERE a.id = x.funds;
		-- Placed through a market that does not hold the book: the one that does hears of it.
		IF NOT v_here THEN
			PERFORM pg_notify('cpushare_order', x.id::text) FROM unnest(v_outcomes, p_ids) AS x (outcome, id) WHERE x.outcome = 'placed';
		END IF;
	END IF;
	IF v_leases IS NOT NULL THEN
		INSERT INTO cpushare.lease (id, order_id, machine_id, buyer, seller, number, name, ip, mac, desired_at, accel, cores, memory_mib,
			price_per_core_hour_micro, price_per_gib_hour_micro, price_per_gib_transferred_micro, held_micro, created_at, matched_event, with_order)
		SELECT x.id, x.order_id, x.machine, x.buyer, x.seller, 1, 'vm1', '10.77.1.2', x.mac, x.now, x.accel, x.cores, x.memory_mib, x.core, x.memory,
			x.transfer, x.hold, x.now, x.event + 1, true
		FROM (SELECT unnest(v_leases) AS id, unnest(p_ids) AS order_id, unnest(p_machines) AS machine, unnest(p_buyers) AS buyer,
			unnest(v.sellers) AS seller, unnest(p_macs) AS mac, unnest(p_times) AS now, unnest(v.accels) AS accel, unnest(p_cores) AS cores,
			unnest(p_memory_mib) AS memory_mib, unnest(p_core) AS core, unnest(p_memory) AS memory, unnest(p_transfer) AS transfer,
			unnest(v.holds) AS hold, unnest(v_events) AS event) x
		WHERE x.id IS NOT NULL;
		UPDATE machine m SET cores_leased = m.cores_leased + x.cores, memory_leased_mib = m.memory_leased_mib + x.memory_mib
			FROM (SELECT machine, sum(cores)::bigint AS cores, sum(memory_mib)::bigint AS memory_mib
				FROM (SELECT unnest(v_leases) AS lease, unnest(p_machines) AS machine, unnest(p_cores) AS cores, unnest(p_memory_mib) AS memory_mib) y
				WHERE lease IS NOT NULL GROUP BY machine) x
			WHERE m.id = x.machine;
	END IF;
	-- Few buyers have marks.
	RETURN QUERY SELECT x.outcome, x.status, x.body, o.id, o.created_at, o.place_hold_micro::bigint,
			CASE WHEN placed_here THEN coalesce(m.good, 0) END, CASE WHEN placed_here THEN coalesce(m.bad, 0) END, x.lease
		FROM (SELECT *, y.outcome = 'placed' AND v_here AS placed_here FROM unnest(v_outcomes, v.statuses, v.bodies, v.orders,
			p_buyers, v_leases) WITH ORDINALITY AS y (outcome, status, body, order_id, buyer, lease, n)) x
		LEFT JOIN cpushare.order o ON o.id = x.order_id
		LEFT JOIN (SELECT b.buyer, r.good, r.bad FROM (SELECT DISTINCT buyer FROM unnest(p_buyers) AS y (buyer)) b
			CROSS JOIN LATERAL reputation_marks(b.buyer, 'buyer', v_now) r
			WHERE v_here AND EXISTS (SELECT 1 FROM reputation WHERE about = b.buyer AND side = 'buyer')) m ON m.buyer = x.buyer
		ORDER BY x.n;
END $$;

-- One order, without a key.
CREATE OR REPLACE FUNCTION order_create(p_id uuid, p_buyer uuid, p_name text, p_image bytea, p_count bigint, p_cores bigint,
	p_memory_mib bigint, p_max_core bigint, p_max_memory bigint, p_max_transfer bigint, p_duration_s bigint, p_open_s bigint,
	p_budget bigint, p_max_hour bigint, p_not_before timestamptz, p_constraints jsonb, p_user_data text, p_place_hold bigint,
	p_now timestamptz, p_mtu bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	CASE (SELECT outcome FROM orders_place(ARRAY[p_id], ARRAY[p_buyer], ARRAY[p_name], ARRAY[p_image], ARRAY[p_count], ARRAY[p_cores],
		ARRAY[p_memory_mib], ARRAY[p_max_core], ARRAY[p_max_memory], ARRAY[p_max_transfer], ARRAY[p_duration_s], ARRAY[p_open_s],
		ARRAY[p_budget], ARRAY[p_max_hour], ARRAY[p_not_before], ARRAY[p_constraints::text], ARRAY[p_user_data],
		ARRAY[p_place_hold], ARRAY[NULL::text], ARRAY[NULL::bytea], ARRAY[p_now], 9223372036854775807, ARRAY[p_mtu]))
	WHEN 'image' THEN
		RAISE EXCEPTION 'no such image' USING ERRCODE = 'CS001';
	WHEN 'pieces' THEN
		RAISE EXCEPTION 'pieces of the image are missing' USING ERRCODE = 'CS003';
	WHEN 'budget' THEN
		RAISE EXCEPTION 'the budget does not cover what is held at first' USING ERRCODE = 'CS006';
	WHEN 'funds' THEN
		RAISE EXCEPTION 'the available balance does not cover the hold' USING ERRCODE = 'CS004';
	ELSE
	END CASE;
END $$;
