#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# filling.t - orders that are filled as they are placed: what matches_make() would refuse waits instead, and all of it is there or nothing
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000), seed.fund(3, 100)' >/dev/null
as_owner -c "CREATE FUNCTION seed.fills(p_items text, p_all text) RETURNS text LANGUAGE sql AS \$\$
	WITH i AS (SELECT string_to_array(item, ' ') || string_to_array(p_all, ' ', 'null') AS a, n FROM unnest(string_to_array(p_items, ',')) WITH ORDINALITY x (item, n)),
	c AS (SELECT array_agg(seed.id(a[1]::integer) ORDER BY n) AS id, array_agg(seed.id(a[2]::integer) ORDER BY n) AS buyer, array_agg(''::text) AS name,
		array_agg(seed.hash('image')) AS image, array_agg(a[6]::bigint) AS count, array_agg(1::bigint) AS one, array_agg(64::bigint) AS memory,
		array_agg(100::bigint) AS top, array_agg(a[7]::bigint) AS max_hour,
		array_agg(1400::bigint) AS mtu, array_agg(a[8]::bigint) AS seconds, array_agg(0::bigint) AS zero, array_agg(a[9]::timestamptz) AS later,
		array_agg(a[10]) AS wants, array_agg(NULL::text) AS nothing, array_agg(a[5]::bigint ORDER BY n) AS hold,
		array_agg('key-' || a[1] ORDER BY n) AS key, array_agg(seed.hash(a[1]) ORDER BY n) AS request, array_agg(now()) AS now,
		array_agg(NULL::uuid) AS no_token, array_agg(NULL::bigint) AS open, array_agg(CASE WHEN a[3] <> '-' THEN seed.id(1000 + a[1]::integer) END ORDER BY n) AS lease,
		array_agg('52:54:00:00:00:00'::macaddr) AS mac, array_agg(seed.id(nullif(a[3], '-')::integer) ORDER BY n) AS machine,
		array_agg(a[4]::bigint ORDER BY n) AS core FROM i)
	SELECT string_agg(CASE WHEN o.lease IS NOT NULL THEN 'filled' ELSE o.outcome END, ',' ORDER BY o.n) FROM c, orders_place(c.id, c.buyer, c.name, c.image,
		c.count, c.one, c.memory, c.top, c.zero, c.zero, c.seconds, c.zero, c.zero, c.max_hour, c.later, c.wants, c.nothing, c.hold, c.key, c.request, c.now,
		100, c.mtu, c.no_token, c.open, c.lease, c.mac, c.machine, c.core, c.zero, c.zero)
		WITH ORDINALITY AS o (outcome, status, body, id, at, hold, good, bad, lease, n) \$\$" -c 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA seed TO cpushare_market'
PLAIN='1 0 3600 null {}'
# fills ITEMS [COUNT MAX_HOUR DURATION_S NOT_BEFORE CONSTRAINTS]: each "NUMBER BUYER MACHINE PRICE HOLD"; prints the outcomes
fills() {
	local items=$1
	shift
	as_market -c "SELECT seed.fills('$items', '${*:-$PLAIN}')"
}
sane() { as_market -c "SELECT string_agg(m.cores_leased || '/' || m.memory_leased_mib || '/' || coalesce(l.cores, 0) || '/' || coalesce(l.memory, 0), ',' ORDER BY m.id)
	FROM machine m LEFT JOIN (SELECT machine_id, sum(cores) AS cores, sum(memory_mib) AS memory FROM lease WHERE state <> 'ended' GROUP BY 1) l ON l.machine_id = m.id
	WHERE m.id IN (seed.id(102), seed.id(104))"; }

is "$(fills '10 1 102 10 100,11 3 104 12 40,12 1 - 0 100')" 'filled,filled,placed' "what the book has a place for is filled, the rest waits"
is "$(as_market -c "SELECT state, filled, held_micro, leases_held_micro FROM cpushare.order ORDER BY id")" 'filled|1|0|100
filled|1|0|40
open|0|100|0' "their holds are the leases'"
is "$(as_market -c "SELECT right(l.id::text, 4) || ' ' || right(order_id::text, 2) || ' ' || right(l.buyer::text, 1) || ' ' || right(l.seller::text, 1) || ' ' || number || ' ' || l.name || ' '
	|| host(ip) || ' ' || l.state || ' ' || l.desired || ' ' || l.price_per_core_hour_micro || ' ' || held_micro || ' ' || (l.accel = m.accel)
	FROM lease l JOIN machine m ON m.id = l.machine_id ORDER BY l.id")" \
	"$(as_market -c "SELECT right(seed.id(1010)::text, 4) || ' ' || right(seed.id(10)::text, 2) || ' 1 2 1 vm1 10.77.1.2 matched running 10 100 true'")
$(as_market -c "SELECT right(seed.id(1011)::text, 4) || ' ' || right(seed.id(11)::text, 2) || ' 3 4 1 vm1 10.77.1.2 matched running 12 40 true'")" \
	"the leases are as matches_make() makes them"
is "$(sane)" '1/64/1/64,1/64/1/64' "their machines have so much less"
is "$(as_market -c "SELECT string_agg(kind || ' ' || (data ->> 'state') || ' ' || coalesce(data ->> 'filled', ''), ',' ORDER BY id) FROM event_read(seed.id(1), NULL, 0, 100)")" \
	'order.created open 0,lease.matched matched ,order.filled filled 1,order.created open 0' "the buyer is told of each step"
is "$(as_market -c "SELECT kind FROM event_read(seed.id(4), NULL, 0, 100)")" 'lease.matched' "and the seller"
is "$(fills '10 1 104 10 100')" 'repeated' "under the same key nothing is filled again"
is "$(sane)" '1/64/1/64,1/64/1/64' "nor taken"

as_market -c 'SELECT seed.match(12, 102)' >/dev/null
for n in 1 2 3 4; do
	all=$(as_market -c "SELECT string_agg(id || ' ' || kind || ' ', '' ORDER BY id) FROM event_read(seed.id($n), NULL, 0, 1000)")
	for step in 1 2 3; do is "$(as_market -c "SELECT seed.steps(seed.id($n), NULL, $step)")" "$all" "what $n is told is the same by $step as at once"; done
done
is "$(as_market -c "SELECT seed.steps(seed.id(1), seed.id(10), 1)" | sed -E 's/[0-9]+ //g')" 'order.created lease.matched order.filled ' "of an order alone, too"
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease WHERE order_id = seed.id(12)" >/dev/null
# Numbers of orders were two apart before, and below zero where their events were rows.
as_market -c 'SELECT seed.place(n, 3, 1, 0) FROM generate_series(60, 66) n' >/dev/null
as_owner -c "UPDATE cpushare.order o SET created_event = CASE WHEN n < 3 THEN n - 3 ELSE pg_sequence_last_value('event_id_seq') + 2 * n END FROM
	generate_series(1, 7) n WHERE o.id = seed.id(59 + n)" -c "SELECT setval('event_id_seq', pg_sequence_last_value('event_id_seq') + 16)" >/dev/null
as_market -c "SELECT order_close(seed.id(66), 'cancelled', now())" >/dev/null
all=$(as_market -c "SELECT string_agg(id || ' ' || kind || ' ', '' ORDER BY id) FROM event_read(seed.id(3), NULL, 0, 1000)")
is "$(grep -o order.created <<<"$all" | wc -l)" 6 "of older orders it is told, too"
for step in 1 2 3; do is "$(as_market -c "SELECT seed.steps(seed.id(3), NULL, $step)")" "$all" "the same by $step as at once"; done
as_market -c "SELECT order_close(seed.id(n), 'cancelled', now()) FROM generate_series(60, 65) n" >/dev/null
# 102 has 3 cores left, 104 too.
is "$(fills '20 1 102 10 1,21 1 102 10 1,22 1 102 10 1,23 1 102 10 1,24 1 104 10 1')" 'filled,filled,filled,placed,filled' "a machine that is full is no place, others' are"
is "$(fills '25 1 104 9 1,26 1 104 101 1,27 1 999 10 1')" 'placed,placed,placed' "nor is one that has become dearer, one above the order's own price, or none"
is "$(fills '28 1 104 10 100000,29 3 104 10 1')" 'funds,filled' "an order that is refused takes nothing"
is "$(sane)" '4/256/4/256,3/192/3/192' "what is taken is the leases'"
is "$(fills '30 1 104 10 1' 2 0 3600 null '{}'),$(fills '31 1 104 10 1' 1 9 3600 null '{}'),$(fills '32 1 104 10 1' 1 0 3600 infinity '{}'),$(
	fills '33 1 104 10 1' 1 0 3600 null '{"accel":"tcg"}')" 'placed,placed,placed,placed' "one of two VMs, with a lower price for all, for later, for another kind of machine waits"
as_owner -c "UPDATE machine SET max_duration_s = 60 WHERE id = seed.id(104)"
is "$(fills '34 1 104 10 1'),$(fills '35 1 104 10 1' 1 0 60 null '{"accel":"any"}')" 'placed,filled' "so does one that is longer than its owner takes"
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease WHERE state <> 'ended'" >/dev/null
as_owner -c "UPDATE machine SET max_duration_s = 0"
as_market -c 'SELECT seed.place(38, 1, 2, 10), seed.match(38, 102), seed.match(38, 104)' >/dev/null
coproc CANCEL { as_market 2>&1; }
CANCEL_WAS=$CANCEL_PID out=${CANCEL[0]} in=${CANCEL[1]}
finish() { echo "SELECT 'ended $1' FROM lease_finish((SELECT id FROM lease WHERE order_id = seed.id(38) AND number = $1), 'cancelled_by_buyer', '', now());"; }
{ echo "BEGIN; SELECT 'closed' FROM order_close(seed.id(38), 'cancelled', now());" && finish 1; } >&"$in"
read -r closed <&"$out" && read -r first <&"$out"
fills '39 1 104 10 1' >"$WORK/beside" 2>&1 &
placer=$!
waiting() { [ "$(as_admin -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'cpushare_market'")" = 1 ]; }
within 20 waiting || note "nobody waits"
{ finish 2 && echo "COMMIT;" && echo '\q'; } >&"$in"
read -r second <&"$out"
wait "$placer" "$CANCEL_WAS"
is "$closed, $first, $second; $(<"$WORK/beside")" 'closed, ended 1, ended 2; filled' "an order is cancelled while its buyer places one on a machine of its leases: neither stops the other"
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease WHERE state <> 'ended'" >/dev/null
as_owner -c "UPDATE machine SET failures = 1 WHERE id = seed.id(104)" -c "UPDATE machine SET accepting = false WHERE id = seed.id(102)"
is "$(fills '40 1 104 10 1,41 1 104 10 1,42 1 102 10 1')" 'filled,placed,placed' "a machine on trial gets one, one that takes no work none"
is "$(fills '43 1 104 10 1')" 'placed' "also with the next statement"
as_owner -c "UPDATE machine SET failures = 0" -c 'UPDATE book SET epoch = epoch + 1'
is "$(fills '50 1 104 10 1')" 'placed' "who does not hold the book fills nothing"
sound "the ledger is sound"
done_testing
