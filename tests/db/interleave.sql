-- SPDX-License-Identifier: Apache-2.0
-- interleave.sql - what the sessions of interleave.c do, and what must hold after each of their steps
--
-- Needs seed.sql. Whom an operation is about is drawn by its number among those that are there.

INSERT INTO account (id, email, name, password_hash) VALUES (seed.id(9), 'clients@example.org', 'clients', 'x');
-- Who buys may sell as well, to himself, too.
INSERT INTO machine (id, account, name, public_key, state, accepting, accel, cores, memory_mib, price_per_core_hour_micro)
	SELECT seed.id(n + 100), seed.id(n), 'machine' || n, seed.hash('key' || n), 'online', true, 'kvm', 4, 4096, 10 FROM unnest(ARRAY[1, 3]) n;
-- A row for each transaction, written beside its effects: there when they are.
CREATE TABLE seed.witness (key text PRIMARY KEY);
-- What the clients know: acknowledged, or certainly not done.
CREATE TABLE seed.known (key text PRIMARY KEY, done boolean NOT NULL);
GRANT SELECT, INSERT ON seed.witness TO cpushare_market;

CREATE FUNCTION seed.some_account(r bigint) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM account WHERE deleted_at IS NULL AND id <> seed.id(9)
		ORDER BY (name = 'new') = (r % 5 = 0) DESC, md5(id::text || r) LIMIT 1
$$;
CREATE FUNCTION seed.some_buyer(r bigint) RETURNS uuid LANGUAGE sql AS $$
	SELECT account FROM image ORDER BY md5(account::text || r) LIMIT 1
$$;
-- Those that live, mostly.
CREATE FUNCTION seed.some_lease(r bigint, p_live boolean) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM lease ORDER BY ((state <> 'ended') = p_live) = (r % 10 < 9) DESC, md5(id::text || r) LIMIT 1
$$;
CREATE FUNCTION seed.some_payout(r bigint) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM payout ORDER BY (state IN ('created', 'sent')) DESC, md5(id::text || r) LIMIT 1
$$;
-- What the counters cost: the driver's price.
CREATE FUNCTION seed.due(p_vcpu_ns bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 3 * p_vcpu_ns $$;

-- Those of one VM are filled as they are placed, where a machine has room for it.
CREATE FUNCTION seed.op_place(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	SELECT array_agg(gen_random_uuid()) AS id, array_agg(seed.some_buyer(r / n)) AS buyer, array_agg(''::text) AS name,
		array_agg(seed.hash('image')) AS image, array_agg(1 + (r + n) % 3) AS count, array_agg(1::bigint) AS cores,
		array_agg(64::bigint) AS memory, array_agg(100::bigint) AS price, array_agg(3600::bigint) AS hour,
		array_agg(CASE WHEN r % 3 = 0 THEN 1 + r % 900 ELSE 0 END) AS budget, array_agg(0::bigint) AS zero,
		array_agg(NULL::timestamptz) AS never, array_agg('{}'::text) AS none, array_agg(NULL::text) AS data,
		array_agg(r % 200) AS hold, array_agg(CASE WHEN r % 2 = 0 THEN 'order-key-' || r % 50 END) AS key,
		array_agg(seed.hash((r % 3)::text)) AS request, array_agg(now()) AS now,
		array_agg(1400::bigint) AS mtu, array_agg(NULL::uuid) AS token, array_agg(NULL::bigint) AS open,
		array_agg(CASE WHEN (r + n) % 3 = 0 THEN gen_random_uuid() END) AS lease, array_agg('52:54:00:00:00:00'::macaddr) AS mac,
		array_agg(CASE WHEN (r + n) % 3 = 0 THEN (SELECT id FROM machine ORDER BY md5(id::text || r || n) LIMIT 1) END) AS machine,
		array_agg(10::bigint) AS core INTO c FROM generate_series(1, 1 + r % 2) n;
	PERFORM orders_place(c.id, c.buyer, c.name, c.image, c.count, c.cores, c.memory, c.price, c.price, c.price, c.hour, c.hour, c.budget,
		c.zero, c.never, c.none, c.data, c.hold, c.key, c.request, c.now, 1000, c.mtu, c.token, c.open, c.lease, c.mac, c.machine, c.core, c.zero, c.zero);
END $$;

CREATE FUNCTION seed.op_match(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT matches_make(array_agg(o.id), array_agg(m.id), array_agg(10::bigint), array_agg(0::bigint), array_agg(0::bigint),
		array_agg(1::bigint), array_agg(64::bigint), array_agg(CASE r % 3 WHEN 0 THEN 1 ELSE 0 END::bigint), now())
	FROM (SELECT id FROM cpushare.order WHERE state = 'open' ORDER BY md5(id::text || r) LIMIT 1 + r % 4) o,
		(SELECT id FROM machine ORDER BY md5(id::text || r) LIMIT 1 + r % 2) m HAVING count(*) > 0
$$;

-- Records of up to six leases: mostly the next one, also late, repeated, going back.
CREATE FUNCTION seed.op_use(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	SELECT array_agg(id) AS id, array_agg(usage_seq + CASE r % 8 WHEN 0 THEN 0 ELSE 1 + r % 2 END) AS seq,
		array_agg(greatest(vcpu_ns + grown, 0)) AS up, array_agg(NULL::bytea) AS none, array_agg(seed.hash(r::text)) AS hash,
		array_agg(false) AS cut, array_agg(seed.due(greatest(vcpu_ns + grown, 0))) AS total, array_agg(r % 300) AS target INTO c
	FROM (SELECT l.id, l.usage_seq, l.vcpu_ns, CASE r % 11 WHEN 0 THEN -1 ELSE r % 40 END AS grown
		FROM lease l WHERE l.state <> 'ended' OR r % 20 = 0 ORDER BY md5(l.id::text || r) LIMIT 1 + r % 6) x;
	IF c.id IS NOT NULL THEN
		PERFORM leases_use(c.id, c.seq, c.up, c.up, c.up, c.up, c.none, c.none, c.hash, c.cut, c.total, c.target, 730, now());
	END IF;
END $$;

CREATE FUNCTION seed.op_deposit(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_id uuid := gen_random_uuid();
	v_amount bigint := 1 + r % 3000;
BEGIN
	PERFORM deposit_create(v_id, seed.some_account(r), 'manual', 'pending', v_amount, v_amount / 50, v_amount - v_amount / 50, '', now());
	IF r % 9 = 0 THEN
		PERFORM deposit_fail(v_id);
	ELSE
		PERFORM deposit_credit(v_id, v_id::text);
	END IF;
END $$;

CREATE FUNCTION seed.op_checkout(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT deposit_create(gen_random_uuid(), seed.some_account(r), 'paypal', 'created', 1 + r % 2000, r % 2, 1 + r % 2000 - r % 2, '', now())
		WHERE r % 2000 > 0
$$;

-- A payment is named for its deposit; a second one comes too.
CREATE FUNCTION seed.op_paid(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT deposit_started(d.id, 'c', ''), deposit_paid(d.id, 'paypal', 'pay-' || d.id || CASE WHEN r % 9 = 0 THEN '-2' ELSE '' END,
		d.amount_micro + (r % 7 = 0)::integer, '')
	FROM (SELECT * FROM deposit WHERE provider = 'paypal' ORDER BY (state IN ('created', 'pending')) = (r % 5 > 0) DESC, md5(id::text || r) LIMIT 1) d
$$;

-- Also what is not paid yet.
CREATE FUNCTION seed.op_reverse(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT deposit_reverse('paypal', 'pay-' || d.id, 'ref-' || r % 3 || d.id, 1 + r % d.amount_micro)
	FROM (SELECT * FROM deposit WHERE provider = 'paypal' ORDER BY md5(id::text || r) LIMIT 1) d
$$;

CREATE FUNCTION seed.op_payout(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT payout_create(gen_random_uuid(), seed.some_account(r), 'paypal', 'x', 2 + r % 400, 1, 1 + r % 400, r % 2 = 0, true, now())
$$;
CREATE FUNCTION seed.op_payout_news(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_id uuid := seed.some_payout(r);
BEGIN
	CASE r % 4
	WHEN 0 THEN PERFORM payout_approve(v_id, NULL, true, now());
	WHEN 1 THEN PERFORM payout_sent(v_id, 'batch', now());
	WHEN 2 THEN PERFORM payout_paid(v_id, now());
	ELSE PERFORM payout_fail(v_id, 'no', now());
	END CASE;
END $$;

CREATE FUNCTION seed.op_newcomer(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_id uuid := gen_random_uuid();
BEGIN
	INSERT INTO account (id, email, name, password_hash) VALUES (v_id, v_id || '@example.org', 'new', 'x');
	PERFORM image_create(v_id, seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece'));
	PERFORM image_piece_add(v_id, seed.hash('image'), 0);
END $$;
CREATE FUNCTION seed.op_leave(r bigint) RETURNS text LANGUAGE sql AS $$
	SELECT account_delete(id, r % 1000, now()) FROM
		(SELECT id FROM account WHERE name = 'new' AND deleted_at IS NULL ORDER BY md5(id::text || r) LIMIT 1) a
$$;

CREATE FUNCTION seed.op_image(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_account uuid := (SELECT id FROM account WHERE name = 'new' AND deleted_at IS NULL ORDER BY md5(id::text || r) LIMIT 1);
BEGIN
	IF r % 2 = 0 THEN
		PERFORM image_delete(v_account, seed.hash('image'));
	ELSE
		PERFORM image_create(v_account, seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece'));
		PERFORM image_piece_add(v_account, seed.hash('image'), 0);
	END IF;
END $$;
-- The market's own buyers, who order as others do and whose money is the commission's.
CREATE FUNCTION seed.op_calibrate(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_buyer uuid := (SELECT account FROM calibration_buyer ORDER BY md5(account::text || r) LIMIT 1);
BEGIN
	IF v_buyer IS NULL OR r % 20 = 0 THEN
		v_buyer := gen_random_uuid();
		PERFORM calibration_buyer_make(v_buyer, 'market');
		PERFORM image_create(v_buyer, seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece'));
		PERFORM image_piece_add(v_buyer, seed.hash('image'), 0);
	ELSIF r % 3 = 0 THEN
		PERFORM calibration_fund(1 + r % 900, 'dice', now());
	ELSIF r % 3 = 1 THEN
		PERFORM calibration_pay(v_buyer, 1 + r % 300, now());
	ELSE
		PERFORM calibration_return(v_buyer, now());
	END IF;
END $$;

CREATE FUNCTION seed.op_extend(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT order_extend((SELECT id FROM cpushare.order ORDER BY ended_at IS NULL DESC, md5(id::text || r) LIMIT 1), 3600 + r % 9000, now())
$$;
CREATE FUNCTION seed.op_reset(r bigint) RETURNS void LANGUAGE sql AS $$ SELECT lease_reset(seed.some_lease(r, true), now()) $$;
-- One record by itself, as at a lease's end.
CREATE FUNCTION seed.op_use_one(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT lease_use(l.id, l.usage_seq + 1, l.vcpu_ns + r % 60, l.running_us, l.tx_bytes, l.rx_bytes, NULL, NULL, seed.hash(r::text), false,
		seed.due(l.vcpu_ns + r % 60), 730, r % 300, now()) FROM lease l WHERE l.id = seed.some_lease(r, true)
$$;
-- What was heard of some leases, part of a tick that may be the last whole one.
CREATE FUNCTION seed.op_tick(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT usage_tick_add(r, r - r % 3, array_agg(id), array_agg(usage_seq + 1), array_agg(vcpu_ns + r % 9), array_agg(running_us), array_agg(tx_bytes),
		array_agg(rx_bytes), array_agg(seed.due(vcpu_ns + r % 9)), array_agg(false), decode(repeat('00', 64 * count(*)::integer), 'hex'), now())
	FROM (SELECT * FROM lease WHERE state <> 'ended' ORDER BY md5(id::text || r) LIMIT 3) l HAVING count(*) > 0
$$;
CREATE FUNCTION seed.op_lost(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT deposit_lost(id, 'paypal', 'nobody knows it') FROM deposit WHERE provider = 'paypal' ORDER BY md5(id::text || r) LIMIT 1
$$;

CREATE FUNCTION seed.op_state(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT lease_set_state(seed.some_lease(r, true), (ARRAY['running', 'running', 'paused', 'preparing'])[1 + r % 4], 'any', '', now())
$$;
CREATE FUNCTION seed.op_desire(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT lease_desire(seed.some_lease(r, true), (ARRAY['paused', 'running', 'ended'])[1 + r % 3],
		CASE r % 3 WHEN 2 THEN 'cancelled_by_buyer' ELSE '' END, now())
$$;
CREATE FUNCTION seed.op_finish(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT lease_finish(seed.some_lease(r, true), (ARRAY['completed', 'lost_contact', 'cancelled_by_buyer'])[1 + r % 3], '', now())
$$;
CREATE FUNCTION seed.op_close(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT order_close((SELECT id FROM cpushare.order ORDER BY ended_at IS NULL DESC, md5(id::text || r) LIMIT 1),
		CASE r % 2 WHEN 0 THEN 'cancelled' ELSE 'expired' END, now())
$$;
-- An order and all of its leases at once, as its buyer cancels it; all leases of a machine, as its owner retires it, which are settled first.
CREATE FUNCTION seed.op_cancel(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_order uuid := (SELECT id FROM cpushare.order WHERE state IN ('open', 'filled') ORDER BY md5(id::text || r) LIMIT 1);
BEGIN
	PERFORM leases_lock(v_order, NULL), order_close(v_order, 'cancelled', now());
	PERFORM lease_finish(id, 'cancelled_by_buyer', '', now()) FROM lease WHERE order_id = v_order AND state = 'matched';
END $$;
CREATE FUNCTION seed.op_retire(r bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_machine uuid := (SELECT id FROM machine ORDER BY md5(id::text || r) LIMIT 1);
	l lease;
BEGIN
	PERFORM leases_lock(NULL, v_machine);
	FOR l IN SELECT * FROM lease WHERE machine_id = v_machine AND state <> 'ended' ORDER BY md5(id::text || r) LOOP
		PERFORM lease_use(l.id, l.usage_seq + 1, l.vcpu_ns + r % 60, l.running_us, l.tx_bytes, l.rx_bytes, NULL, NULL, seed.hash(r::text), false,
			seed.due(l.vcpu_ns + r % 60), 730, r % 300, now());
		PERFORM lease_finish(l.id, 'withdrawn_by_seller', '', now());
	END LOOP;
END $$;
CREATE FUNCTION seed.op_mark(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT feedback_give(l.id, CASE r % 2 WHEN 0 THEN l.buyer ELSE l.seller END, r % 3 > 0, '', now())
	FROM lease l WHERE l.id = seed.some_lease(r, false)
$$;
CREATE FUNCTION seed.op_correct(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT correct(seed.some_lease(r, r % 2 = 0), 1 + r % 30, 'drawn', 'dice', now())
$$;
CREATE FUNCTION seed.op_dispute(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT dispute_open(l.id, l.buyer, 'slow', '', 3600, now()) FROM lease l WHERE l.id = seed.some_lease(r, false)
$$;
CREATE FUNCTION seed.op_decide(r bigint) RETURNS void LANGUAGE sql AS $$
	SELECT dispute_decide((SELECT lease FROM dispute ORDER BY state = 'open' DESC, md5(lease::text || r) LIMIT 1), r % 101, 'so', 'dice', now())
$$;
CREATE FUNCTION seed.op_debts(r bigint) RETURNS void LANGUAGE sql AS $$ SELECT debts_collect() $$;
CREATE FUNCTION seed.op_chain(r bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT ledger_chain(1 + r % 30) $$;
CREATE FUNCTION seed.op_fold(r bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT history_fold(1 + r % 30) $$;
CREATE FUNCTION seed.op_recompute(r bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT reputation_recompute() $$;
-- Another market takes the book; sessions that have the old epoch are refused, and ask for the new one.
CREATE FUNCTION seed.op_claim(r bigint) RETURNS void LANGUAGE sql AS $$ SELECT book_claim(gen_random_uuid(), 0) $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA seed TO cpushare_market;

-- What is wrong now, in words; nothing of it may ever be seen. p_all: the chain and the reputation too, which take longer.
CREATE FUNCTION seed.wrong(p_all boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN concat_ws('; ',
	(SELECT 'ledger ' || row_to_json(v) FROM ledger_verify() v
		WHERE (sum_micro, unbalanced, negative, holds_difference_micro, orders_difference) <> (0, 0, 0, 0, 0)),
	(SELECT 'payouts ' || row_to_json(v) FROM payouts_verify() v WHERE payouts_difference_micro <> 0),
	(SELECT 'paid in and out ' || x FROM (SELECT (SELECT balance_micro FROM ledger_account WHERE kind = 'external')
		+ (SELECT coalesce(sum(amount_micro - reversed_micro), 0) FROM deposit WHERE state IN ('credited', 'reversed'))
		- (SELECT coalesce(sum(send_micro), 0) FROM payout WHERE state = 'paid')
		+ (SELECT coalesce(sum(e.amount_micro), 0) FROM posting p JOIN entry e ON e.posting = p.id JOIN ledger_account a ON a.id = e.debit
			WHERE p.kind = 'calibration' AND a.kind = 'external') AS x) y WHERE x <> 0),
	(SELECT 'capacity of ' || m.name FROM machine m LEFT JOIN lease l ON l.machine_id = m.id AND l.state <> 'ended'
		GROUP BY m.id HAVING sum(l.cores) > m.cores OR sum(l.memory_mib) > m.memory_mib OR coalesce(sum(l.cores), 0) <> m.cores_leased
		OR coalesce(sum(l.memory_mib), 0) <> m.memory_leased_mib LIMIT 1),
	(SELECT 'places of order ' || o.id FROM cpushare.order o
		WHERE o.filled <> (SELECT count(*) FROM lease WHERE order_id = o.id) LIMIT 1),
	(SELECT 'settlement ' || row_to_json(l) FROM lease l WHERE charged_micro > seed.due(vcpu_ns)
		OR commission_micro <> floor((charged_micro::numeric * 730 + 5000) / 10000) OR refunded_micro > charged_micro
		OR commission_refunded_micro > commission_micro LIMIT 1),
	(SELECT 'reversal of ' || d.id FROM deposit d WHERE state IN ('credited', 'reversed') AND reversed_micro <> least(amount_micro,
		(SELECT coalesce(sum(amount_micro), 0) FROM reversal r WHERE r.provider = d.provider AND r.payment = d.reference)) LIMIT 1),
	(SELECT 'deposit ' || d.id || ' has not its one posting' FROM deposit d WHERE (state IN ('credited', 'reversed'))::integer <>
		(SELECT count(*) FROM posting p WHERE p.deposit_id = d.id AND p.kind = 'deposit') LIMIT 1),
	(SELECT 'who is gone has something open: ' || a.id FROM account a WHERE a.deleted_at IS NOT NULL AND (
		EXISTS (SELECT 1 FROM cpushare.order WHERE buyer = a.id AND ended_at IS NULL)
		OR EXISTS (SELECT 1 FROM ledger_account WHERE owner = a.id AND (kind <> 'funds' AND balance_micro <> 0 OR held_micro <> 0))
		OR EXISTS (SELECT 1 FROM payout WHERE account = a.id AND state IN ('created', 'sent'))
		OR EXISTS (SELECT 1 FROM deposit WHERE account = a.id AND state IN ('created', 'pending'))) LIMIT 1),
	(SELECT 'acknowledged and lost: ' || key FROM seed.known WHERE done AND key NOT IN (SELECT key FROM seed.witness) LIMIT 1),
	(SELECT 'refused and done: ' || key FROM seed.known WHERE NOT done AND key IN (SELECT key FROM seed.witness) LIMIT 1),
	(SELECT 'done by half: ' || key FROM (SELECT key FROM idempotency_key WHERE account = seed.id(9) AND status = 201) k
		FULL JOIN seed.witness w USING (key) WHERE k IS NULL OR w IS NULL LIMIT 1),
	CASE WHEN p_all THEN (SELECT 'chain ' || row_to_json(f) FROM ledger_chain_faults(1) f) END,
	(SELECT 'reputation ' || row_to_json(e) FROM (
		SELECT about, side, counterpart, period, coalesce(sum(amount_micro) FILTER (WHERE good), 0) AS good_micro,
			coalesce(sum(amount_micro) FILTER (WHERE NOT good), 0) AS bad_micro
		FROM reputation_evidence WHERE p_all GROUP BY about, side, counterpart, period) e
		LEFT JOIN reputation r USING (about, side, counterpart, period)
		WHERE (coalesce(r.good_micro, 0), coalesce(r.bad_micro, 0)) <> (e.good_micro, e.bad_micro) LIMIT 1));
END $$;

-- The end: whoever can pay pays, each lease that runs is asked for once more, then everything is closed.
CREATE FUNCTION seed.finish() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	l record;
	v_wrong text;
BEGIN
	PERFORM set_config('cpushare.epoch', (SELECT epoch::text FROM book), true);
	FOR l IN SELECT * FROM lease WHERE state <> 'ended' AND started_at IS NOT NULL
		AND (SELECT budget_micro FROM cpushare.order WHERE id = order_id) = 0 LOOP
		PERFORM deposit_create(l.id, l.buyer, 'manual', 'pending', 1000000, 0, 1000000, '', now()), deposit_credit(l.id, l.id::text);
		FOR i IN 1 .. 2 LOOP -- the first fills the hold, the second is paid out of it
			PERFORM lease_use(l.id, l.usage_seq + i, l.vcpu_ns, l.running_us, l.tx_bytes, l.rx_bytes, NULL, NULL, seed.hash(''), false,
				seed.due(l.vcpu_ns), 730, seed.due(l.vcpu_ns), now());
		END LOOP;
	END LOOP;
	SELECT 'charged ' || x.charged_micro || ' of ' || seed.due(x.vcpu_ns) INTO v_wrong FROM lease x JOIN cpushare.order o ON o.id = x.order_id
		WHERE x.state <> 'ended' AND x.started_at IS NOT NULL AND o.budget_micro = 0 AND x.charged_micro <> seed.due(x.vcpu_ns) LIMIT 1;
	PERFORM lease_finish(id, 'market_fault', '', now()) FROM lease WHERE state <> 'ended';
	PERFORM order_close(id, 'cancelled', now()) FROM cpushare.order WHERE state IN ('open', 'filled');
	RETURN concat_ws('; ', v_wrong, (SELECT 'still held' FROM ledger_account HAVING sum(held_micro) <> 0),
		(SELECT 'not over: ' || id FROM cpushare.order WHERE ended_at IS NULL LIMIT 1));
END $$;
