-- SPDX-License-Identifier: Apache-2.0
-- disputes.sql - run by disputes.t as the market

SELECT no_plan();
CREATE FUNCTION pg_temp.lease(p_number integer) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM cpushare.lease WHERE order_id = seed.id(50) AND number = p_number $$;
CREATE FUNCTION pg_temp.commission() RETURNS bigint LANGUAGE sql AS $$
	SELECT balance_micro FROM ledger_account WHERE owner IS NULL AND kind = 'commission' $$;

-- Buyer 1, seller 2; three leases that cost 100, 55 and nothing, 10 % of it the market's.
SELECT seed.fund(1, 1000);
SELECT seed.place(50, 1, 3, 100);
SELECT seed.match(50, 102) FROM generate_series(1, 3);
SELECT lease_set_state(id, 'running', 'kvm', '', now()) FROM cpushare.lease WHERE number < 3;
SELECT seed.use(pg_temp.lease(1), 1, 100, 0), seed.use(pg_temp.lease(2), 1, 55, 0);
SELECT is(seed.balance(2), 'available 139, held 0', 'the seller has earned');
SELECT is(pg_temp.commission(), 16::bigint, 'and the market');

-- ---- corrections ----
SELECT seed.refused($$SELECT correct(pg_temp.lease(1), 0, 'why', 'op', now())$$, 'CS006', 'giving back nothing');
SELECT seed.refused($$SELECT correct(pg_temp.lease(1), -1, 'why', 'op', now())$$, 'CS006', 'giving back less than nothing');
SELECT seed.refused($$SELECT correct(pg_temp.lease(1), 101, 'why', 'op', now())$$, 'CS006', 'giving back more than was charged');
SELECT seed.refused($$SELECT correct(pg_temp.lease(1), 5, '', 'op', now())$$, 'CS006', 'giving back for no reason');
SELECT seed.refused($$SELECT correct(pg_temp.lease(1), 5, 'why', '', now())$$, 'CS006', 'giving back by nobody');
SELECT seed.refused($$SELECT correct(pg_temp.lease(3), 1, 'why', 'op', now())$$, 'CS006', 'giving back what was never charged');
SELECT seed.refused($$SELECT correct(seed.id(99), 1, 'why', 'op', now())$$, 'CS001', 'correcting no lease');
SELECT lives_ok($$SELECT correct(pg_temp.lease(1), 15, 'slow disk', 'olga', now())$$, '15 of 100 are given back');
SELECT is(seed.balance(2), 'available 126, held 0', 'of which the seller gives 13');
SELECT is(pg_temp.commission(), 14::bigint, 'and the market 2: 10 % of it, halves up');
SELECT is((SELECT text FROM cpushare.posting WHERE kind = 'correction'), 'olga: slow disk', 'the posting says who and why');
SELECT is((SELECT string_agg(kind, ' ') FROM cpushare.account a CROSS JOIN event_read(a.id, NULL, 0, 1000) WHERE kind = 'lease.corrected'), 'lease.corrected lease.corrected',
	'both sides hear of it');
SELECT lives_ok($$SELECT correct(pg_temp.lease(1), 85, 'all of it', 'olga', now())$$, 'then the rest');
SELECT is((SELECT (refunded_micro, commission_refunded_micro)::text FROM cpushare.lease WHERE number = 1), '(100,10)',
	'all given back, all of the commission is');
SELECT is(pg_temp.commission(), 6::bigint, 'and the market has what it had without this lease');
SELECT seed.refused($$SELECT correct(pg_temp.lease(1), 1, 'why', 'op', now())$$, 'CS006', 'giving back more than all');
SELECT seed.sound('after corrections');

-- ---- disputes ----
SELECT seed.refused($$SELECT dispute_open(pg_temp.lease(2), seed.id(1), 'bad', '', 60, now())$$, 'CS003', 'disputing what still runs');
SELECT lease_finish(id, 'completed', '', now()) FROM cpushare.lease;
SELECT seed.refused($$SELECT dispute_open(pg_temp.lease(2), seed.id(2), 'bad', '', 60, now())$$, 'CS001', 'the seller disputing');
SELECT seed.refused($$SELECT dispute_open(pg_temp.lease(2), seed.id(1), 'bad', '', 60, now() + interval '61 s')$$, 'CS003',
	'disputing too late');
SELECT seed.refused($$SELECT dispute_open(pg_temp.lease(3), seed.id(1), 'bad', '', 60, now())$$, 'CS003', 'disputing what was free');
SELECT seed.refused($$SELECT dispute_open(pg_temp.lease(2), seed.id(1), '', '', 60, now())$$, '23514', 'disputing without a word');
SELECT seed.refused($$SELECT dispute_decide(pg_temp.lease(2), 50, 'why', 'op', now())$$, 'CS003', 'deciding what nobody disputes');
SELECT feedback_give(pg_temp.lease(2), seed.id(1), true, 'fine', now());
SELECT lives_ok($$SELECT dispute_open(pg_temp.lease(2), seed.id(1), 'it did not compute', 'login: ', 60, now())$$, 'a dispute');
SELECT seed.refused($$SELECT dispute_open(pg_temp.lease(2), seed.id(1), 'bad', '', 60, now())$$, '23505', 'disputing twice');
SELECT is((SELECT evidence -> 'usage' ->> 'seq' || ' ' || (evidence ->> 'machine_key') || ' ' || convert_from(console, 'UTF8')
	FROM cpushare.dispute), '1 ' || encode(seed.hash('key2'), 'hex') || ' login: ', 'freezes record, key and console');
SELECT is((SELECT evidence -> 'events' -> 0 ->> 'kind' FROM cpushare.dispute), 'lease.matched', 'and the history');
SELECT seed.refused($$SELECT dispute_decide(pg_temp.lease(2), 101, 'why', 'op', now())$$, 'CS006', 'refunding 101 %');
SELECT seed.refused($$SELECT dispute_decide(pg_temp.lease(2), -1, 'why', 'op', now())$$, 'CS006', 'refunding -1 %');
SELECT seed.refused($$SELECT dispute_decide(pg_temp.lease(2), 50, '', 'op', now())$$, 'CS006', 'deciding for no reason');
SELECT lives_ok($$SELECT dispute_decide(pg_temp.lease(2), 50, 'half', 'olga', now())$$, 'half is given back');
SELECT is((SELECT (state, refund_micro, refund_percent)::text FROM cpushare.dispute), '(upheld,27,50)', 'rounded down');
SELECT is((SELECT good FROM cpushare.feedback), false, 'and the mark is a bad one now');
SELECT seed.refused($$SELECT dispute_decide(pg_temp.lease(2), 100, 'more', 'op', now())$$, 'CS003', 'deciding twice');
SELECT is((SELECT count(*) FROM cpushare.account a CROSS JOIN event_read(a.id, NULL, 0, 1000) WHERE kind IN ('dispute.opened', 'dispute.decided')), 4::bigint, 'both sides hear of both');
SELECT seed.sound('after disputes');

-- The seller has put its money elsewhere: the market covers what it can, and refuses what it cannot.
SELECT image_create(seed.id(2), seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece')), image_piece_add(seed.id(2), seed.hash('image'), 0);
SELECT seed.place(70, 2, 1, (SELECT balance_micro - 10 FROM ledger_account WHERE owner = seed.id(2) AND kind = 'funds'));
SELECT is(seed.balance(2), (SELECT 'available 10, held ' || held_micro FROM ledger_account WHERE owner = seed.id(2)),
	'the seller has 10 left');
SELECT seed.refused($$SELECT correct(pg_temp.lease(2), 28, 'rest', 'olga', now())$$, 'CS004', 'more than seller and market have');
SELECT lives_ok($$SELECT correct(pg_temp.lease(2), 12, 'part', 'olga', now())$$, 'what they have');
SELECT is(seed.balance(2), (SELECT 'available 0, held ' || held_micro FROM ledger_account WHERE owner = seed.id(2)),
	'the seller gave all') ;
SELECT is(pg_temp.commission(), 1::bigint, 'and the market the rest');
SELECT seed.sound('after the market stepped in');
SELECT * FROM finish();
