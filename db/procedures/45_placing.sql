-- SPDX-License-Identifier: Apache-2.0
-- 45_placing.sql - many orders placed in one call, each under its Idempotency-Key

-- Answers for each item with what became of it:
--   placed    the order is there, its hold too, and p_answers[i] is stored under the key
--   repeated  the key was used for this very request: status and body are what was answered then
--   reused    the key was used for another request
--   later     another item of this call has the same key: ask again, alone
--   funds     the available balance does not cover the hold, or something is owed
--   image, pieces, budget, limit   no such image; parts of it are missing; the hold is above it; p_open_max orders are open
-- p_keys[i] null: without a key. Buyers' items are decided in their order, each with what those before it left.
CREATE OR REPLACE FUNCTION orders_place(p_ids uuid[], p_buyers uuid[], p_names text[], p_images bytea[], p_counts bigint[],
	p_cores bigint[], p_memory_mib bigint[], p_max_core bigint[], p_max_memory bigint[], p_max_transfer bigint[],
	p_duration_s bigint[], p_open_s bigint[], p_budgets bigint[], p_max_hour bigint[], p_not_before timestamptz[],
	p_constraints text[], p_user_data text[], p_place_holds bigint[], p_keys text[], p_requests bytea[], p_answers text[],
	p_times timestamptz[], p_open_max bigint, p_mtu bigint[]) RETURNS TABLE (outcome text, status integer, body text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	n_items integer := cardinality(p_ids);
	v_outcomes text[] := array_fill(NULL::text, ARRAY[n_items]);
	v_statuses integer[] := array_fill(NULL::integer, ARRAY[n_items]);
	v_bodies text[] := array_fill(NULL::text, ARRAY[n_items]);
	v_placed boolean[] := array_fill(false, ARRAY[n_items]);
	v_kinds text[] := '{}';
	v_orders uuid[] := '{}';
	v_debits bigint[] := '{}';
	v_credits bigint[] := '{}';
	v_amounts bigint[] := '{}';
	v_buyer uuid;
	v_available bigint;
	v_held bigint;
	v_left numeric;
	v_owes boolean;
	v_open bigint;
	v_seen text[];
	v_hold numeric;
	v_now timestamptz := (SELECT max(t) FROM unnest(p_times) t);
	v_keyed integer := 0;
	v_claimed integer;
	i record;
BEGIN
	-- The lock keeps image_delete() away until the orders are there for it to see.
	PERFORM 1 FROM image WHERE (account, id) IN (SELECT * FROM unnest(p_buyers, p_images)) ORDER BY account, id FOR KEY SHARE;
	PERFORM 1 FROM ledger_account WHERE owner = ANY (p_buyers) AND kind IN ('available', 'held') ORDER BY id FOR NO KEY UPDATE;
	FOR i IN SELECT x.*, m.missing_count, k.request AS key_request, k.status AS key_status, k.body AS key_body
		FROM unnest(p_buyers, p_images, p_counts, p_place_holds, p_budgets, p_keys, p_requests) WITH ORDINALITY
			AS x (buyer, image, count, place_hold, budget, key, request, n)
		LEFT JOIN image m ON m.account = x.buyer AND m.id = x.image
		LEFT JOIN idempotency_key k ON k.account = x.buyer AND k.key = x.key ORDER BY x.buyer, x.n
	LOOP
		IF i.buyer IS DISTINCT FROM v_buyer THEN
			v_buyer := i.buyer;
			v_seen := '{}';
			SELECT max(id) FILTER (WHERE kind = 'available'), max(id) FILTER (WHERE kind = 'held'),
				max(balance_micro) FILTER (WHERE kind = 'available'), coalesce(bool_or(kind = 'owed' AND balance_micro < 0), false)
				INTO v_available, v_held, v_left, v_owes FROM ledger_account WHERE owner = v_buyer;
			SELECT count(*) INTO v_open FROM cpushare.order WHERE buyer = v_buyer AND state = 'open';
		END IF;
		v_hold := i.place_hold::numeric * i.count;
		v_outcomes[i.n] := CASE WHEN i.key_request = i.request THEN 'repeated' WHEN i.key_request IS NOT NULL THEN 'reused'
			WHEN i.key = ANY (v_seen) THEN 'later' WHEN i.missing_count IS NULL THEN 'image' WHEN i.missing_count > 0 THEN 'pieces'
			WHEN i.budget > 0 AND v_hold > i.budget THEN 'budget' WHEN v_open >= p_open_max THEN 'limit'
			WHEN v_owes OR v_left < v_hold THEN 'funds' ELSE 'placed' END;
		IF v_outcomes[i.n] = 'repeated' THEN
			v_statuses[i.n] := i.key_status;
			v_bodies[i.n] := i.key_body;
		ELSIF v_outcomes[i.n] = 'placed' THEN
			v_placed[i.n] := true;
			v_left := v_left - v_hold;
			v_open := v_open + 1;
			v_kinds := v_kinds || 'hold'::text;
			v_orders := v_orders || p_ids[i.n];
			v_debits := v_debits || v_available;
			v_credits := v_credits || v_held;
			v_amounts := v_amounts || v_hold::bigint;
			IF i.key IS NOT NULL THEN
				v_seen := v_seen || i.key;
				v_keyed := v_keyed + 1;
			END IF;
		END IF;
	END LOOP;
	INSERT INTO cpushare.order (id, buyer, name, image, count, cores, memory_mib, max_price_per_core_hour_micro,
		max_price_per_gib_hour_micro, max_price_per_gib_transferred_micro, duration_s, budget_micro, place_hold_micro, held_micro,
		max_hour_micro, not_before, constraints, accel, user_data, mtu, created_at, open_until)
	SELECT x.id, x.buyer, x.name, x.image, x.count, x.cores, x.memory_mib, x.max_core, x.max_memory, x.max_transfer, x.duration_s,
		x.budget, x.place_hold, x.place_hold * x.count, x.max_hour, x.not_before, x.constraints::jsonb,
		coalesce(x.constraints::jsonb ->> 'accel', 'any'), x.user_data, x.mtu, x.now,
		CASE WHEN x.open_s > 0 THEN greatest(x.now, x.not_before) + make_interval(secs => x.open_s) END
	FROM unnest(p_ids, p_buyers, p_names, p_images, p_counts, p_cores, p_memory_mib, p_max_core, p_max_memory, p_max_transfer,
		p_duration_s, p_open_s, p_budgets, p_max_hour, p_not_before, p_constraints, p_user_data, p_place_holds, p_times, p_mtu) WITH ORDINALITY
		AS x (id, buyer, name, image, count, cores, memory_mib, max_core, max_memory, max_transfer, duration_s, open_s, budget,
		max_hour, not_before, constraints, user_data, place_hold, now, mtu, n)
	WHERE v_placed[x.n];
	IF cardinality(v_orders) > 0 THEN
		PERFORM post_many(v_kinds, v_orders, array_fill(NULL::uuid, ARRAY[cardinality(v_orders)]), v_now,
			ARRAY(SELECT generate_series(1, cardinality(v_orders))), v_debits, v_credits, v_amounts);
		PERFORM writer_show(17232, 'event_id_seq');
		INSERT INTO event (account, order_id, kind, data, at)
			SELECT x.buyer, x.id, 'order.created', jsonb_build_object('order', x.id, 'name', x.name, 'state', 'open', 'count', x.count,
				'filled', 0, 'ended', 0, 'charged_micro', 0), v_now
			FROM unnest(p_ids, p_buyers, p_names, p_counts) WITH ORDINALITY AS x (id, buyer, name, count, n) WHERE v_placed[x.n];
		INSERT INTO idempotency_key (account, key, request, status, body)
			SELECT x.buyer, x.key, x.request, 201, x.answer
			FROM unnest(p_buyers, p_keys, p_requests, p_answers) WITH ORDINALITY AS x (buyer, key, request, answer, n)
			WHERE v_placed[x.n] AND x.key IS NOT NULL ORDER BY x.buyer, x.key ON CONFLICT DO NOTHING;
		GET DIAGNOSTICS v_claimed = ROW_COUNT;
		-- Another session used a key between our look and now: nothing of this is done, and the next attempt sees it.
		IF v_claimed <> v_keyed THEN
			RAISE EXCEPTION 'a key was used at the same time' USING ERRCODE = 'serialization_failure';
		END IF;
		-- Placed through a market that does not hold the book: the one that does hears of it.
		IF (SELECT epoch FROM book) <> coalesce(nullif(current_setting('cpushare.epoch', true), ''), '0')::bigint THEN
			PERFORM pg_notify('cpushare_order', id::text) FROM unnest(v_orders) id;
		END IF;
	END IF;
	RETURN QUERY SELECT * FROM unnest(v_outcomes, v_statuses, v_bodies);
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
		ARRAY[p_place_hold], ARRAY[NULL::text], ARRAY[NULL::bytea], ARRAY[NULL::text], ARRAY[p_now], 9223372036854775807, ARRAY[p_mtu]))
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
