#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# settling.t - leases that are settled together: one posting for those of one order and seller, each lease's part of it named and audited
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000)' -c 'SELECT seed.place(50, 1, 3, 100)' >/dev/null || bail "no seed"
for i in 1 2 3; do
	lease[i]=$(as_market -c 'SELECT seed.match(50, 102)') && as_market -c "SELECT lease_set_state('${lease[i]}', 'running', 'kvm', '', now())" >/dev/null
done
# settle SEQ LEASES TOTALS TARGET: their outcomes, and what is charged, the commission of it, and held then
settle() {
	as_market -c "SELECT string_agg(concat_ws(' ', outcome, charged_micro, commission_micro, held_micro), ', ' ORDER BY o.n) FROM (
			SELECT array_agg(id) AS id, array_agg($1::bigint) AS n, array_agg(NULL::bytea) AS none, array_agg(seed.hash('')) AS hash,
			array_agg(false) AS cut, array_agg($4::bigint) AS target FROM unnest('{$2}'::uuid[]) id) c,
		leases_use(c.id, c.n, c.n, c.n, c.n, c.n, c.none, c.none, c.hash, c.cut, '{$3}'::bigint[], c.target, 1000, now())
			WITH ORDINALITY AS o (outcome, charged_micro, commission_micro, held_micro, budget, n)"
}
postings() { as_market -c "SELECT count(*) FROM posting WHERE kind = 'charge'"; }
none=00000000-0000-7000-8000-00000000aaaa
is "$(settle 1 "${lease[1]},${lease[2]}" 30,50 100)" 'used 30 3 100, used 50 5 100' "two leases are charged together"
is "$(as_market -c "SELECT leases, lease_id, earned_micro, commission_micro FROM posting WHERE kind = 'charge'")" \
	"{${lease[1]},${lease[2]}}||{27,45}|{3,5}" "in one posting, which names the part of each"
is "$(as_market -c "SELECT string_agg(amount_micro::text, ' ' ORDER BY leg) FROM entry JOIN posting p ON p.id = posting WHERE kind = 'charge'")" \
	'72 8' "its entries are the sums"
sound "the ledger is sound"
is "$(settle 1 "${lease[1]},$none,${lease[3]}" 90,90,40 100)" 'old 30 3 100, none, used 40 4 100' "each has an outcome of its own"
is "$(as_market -c "SELECT lease_id FROM posting WHERE kind = 'charge' AND leases IS NULL")" "${lease[3]}" "a posting for one lease names it as ever"
is "$(settle 2 "${lease[1]},${lease[2]},${lease[3]}" 30,50,40 400)" 'used 30 3 400, used 50 5 380, used 40 4 100' \
	"what is available fills the holds in their order, as far as it goes"
is "$(as_market -c 'SELECT seed.balance(1)')" 'available 0, held 880' "and no further"
sound "the ledger is sound"
is "$(postings)" 2 "no charge: no posting of that kind"

# What the superuser changes with all triggers off is found; and undone after each look.
wrong() { # SQL
	as_admin -c "BEGIN; SET LOCAL session_replication_role = replica; $1;
		SELECT orders_difference FROM ledger_verify(); ROLLBACK" 2>&1
}
is "$(wrong "UPDATE posting SET earned_micro = '{28,44}' WHERE leases IS NOT NULL AND kind = 'charge'")" 2 "a part moved to another lease is found"
is "$(wrong "UPDATE posting SET earned_micro = '{28,45}' WHERE leases IS NOT NULL AND kind = 'charge'")" 2 "so is one made larger"
is "$(wrong "UPDATE posting SET leases = leases[2:2] || leases[1:1] WHERE leases IS NOT NULL AND kind = 'charge'")" 2 "so are leases changed round"
as_market -c 'SELECT ledger_chain(100)' >/dev/null
is "$(as_admin -c "BEGIN; SET LOCAL session_replication_role = replica; UPDATE posting SET earned_micro = '{28,44}' WHERE leases IS NOT NULL
	AND kind = 'charge'; SELECT fault FROM ledger_chain_faults(10); ROLLBACK")" changed "the chain covers the parts"
like "$(as_owner -c "INSERT INTO posting (id, kind, order_id, leases, earned_micro, commission_micro, at)
	VALUES ('$none', 'charge', seed.id(50), '{${lease[1]},$none}', '{1,1}', '{0,0}', now())" 2>&1)" 'there is no such lease' "every part is of a lease of the order"
is "$(as_owner -c "SELECT indexdef FROM pg_indexes WHERE schemaname = 'cpushare' AND tablename = 'ledger_account' AND indexdef ~ 'balance'")" '' \
	"no index names a balance: each change of one would be an entry in all indexes"
# Batches drawn at random beside a model that decides item for item: buyers who sell to each other and to themselves, any commission, prices of nothing,
# holds of nothing, budgets and balances that end.
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease WHERE state <> 'ended'" >/dev/null
as_owner -f /dev/stdin <<'END' || bail "no model"
INSERT INTO machine (id, account, name, public_key, state, accepting, accel, cores, memory_mib, price_per_core_hour_micro)
	SELECT seed.id(n + 100), seed.id(n), 'machine' || n, seed.hash('key' || n), 'online', true, 'kvm', 40, 4096, 10 FROM unnest(ARRAY[1, 3]) n;
CREATE FUNCTION seed.below(n integer) RETURNS integer LANGUAGE sql AS $$ SELECT floor(random() * n)::integer $$;
-- What differs from the model, in words.
CREATE FUNCTION seed.batch(p_round integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_bp bigint := (ARRAY[0, 730, 10000, 5000])[1 + seed.below(4)];
	v_left jsonb := '{}'; -- what orders and buyers have left, by id
	v_wrong text;
	i record;
	v_charge bigint; v_share bigint; v_fill bigint;
BEGIN
	PERFORM seed.fund(1 + 2 * seed.below(2), 1 + seed.below(150)) WHERE p_round % 3 = 0;
	BEGIN
		PERFORM seed.place(1000 + p_round, 1 + 2 * seed.below(2), 1 + seed.below(3), seed.below(3) * 20, seed.below(2) * 150);
		PERFORM seed.match(1000 + p_round, 101 + seed.below(4)) FROM generate_series(1, 3);
	EXCEPTION WHEN SQLSTATE 'CS004' OR SQLSTATE 'CS006' THEN NULL;
	END;
	PERFORM lease_set_state(id, 'running', 'any', '', now()) FROM lease WHERE state = 'matched' AND random() < 0.7;
	PERFORM lease_finish(id, 'completed', '', now()) FROM (SELECT id FROM lease WHERE state <> 'ended' AND random() < 0.1 ORDER BY id) l;
	DROP TABLE IF EXISTS item;
	CREATE TEMPORARY TABLE item AS SELECT row_number() OVER () AS n, l.*, usage_seq + seed.below(4) AS seq, vcpu_ns + seed.below(20) - 1 AS grown,
			greatest(charged_micro + seed.below(90) - 20, 0)::bigint AS total, seed.below(80)::bigint AS target, ''::text AS want, 0::bigint AS held_want,
			0::bigint AS charge, 0::bigint AS share
		FROM (SELECT * FROM lease WHERE state <> 'ended' OR random() < 0.05 ORDER BY random() LIMIT 1 + seed.below(9)) l;
	SELECT jsonb_object_agg(id, left_micro) INTO v_left FROM (
		SELECT id, CASE budget_micro WHEN 0 THEN 1000000000 ELSE budget_micro - charged_micro - held_micro - leases_held_micro END AS left_micro FROM cpushare.order
		UNION ALL SELECT owner, balance_micro - held_micro FROM ledger_account WHERE kind = 'funds' AND owner IS NOT NULL) x;
	FOR i IN SELECT * FROM item ORDER BY order_id, n LOOP
		IF i.seq <= i.usage_seq OR i.state = 'ended' OR i.grown < i.vcpu_ns THEN
			UPDATE item SET want = CASE WHEN i.seq <= i.usage_seq THEN 'old' WHEN i.state = 'ended' THEN 'over' ELSE 'back' END, held_want = held_micro WHERE n = i.n;
			CONTINUE;
		END IF;
		v_charge := CASE WHEN i.started_at IS NULL THEN 0 ELSE least(greatest(i.total - i.charged_micro, 0), i.held_micro) END;
		v_share := least(greatest(floor(((i.charged_micro + v_charge) * v_bp + 5000) / 10000.0) - i.commission_micro, 0), v_charge);
		v_fill := least(greatest(i.target - i.held_micro + v_charge, 0), (v_left ->> i.order_id::text)::bigint, (v_left ->> i.buyer::text)::bigint);
		v_left := v_left || jsonb_build_object(i.order_id, (v_left ->> i.order_id::text)::bigint - v_fill, i.buyer, (v_left ->> i.buyer::text)::bigint - v_fill);
		UPDATE item SET want = 'used', charge = v_charge, share = v_share, held_want = i.held_micro - v_charge + v_fill WHERE n = i.n;
	END LOOP;
	-- What is charged comes to its seller behind all that was decided.
	FOR i IN SELECT seller, sum(charge - share) AS earned FROM item WHERE buyer <> seller GROUP BY seller LOOP
		v_left := v_left || jsonb_build_object(i.seller, (v_left ->> i.seller::text)::bigint + i.earned);
	END LOOP;
	FOR i IN SELECT buyer, sum(charge - share) AS back FROM item WHERE buyer = seller GROUP BY buyer LOOP
		v_left := v_left || jsonb_build_object(i.buyer, (v_left ->> i.buyer::text)::bigint + i.back);
	END LOOP;
	SELECT string_agg(concat_ws(' ', n, o.outcome, o.charged_micro, o.commission_micro, o.held_micro, 'wanted', want, t.charged_micro + charge, t.commission_micro + share,
			held_want), ', ') INTO v_wrong
		FROM (SELECT array_agg(id ORDER BY n) AS id, array_agg(seq ORDER BY n) AS seq, array_agg(grown ORDER BY n) AS grown, array_agg(running_us ORDER BY n) AS same,
				array_agg(tx_bytes ORDER BY n) AS tx, array_agg(rx_bytes ORDER BY n) AS rx, array_agg(NULL::bytea) AS none, array_agg(seed.hash('')) AS hash,
				array_agg(false) AS cut, array_agg(total ORDER BY n) AS total, array_agg(target ORDER BY n) AS target FROM item) c,
			leases_use(c.id, c.seq, c.grown, c.same, c.tx, c.rx, c.none, c.none, c.hash, c.cut, c.total, c.target, v_bp, now())
			WITH ORDINALITY AS o (outcome, charged_micro, commission_micro, held_micro, budget, n) JOIN item t USING (n)
		WHERE (o.outcome, o.charged_micro, o.commission_micro, o.held_micro) IS DISTINCT FROM (want, t.charged_micro + charge, t.commission_micro + share, held_want);
	RETURN concat_ws('; ', v_wrong, (SELECT 'available ' || string_agg(concat_ws(' ', balance_micro - held_micro, 'wanted', v_left ->> owner::text), ', ') FROM ledger_account
		WHERE kind = 'funds' AND balance_micro - held_micro <> (v_left ->> owner::text)::bigint), (SELECT 'books ' || row_to_json(v) FROM ledger_verify() v
		WHERE (sum_micro, unbalanced, negative, holds_difference_micro, orders_difference) <> (0, 0, 0, 0, 0)));
END $$;
END
as_owner -c "SELECT setseed(0.25)" -c "SELECT string_agg(n || ': ' || wrong, E'\n') FROM (SELECT n, seed.batch(n) AS wrong FROM generate_series(1, 120) n) x WHERE wrong <> ''" \
	-c "SELECT count(*) FROM lease WHERE buyer = seller AND charged_micro > 0" -c "SELECT count(*) FROM lease WHERE buyer <> seller AND seller IN (seed.id(1), seed.id(3)) AND charged_micro > 0" \
	>"$WORK/batches" 2>&1
is "$(sed -n '2p' "$WORK/batches" | head -c 600)" '' "120 batches: each charge, commission, hold and balance is the model's"
ok "leases of one's own, and of one who buys, were among them" [ "$(sed -n '3p' "$WORK/batches")" -gt 5 -a "$(sed -n '4p' "$WORK/batches")" -gt 5 ]
done_testing
