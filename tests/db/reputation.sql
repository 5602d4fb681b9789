-- SPDX-License-Identifier: Apache-2.0
-- reputation.sql - run by reputation.t as the market

SELECT no_plan();
-- A lease of an order of its own that is charged p_total of seller 2 or 4 and ends for p_reason at p_at.
CREATE FUNCTION pg_temp.rent(p_order integer, p_buyer integer, p_seller integer, p_total bigint, p_reason text DEFAULT 'completed',
	p_at timestamptz DEFAULT '2026-01-15') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	v_lease uuid;
BEGIN
	PERFORM seed.place(p_order, p_buyer, 1, greatest(p_total, 1));
	v_lease := seed.match(p_order, 100 + p_seller);
	IF p_total > 0 THEN
		PERFORM lease_set_state(v_lease, 'running', 'kvm', '', now());
		PERFORM seed.use(v_lease, 1, p_total, 0);
	END IF;
	PERFORM lease_finish(v_lease, p_reason, '', p_at);
	RETURN v_lease;
END $$;
CREATE FUNCTION pg_temp.marks(p_about integer, p_side text, p_at timestamptz DEFAULT '2026-01-15') RETURNS text LANGUAGE sql AS $$
	SELECT good || ' ' || bad FROM reputation_marks(seed.id(p_about), p_side, p_at) $$;
CREATE FUNCTION pg_temp.failures(p_machine integer) RETURNS integer LANGUAGE sql AS $$
	SELECT failures FROM cpushare.machine WHERE id = seed.id(p_machine) $$;
SELECT image_create(seed.id(2), seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece')),
	image_piece_add(seed.id(2), seed.hash('image'), 0);
SELECT seed.fund(n, 100000000) FROM unnest(ARRAY[1, 2, 3]) n;

-- ---- what counts ----
SELECT is(pg_temp.marks(2, 'seller'), '0 0', 'nothing is known at first');
SELECT pg_temp.rent(50, 1, 2, 0);
SELECT is(pg_temp.marks(2, 'seller'), '0 0', 'a lease that cost nothing says nothing');
SELECT pg_temp.rent(51, 1, 2, 250000);
SELECT is(pg_temp.marks(2, 'seller'), '500 0', 'a quarter of the currency is half a mark');
SELECT is(pg_temp.marks(1, 'buyer'), '500 0', 'for the buyer as well');
SELECT is(pg_temp.marks(2, 'buyer'), '0 0', 'each on its own side');
SELECT pg_temp.rent(52, 1, 2, 750000);
SELECT is(pg_temp.marks(2, 'seller'), '1000 0', 'two leases weigh what one of both would');
SELECT pg_temp.rent(53, 1, 2, 1000000, 'lost_contact');
SELECT is(pg_temp.marks(2, 'seller'), '707 707', 'one that failed is bad for the seller');
SELECT is(pg_temp.marks(1, 'buyer'), '1414 0', 'and not for the buyer');
SELECT pg_temp.rent(54, 1, 2, 2000000, 'boot_failed');
SELECT is(pg_temp.marks(2, 'seller'), '500 1500', 'shared as the money is');
SELECT pg_temp.rent(55, 2, 2, 4000000);
SELECT is(pg_temp.marks(2, 'buyer'), '0 0', 'who rents of himself says nothing');
SELECT feedback_give(l.id, seed.id(1), true, '', now()) FROM cpushare.lease l WHERE order_id = seed.id(54);
SELECT is(pg_temp.marks(2, 'seller'), '1500 500', 'a mark counts more than how it ended');
SELECT feedback_give(l.id, seed.id(2), false, '', now()) FROM cpushare.lease l WHERE order_id = seed.id(51);
SELECT is(pg_temp.marks(1, 'buyer'), '1875 125', 'the buyer is marked too');
SELECT dispute_open(l.id, seed.id(1), 'bad', '', 1000000000, now()) FROM cpushare.lease l WHERE order_id = seed.id(54);
SELECT dispute_decide(l.id, 10, 'why', 'op', now()) FROM cpushare.lease l WHERE order_id = seed.id(54);
SELECT is(pg_temp.marks(2, 'seller'), '500 1500', 'an upheld dispute turns the mark');
SELECT dispute_open(l.id, seed.id(1), 'bad', '', 1000000000, now()) FROM cpushare.lease l WHERE order_id = seed.id(52);
SELECT dispute_decide(l.id, 10, 'why', 'op', now()) FROM cpushare.lease l WHERE order_id = seed.id(52);
SELECT is(pg_temp.marks(2, 'seller'), '125 1875', 'or is one');

-- ---- a mark before the end counts at the end ----
SELECT seed.place(60, 3, 1, 1000000);
SELECT lease_set_state(seed.match(60, 104), 'running', 'kvm', '', now());
SELECT seed.use(id, 1, 1000000, 0) FROM cpushare.lease WHERE order_id = seed.id(60);
SELECT feedback_give(l.id, seed.id(3), false, '', now()) FROM cpushare.lease l WHERE order_id = seed.id(60);
SELECT is(pg_temp.marks(4, 'seller'), '0 0', 'a lease that runs says nothing yet');
SELECT lease_finish(l.id, 'completed', '', '2026-01-15') FROM cpushare.lease l WHERE order_id = seed.id(60);
SELECT is(pg_temp.marks(4, 'seller'), '0 1000', 'at its end the mark counts');

-- ---- counterparts ----
SELECT pg_temp.rent(61, 1, 4, 9000000);
SELECT is(pg_temp.marks(4, 'seller'), '3000 1000', 'nine of the currency make three marks');
SELECT pg_temp.rent(62, 1, 4, 40000000);
SELECT is(pg_temp.marks(4, 'seller'), '3000 1000', 'and no more, whatever a friend spends');
SELECT pg_temp.rent(63, 3, 4, 3000000);
SELECT is(pg_temp.marks(4, 'seller'), '4500 500', 'another buyer adds his own');

-- ---- age ----
SELECT is(pg_temp.marks(4, 'seller', '2026-01-15'::timestamptz - interval '300 days'), '4500 500', 'what is not old yet counts whole');
SELECT is(pg_temp.marks(4, 'seller', '2026-01-15'::timestamptz + interval '90 days'), '4060 354', 'money halves in three periods');
SELECT is(pg_temp.marks(4, 'seller', '2026-01-15'::timestamptz + interval '30 days'), '4335 446', '2^(-1/3) in one');
SELECT is(pg_temp.marks(4, 'seller', '2026-01-15'::timestamptz + interval '690 days'), '596 35', 'there is a little left after 23');
SELECT is(pg_temp.marks(4, 'seller', '2026-01-15'::timestamptz + interval '720 days'), '0 0', 'and nothing after 24');
SELECT pg_temp.rent(64, 3, 4, 1000000, 'completed', '2026-01-15'::timestamptz + interval '720 days');
SELECT is(pg_temp.marks(4, 'seller', '2026-01-15'::timestamptz + interval '720 days'), '1000 0', 'then it begins anew');

-- ---- the same from the whole history ----
CREATE FUNCTION pg_temp.sums() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(r::text, ';' ORDER BY about, side, counterpart, period)) FROM cpushare.reputation r $$;
SELECT pg_temp.sums() AS before \gset
SELECT is(reputation_recompute(), 0::bigint, 'nothing is to be mended');
SELECT is(pg_temp.sums(), :'before', 'and nothing changed');
SELECT seed.tamper();
SELECT is(reputation_recompute(), 4::bigint, 'what was written by hand is found');
SELECT is(pg_temp.sums(), :'before', 'and mended');
SELECT throws_ok('UPDATE reputation SET good_micro = 0', '42501', NULL, 'the market cannot write it');

-- ---- withdrawn by the seller ----
-- A lease that is withdrawn in 2040, of whose earliest time without blame the buyer was told; null: he was not.
CREATE FUNCTION pg_temp.withdraw(p_order integer, p_from timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_lease uuid;
BEGIN
	PERFORM seed.place(p_order, 1, 1, 1000000);
	v_lease := seed.match(p_order, 104);
	PERFORM lease_set_state(v_lease, 'running', 'kvm', '', now());
	PERFORM seed.use(v_lease, 1, 1000000, 0);
	PERFORM lease_announce(v_lease, p_from);
	PERFORM lease_finish(v_lease, 'withdrawn_by_seller', '', '2040-01-15');
	RETURN pg_temp.marks(4, 'seller', '2040-01-15');
END $$;
SELECT is(pg_temp.withdraw(67, NULL), '0 1000', 'one that the seller withdraws is bad');
SELECT is(pg_temp.withdraw(68, '2040-01-15 00:01'), '0 1414', 'also before the notice is over');
SELECT is(pg_temp.withdraw(69, '2040-01-15'), '577 1155', 'then it is none of his doing');
SELECT is(reputation_recompute(), 0::bigint, 'which the whole history says, too');

-- ---- machines on trial ----
CREATE FUNCTION pg_temp.try(p_order integer, p_buyer integer, p_total bigint, p_reason text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_lease uuid;
BEGIN
	PERFORM seed.place(p_order, p_buyer, 1, 100);
	v_lease := seed.match(p_order, 104);
	PERFORM lease_set_state(v_lease, 'running', 'kvm', '', now());
	PERFORM seed.use(v_lease, 1, p_total, 0);
	PERFORM lease_finish(v_lease, p_reason, '', now());
	RETURN pg_temp.failures(104);
END $$;
SELECT is(pg_temp.failures(104), 0, 'a machine that never failed is not on trial');
SELECT is(pg_temp.try(70, 1, 10, 'image_failed'), 0, 'nor is one that was given a bad image');
SELECT is(pg_temp.try(71, 1, 0, 'boot_failed'), 1, 'a failure counts');
SELECT is(pg_temp.try(72, 1, 0, 'lost_contact'), 1, 'a further one of the same buyer does not');
SELECT is(pg_temp.try(73, 3, 0, 'lost_contact'), 2, 'one of another buyer does');
SELECT is(pg_temp.try(74, 2, 0, 'attestation_failed'), 3, 'and so on');
SELECT seed.place(75, 1, 2, 100);
SELECT is(seed.match(75, 104) IS NULL, false, 'it gets one lease');
SELECT is(seed.match(75, 104), NULL, 'and no second beside it');
SELECT lease_finish(id, 'completed', '', now()) FROM cpushare.lease WHERE order_id = seed.id(75);
SELECT is(pg_temp.failures(104), 3, 'one that was not paid shows nothing');
SELECT is(pg_temp.try(76, 1, 10, 'market_fault'), 3, 'nor one that the market broke');
SELECT is(pg_temp.try(77, 1, 10, 'cancelled_by_buyer'), 1, 'a paid one that ended well halves the failures');
SELECT is(pg_temp.try(78, 1, 10, 'completed'), 0, 'until there are none');
SELECT is((SELECT count(seed.match(75, 104)) FROM generate_series(1, 1)), 1::bigint, 'then it is as before');
SELECT * FROM finish();
