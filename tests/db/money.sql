-- SPDX-License-Identifier: Apache-2.0
-- money.sql - run by money.t as the market

SELECT no_plan();

CREATE TEMP TABLE id (name text PRIMARY KEY, id uuid);
CREATE FUNCTION pg_temp.lease(p_name text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM pg_temp.id WHERE name = p_name $$;

-- ---- deposits ----
SELECT lives_ok($$SELECT deposit_create(seed.id(11), seed.id(1), 'manual', 'pending', 1000, 30, 970, 'wire it', now())$$, 'a deposit');
SELECT is(seed.balance(1), 'available 0, held 0', 'brings nothing yet');
SELECT lives_ok($$SELECT deposit_credit(seed.id(11), 'wire-11')$$, 'is credited');
SELECT is(seed.balance(1), 'available 970, held 0', 'less the commission');
SELECT is((SELECT string_agg(kind || ' ' || balance_micro, ', ' ORDER BY kind) FROM ledger_account WHERE owner IS NULL),
	'commission 30, external -1000, payout 0', 'which the market has');
SELECT results_eq($$SELECT kind, amount_micro, balance_after FROM signed_entry ORDER BY number, amount_micro$$,
	$$VALUES ('external', -1000::bigint, -1000::bigint), ('funds', 1000, 1000), ('funds', -30, 970), ('commission', 30, 30)$$,
	'in two entries of one posting');
SELECT seed.refused($$SELECT deposit_credit(seed.id(11), 'wire-11')$$, 'CS003', 'once more');
SELECT seed.refused($$SELECT deposit_fail(seed.id(11))$$, 'CS003', 'failing it afterwards');
SELECT seed.refused($$SELECT deposit_credit(seed.id(99), 'x')$$, 'CS001', 'crediting none');
SELECT seed.refused($$SELECT deposit_create(seed.id(12), seed.id(1), 'manual', 'credited', 1, 0, 1, '', now())$$, 'CS006',
	'a deposit that is born credited');
SELECT seed.refused($$SELECT deposit_create(seed.id(12), seed.id(1), 'manual', 'pending', 1000, 30, 1000, '', now())$$, '23514',
	'a deposit whose parts are not the whole');
SELECT seed.refused($$SELECT deposit_create(seed.id(12), seed.id(1), 'manual', 'pending', 0, 0, 0, '', now())$$, '23514',
	'a deposit of nothing');
SELECT seed.refused($$SELECT deposit_create(seed.id(12), seed.id(1), 'manual', 'pending', -5, 0, -5, '', now())$$, '23514',
	'a deposit of less than nothing');
SELECT seed.refused($$SELECT deposit_create(seed.id(12), seed.id(1), 'manual', 'pending', 9007199254740992, 0, 9007199254740992, '',
	now())$$, '23514', 'a deposit above 2^53 - 1');
SELECT deposit_create(seed.id(13), seed.id(3), 'manual', 'pending', 500, 0, 500, '', now());
SELECT seed.refused($$SELECT deposit_credit(seed.id(13), 'wire-11')$$, '23505', 'a payment that was credited to another deposit');
SELECT lives_ok($$SELECT deposit_fail(seed.id(13))$$, 'a deposit fails');
SELECT seed.refused($$SELECT deposit_credit(seed.id(13), 'wire-13')$$, 'CS003', 'crediting a failed one');
SELECT deposit_create(seed.id(14), seed.id(3), 'manual', 'pending', 9007199254740991, 0, 9007199254740991, '', now());
SELECT seed.refused($$SELECT deposit_credit(seed.id(14), 'wire-14')$$, '23514', 'more than all amounts may be together');
SELECT deposit_fail(seed.id(14));

-- ---- orders ----
SELECT seed.refused($$SELECT seed.place(50, 1, 3, 324)$$, 'CS004', 'an order above the balance');
SELECT seed.refused($$SELECT seed.place(50, 1, 256, 9007199254740991)$$, 'CS004', 'an order above every balance');
SELECT seed.refused($$SELECT seed.place(50, 1, 2, 100, 199)$$, 'CS006', 'a budget below the holds');
SELECT seed.refused($$SELECT seed.place(50, 2, 1, 0)$$, 'CS001', 'an order with another''s image');
SELECT seed.refused($$SELECT seed.place(50, 1, 0, 1)$$, '23514', 'an order for nothing');
SELECT seed.refused($$SELECT seed.place(50, 1, 257, 0)$$, '23514', 'an order for too many');
SELECT seed.refused($$SELECT seed.place(50, 1, 2, -1)$$, '23514', 'a hold of less than nothing');
SELECT lives_ok($$SELECT seed.place(50, 1, 3, 100, 400)$$, 'an order');
SELECT is(seed.balance(1), 'available 670, held 300', 'holds for its places');
SELECT seed.refused($$SELECT seed.place(50, 1, 1, 1)$$, '23505', 'its id once more');
SELECT seed.refused($$SELECT order_close(seed.id(50), 'ended', now())$$, 'CS006', 'closing as ended');
SELECT seed.refused($$SELECT order_close(seed.id(51), 'cancelled', now())$$, 'CS001', 'closing none');

SELECT seed.refused($$SELECT order_extend(seed.id(51), 99999, now())$$, 'CS001', 'extending none');
SELECT seed.refused($$SELECT order_extend(seed.id(50), 60, now())$$, 'CS006', 'a shorter time');
SELECT lives_ok($$SELECT order_extend(seed.id(50), 99999, now())$$, 'a longer time');
SELECT is((SELECT duration_s FROM cpushare.order WHERE id = seed.id(50)), 99999::bigint, 'is its time from now on');
SELECT is(seed.balance(1), 'available 670, held 300', 'and holds no more');

-- ---- matches ----
INSERT INTO id VALUES ('a', seed.match(50, 102)), ('b', seed.match(50, 102));
SELECT isnt(pg_temp.lease('a'), NULL, 'a place is filled');
SELECT is(seed.balance(1), 'available 670, held 300', 'its hold stays the buyer''s');
SELECT is((SELECT (held_micro, leases_held_micro, filled)::text FROM cpushare.order WHERE id = seed.id(50)), '(100,200,2)',
	'and goes from the order to the lease');
SELECT is((SELECT array_agg(host(ip) ORDER BY number) FROM lease), ARRAY['10.77.1.2', '10.77.1.3'], 'with addresses of their own');
SELECT is((SELECT count(DISTINCT mac) FROM lease WHERE mac::text LIKE '52:54:00:%'), 2::bigint, 'and cards');
UPDATE machine SET max_duration_s = 100000 WHERE id = seed.id(102);
SELECT seed.refused($$SELECT order_extend(seed.id(50), 100001, now())$$, 'CS003', 'a longer time than a lease''s machine allows');
SELECT lives_ok($$SELECT order_extend(seed.id(50), 100000, now())$$, 'as long as it allows');
SELECT is(seed.match(50, 999), NULL, 'no such machine');
SELECT is(seed.match(999, 102), NULL, 'no such order');
SELECT is(seed.match(50, 102, 2), NULL, 'another shape');
SELECT is((SELECT lease FROM matches_make(ARRAY[seed.id(50)], ARRAY[seed.id(104)], ARRAY[101]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[],
	ARRAY[1]::bigint[], ARRAY[64]::bigint[], ARRAY[0]::bigint[], now())), NULL, 'dearer than the buyer takes');
SELECT is((SELECT lease FROM matches_make(ARRAY[seed.id(50)], ARRAY[seed.id(104)], ARRAY[9]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[],
	ARRAY[1]::bigint[], ARRAY[64]::bigint[], ARRAY[0]::bigint[], now())), NULL, 'cheaper than the seller asks');

-- ---- usage ----
SELECT seed.use(pg_temp.lease('a'), 1, 50, 100);
SELECT is((SELECT charged_micro::bigint FROM lease WHERE id = pg_temp.lease('a')), 0::bigint, 'nothing is charged before it runs');
SELECT lease_set_state(pg_temp.lease('a'), 'running', 'kvm', '', now());
SELECT lease_set_state(pg_temp.lease('b'), 'running', 'kvm', '', now());
SELECT lives_ok($$SELECT seed.use(pg_temp.lease('a'), 2, 54, 100)$$, 'a record');
SELECT is((SELECT (charged_micro, commission_micro, held_micro)::text FROM lease WHERE id = pg_temp.lease('a')), '(54,5,100)',
	'charges what is due, and fills the hold up');
SELECT is(seed.balance(1), 'available 616, held 300', 'the buyer pays');
SELECT is(seed.balance(2), 'available 49, held 0', 'the seller gets it less the commission');
SELECT is((SELECT count(*) FROM entry WHERE posting = (SELECT id FROM posting WHERE kind = 'charge')), 2::bigint, 'in one posting');
SELECT seed.use(pg_temp.lease('a'), 2, 90, 100), seed.use(pg_temp.lease('a'), 1, 90, 100);
SELECT is(seed.balance(1), 'available 616, held 300', 'a repeated or late record changes nothing');
SELECT is((SELECT vcpu_ns FROM lease WHERE id = pg_temp.lease('a')), 2::bigint, 'not even the counters');
SELECT seed.refused($$SELECT lease_use(pg_temp.lease('a'), 3, 1, 9, 9, 9, NULL, NULL, NULL, false, 60, 1000, 100, now())$$, 'CS006',
	'a counter that goes back');
SELECT seed.refused($$SELECT seed.use(seed.id(99), 3, 60, 100)$$, 'CS001', 'usage of no lease');
SELECT seed.use(pg_temp.lease('a'), 3, 500, 100);
SELECT is((SELECT (charged_micro, commission_micro, held_micro)::text FROM lease WHERE id = pg_temp.lease('a')), '(154,15,46)',
	'no more than the hold, and the budget leaves 46 of it');
SELECT is((SELECT budget_micro - charged_micro - held_micro - leases_held_micro FROM cpushare.order WHERE id = seed.id(50)), 0::bigint,
	'all of the budget is spoken for');
SELECT seed.use(pg_temp.lease('a'), 4, 500, 100);
SELECT is((SELECT (charged_micro, commission_micro, held_micro)::text FROM lease WHERE id = pg_temp.lease('a')), '(200,20,0)',
	'the rest stays due until the hold is empty');
SELECT is((SELECT commission_micro::bigint FROM lease WHERE id = pg_temp.lease('a')), 20::bigint, 'ten per cent in all, however it came');
SELECT seed.sound('after usage');

-- ---- marks ----
SELECT seed.refused($$SELECT feedback_give(pg_temp.lease('b'), seed.id(1), true, '', now())$$, 'CS003', 'a mark for what was not paid');
SELECT seed.refused($$SELECT feedback_give(pg_temp.lease('a'), seed.id(3), true, '', now())$$, 'CS001', 'a stranger''s mark');
SELECT lives_ok($$SELECT feedback_give(pg_temp.lease('a'), seed.id(1), false, 'slow', now())$$, 'the buyer''s mark');
SELECT seed.refused($$SELECT feedback_give(pg_temp.lease('a'), seed.id(1), true, '', now())$$, '23505', 'a second one');

-- ---- the end ----
SELECT lives_ok($$SELECT lease_finish(pg_temp.lease('b'), 'withdrawn_by_seller', '', now())$$, 'a lease ends');
SELECT is(seed.balance(1), 'available 670, held 100', 'and gives its hold back');
SELECT seed.refused($$SELECT lease_finish(pg_temp.lease('b'), 'completed', '', now())$$, 'CS003', 'ending it once more');
SELECT seed.refused($$SELECT seed.use(pg_temp.lease('b'), 9, 60, 100)$$, 'CS003', 'charging it afterwards');
SELECT seed.refused($$SELECT lease_set_state(pg_temp.lease('b'), 'running', 'kvm', '', now())$$, 'CS003', 'waking it up');
SELECT seed.refused($$SELECT lease_finish(pg_temp.lease('a'), '', '', now())$$, 'CS006', 'an end without a reason');
SELECT lives_ok($$SELECT order_close(seed.id(50), 'expired', now())$$, 'the order expires');
SELECT is(seed.balance(1), 'available 770, held 0', 'and gives back what it held for its last place');
SELECT is(seed.match(50, 104), NULL, 'it takes no match any more');
SELECT seed.refused($$SELECT order_close(seed.id(50), 'cancelled', now())$$, 'CS003', 'closing it once more');
SELECT seed.refused($$SELECT order_extend(seed.id(50), 199999, now())$$, 'CS003', 'extending it then');
SELECT is((SELECT ended_at FROM cpushare.order WHERE id = seed.id(50)), NULL, 'a lease of it lives');
SELECT lease_finish(pg_temp.lease('a'), 'funds_exhausted', '', now());
SELECT is((SELECT (state, ended_at IS NOT NULL, held_micro + leases_held_micro)::text FROM cpushare.order WHERE id = seed.id(50)),
	'(expired,t,0)', 'with the last lease it is over');

-- ---- a machine's last core ----
SELECT seed.place(60, 1, 9, 1);
SELECT is((SELECT count(seed.match(60, 104)) FROM generate_series(1, 9)), 4::bigint, 'a machine of four cores takes four');
SELECT lives_ok($$SELECT order_close(seed.id(60), 'cancelled', now())$$, 'cancelled');
SELECT lease_finish(id, 'cancelled_by_buyer', '', now()) FROM lease WHERE order_id = seed.id(60) ORDER BY number LIMIT 3;
SELECT is((SELECT ended_at FROM cpushare.order WHERE id = seed.id(60)), NULL, 'three of four leases ended');
SELECT lease_finish(id, 'cancelled_by_buyer', '', now()) FROM lease WHERE order_id = seed.id(60) AND state <> 'ended';
SELECT isnt((SELECT ended_at FROM cpushare.order WHERE id = seed.id(60)), NULL, 'all four');
SELECT is(seed.balance(1), 'available 770, held 0', 'nothing is held for nothing');
SELECT is((SELECT sum(amount_micro) FROM signed_entry), 0::numeric, 'all entries are zero together');
SELECT is((SELECT count(*) FROM (SELECT posting FROM signed_entry GROUP BY posting HAVING sum(amount_micro) <> 0) x), 0::bigint,
	'and each posting by itself');
SELECT seed.sound('at the end');
SELECT * FROM finish();
