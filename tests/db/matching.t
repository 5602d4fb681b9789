#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# matching.t - many matches in one call: each has its own outcome, a group is made whole or not at all
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 100000), seed.fund(3, 100000)' >/dev/null
as_owner -c "CREATE FUNCTION seed.matches(p_items text) RETURNS text LANGUAGE sql AS \$\$
	WITH i AS (SELECT string_to_array(item, ' ') AS a, n FROM unnest(string_to_array(p_items, ',')) WITH ORDINALITY x (item, n)),
	c AS (SELECT array_agg(seed.id(a[1]::integer) ORDER BY n) AS orders, array_agg(seed.id(a[2]::integer) ORDER BY n) AS machines,
		array_agg(a[3]::bigint ORDER BY n) AS core, array_agg(0::bigint) AS zero, array_agg(a[4]::bigint ORDER BY n) AS cores,
		array_agg(64::bigint) AS memory, array_agg(a[5]::bigint ORDER BY n) AS groups FROM i)
	SELECT string_agg(m.outcome, ',' ORDER BY m.n) FROM c, matches_make(c.orders, c.machines, c.core, c.zero, c.zero, c.cores, c.memory,
		c.groups, now()) WITH ORDINALITY AS m (lease, outcome, n) WHERE (m.lease IS NULL) = (m.outcome <> 'made') \$\$" \
	-c 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA seed TO cpushare_market'
# matches ITEMS: each "ORDER MACHINE PRICE CORES GROUP"; prints the outcomes
matches() { as_market -c "SELECT seed.matches('$1')"; }
place() { as_market -c "SELECT seed.place($1, $2, $3, $4, 0, ${5:-1})" >/dev/null; }
place 50 1 2 100
place 51 3 9 10
is "$(matches '50 102 10 1 0,999 102 10 1 0,50 999 10 1 0,50 104 101 1 0,50 104 9 1 0,50 104 10 2 0,51 104 10 1 0,50 104 12 1 0,50 104 10 1 0')" \
	'made,order,machine,order,machine,order,made,made,order' "each is decided with what those before it left"
is "$(as_market -c "SELECT string_agg(number || ' ' || name || ' ' || host(ip) || ' ' || price_per_core_hour_micro || ' ' || held_micro, ',' ORDER BY order_id, number) FROM lease")" \
	'1 vm1 10.77.1.2 10 100,2 vm2 10.77.1.3 12 100,1 vm1 10.77.1.2 10 10' "the leases are numbered in their order's, and each has its place's hold"
is "$(as_market -c 'SELECT state, filled, held_micro, leases_held_micro FROM cpushare.order ORDER BY id')" 'filled|2|0|200
open|1|80|10' "so are their orders"
is "$(as_market -c "SELECT string_agg(right(a::text, 1) || ' ' || kind, ',' ORDER BY e.id, a) FROM account b(a) CROSS JOIN event_read(a, NULL, 0, 1000) e WHERE kind IN ('lease.matched', 'order.filled')")" \
	'1 lease.matched,2 lease.matched,3 lease.matched,4 lease.matched,1 lease.matched,4 lease.matched,1 order.filled' \
	"both sides are told, and of a filled order behind its leases"
is "$(as_market -c "SELECT data ->> 'filled', data ->> 'state' FROM event_read(seed.id(1), NULL, 0, 1000) WHERE kind = 'order.filled'")" '2|filled' "as it is then"

# 102 has 3 cores left, 104 has 2.
place 60 1 4 10
place 61 1 4 10
is "$(matches '60 102 10 1 1,60 102 10 1 1,60 104 10 1 1,60 999 10 1 1,61 102 10 1 5,61 102 10 1 5,61 102 10 1 5,61 104 10 1 5,51 104 10 1 0')" \
	'group,group,group,machine,made,made,made,made,made' "a group is made whole, or nothing of it, and what it would have taken is free"
is "$(as_market -c "SELECT filled FROM cpushare.order WHERE id = seed.id(60)")" 0 "nothing of the other is there"
is "$(matches '60 102 10 1 1,60 104 10 1 1,51 104 10 1 0')" 'capacity,group,capacity' "where its first is refused the rest is not asked"
is "$(as_market -c 'SELECT sum(cores) FROM lease GROUP BY machine_id ORDER BY machine_id' | paste -sd,)" '4,4' "no machine has more than it offers"

# A machine on trial, an order for later, one that is over.
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease" >/dev/null
as_owner -c "UPDATE machine SET failures = 1 WHERE id = seed.id(102)"
is "$(matches '60 102 10 1 0,60 102 10 1 0')" 'made,capacity' "a machine on trial gets one"
as_owner -c "UPDATE cpushare.order SET not_before = now() + interval '1 hour' WHERE id = seed.id(51)" \
	-c "UPDATE cpushare.order SET open_until = now() - interval '1 hour' WHERE id = seed.id(60)"
is "$(matches '51 104 10 1 0,60 104 10 1 0')" 'order,order' "an order for later waits, one whose time is over gets none"
as_owner -c "UPDATE machine SET accepting = false WHERE id = seed.id(104)" -c "UPDATE cpushare.order SET open_until = NULL WHERE id = seed.id(60)"
is "$(matches '60 104 10 1 0')" machine "a machine that takes no work is left alone"
as_owner -c "UPDATE machine SET accepting = true, failures = 0"

place 70 1 4 10
is "$(matches '70 104 10 1 0,70 104 10 1 0,70 102 10 1 0')" 'made,made,made' "leases of one order"
is "$(matches '70 102 10 1 0')" 'made' "and one that is made later"
is "$(as_market -c "SELECT string_agg(right(mac::text, 2), ' ' ORDER BY number) FROM lease WHERE order_id = seed.id(70)")" '00 01 02 03' \
	"have cards of their own"
is "$(as_market -c "SELECT kind, data ->> 'state', data ->> 'filled', data ->> 'machine' FROM event_read(seed.id(1), seed.id(70), 0, 100)")" \
	"order.created|open|0|
$(for m in 104 104 102 102; do echo "lease.matched|matched||$(as_market -c "SELECT seed.id($m)")"; done)
order.filled|filled|4|" "what happened is told as it was"
sound "the ledger is sound"
done_testing
