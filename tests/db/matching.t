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
# As a reader that stops behind each event goes on: all of them, in their order.
place 80 1 1 10
place 81 3 1 10
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease WHERE state <> 'ended'" >/dev/null
is "$(matches '80 104 10 1 0,81 102 10 1 0')" 'made,made' "orders of one place are filled"
for n in 1 2 3 4; do
	all=$(as_market -c "SELECT string_agg(id || ' ' || kind || ' ', '' ORDER BY id) FROM event_read(seed.id($n), NULL, 0, 1000)")
	is "$(as_market -c "SELECT seed.steps(seed.id($n), NULL, 1)"),$(as_market -c "SELECT seed.steps(seed.id($n), NULL, 3)")" "$all,$all" \
		"what $n is told is the same by one, and by three, as at once"
done
is "$(as_market -c "SELECT seed.steps(seed.id(1), seed.id(80), 1)" | tr -d '0-9')" ' order.created  lease.matched  order.filled ' "an order's own, in their order"
is "$(as_market -c "SELECT seed.steps(seed.id(3), seed.id(81), 1)" | tr -d '0-9')" ' order.created  lease.matched  order.filled ' "also where nothing came since"
is "$(as_market -c "SELECT seed.steps(seed.id(4), seed.id(80), 1)" | tr -d '0-9')" ' lease.matched ' "its seller hears of the lease"
is "$(as_market -c "SELECT count(*) FROM event_read(seed.id(2), seed.id(80), 0, 10)")" 0 "another does not"
is "$(as_market -c "SELECT string_agg(kind || ' ' || (data ->> 'state'), ',' ORDER BY id) FROM event_read(seed.id(1), seed.id(80), 0, 9)")" \
	'order.created open,lease.matched matched,order.filled filled' "and as things were then"
as_market -c "SELECT event_sweep(now())" >/dev/null
is "$(as_market -c "SELECT count(*) FROM account a CROSS JOIN event_read(a.id, NULL, 0, 1000)")" 0 "what is forgotten is told by no row"
place 90 1 1 10
is "$(as_market -c "SELECT string_agg(kind, ',') FROM event_read(seed.id(1), NULL, 0, 9)")" 'order.created' "what is new is"
is "$(as_market -c "SELECT seed.steps(seed.id(1), NULL, 1)" | tr -d '0-9')" ' order.created ' "also by who reads from the begin, one at a time, past more than that which is forgotten"
is "$(matches '90 104 10 1 0')" made "it is matched"
is "$(as_market -c "SELECT seed.steps(seed.id(1), NULL, 1), seed.steps(seed.id(4), NULL, 1)" | tr -d '0-9')" ' order.created  lease.matched  order.filled | lease.matched ' \
	"and so are leases, to both sides"
sound "the ledger is sound"
done_testing
