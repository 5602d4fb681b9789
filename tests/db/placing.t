#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# placing.t - many orders in one call: each item has its own outcome, and what is refused leaves the others alone
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000), seed.fund(3, 100)' >/dev/null
as_owner -c "CREATE FUNCTION seed.orders(p_items text, p_max bigint DEFAULT 100, p_open bigint DEFAULT NULL) RETURNS text LANGUAGE sql AS \$\$
	WITH i AS (SELECT string_to_array(item, ' ') AS a, n FROM unnest(string_to_array(p_items, ',')) WITH ORDINALITY x (item, n)),
	c AS (SELECT array_agg(seed.id(a[1]::integer) ORDER BY n) AS id, array_agg(seed.id(a[2]::integer) ORDER BY n) AS buyer, array_agg(''::text) AS name,
		array_agg(seed.hash(a[5]) ORDER BY n) AS image, array_agg(1::bigint) AS one, array_agg(64::bigint) AS memory,
		array_agg(1400::bigint) AS mtu, array_agg(3600::bigint) AS hour, array_agg(0::bigint) AS zero, array_agg(NULL::timestamptz) AS never, array_agg('{}'::text) AS none,
		array_agg(NULL::text) AS null_text, array_agg(a[3]::bigint ORDER BY n) AS hold, array_agg(nullif(a[4], '-') ORDER BY n) AS key,
		array_agg(seed.hash('request' || (a[3])) ORDER BY n) AS request, array_agg(now()) AS now, array_agg(NULL::uuid) AS no_token, array_agg(p_open) AS open FROM i)
	SELECT string_agg(concat_ws(' ', o.outcome, o.status, nullif(o.body, ''), 'order ' || right(o.id::text, 2), o.hold), ',' ORDER BY o.n) FROM c, orders_place(c.id, c.buyer, c.name, c.image, c.one, c.one,
		c.memory, c.one, c.one, c.one, c.hour, c.hour, c.zero, c.zero, c.never, c.none, c.null_text, c.hold, c.key, c.request, c.now,
		p_max, c.mtu, c.no_token, c.open) WITH ORDINALITY AS o (outcome, status, body, id, at, hold, good, bad, n) \$\$" -c 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA seed TO cpushare_market'
# orders ITEMS [MAX [OPEN]]: each "NUMBER BUYER HOLD KEY IMAGE"; prints the outcomes
orders() { as_market -c "SELECT seed.orders('$1', ${2:-100}, ${3:-NULL})"; }
is "$(orders '10 1 300 key-a image,11 3 40 key-a image,12 1 800 key-b image,13 1 500 key-c image,14 9 1 - image,15 1 1 - other')" \
	'placed,placed,funds,placed,image,image' "each is decided with what those before it left"
is "$(as_market -c 'SELECT seed.balance(1)' -c 'SELECT seed.balance(3)' | paste -sd ';')" 'available 200, held 800;available 60, held 40' "and held once"
is "$(orders '20 1 300 key-a image,21 1 301 key-a image,22 1 10 key-d image,23 1 10 key-d image')" \
	'repeated 201 order 10 300,reused,placed,later' "a key gives what its first time gave, and stands for one request"
is "$(as_market -c "SELECT count(*) FROM cpushare.order WHERE id IN (seed.id(20), seed.id(21), seed.id(23))")" 0 "nothing is placed for it"
is "$(as_market -c "SELECT count(*) FROM cpushare.order WHERE key = 'key-b'")" 0 "a refusal leaves its key free"
is "$(orders '30 3 1 - image,31 3 1 - image,32 3 1 - image' 3)" 'placed,placed,limit' "only so many are open at one time"
is "$(orders '33 3 1 - image,34 3 1 - image' 4 4)" 'placed,limit' "a bound that comes too near is not relied on: they are counted"
is "$(orders '35 3 1 - image' 5 4),$(orders '36 3 1 - image' 5 1)" 'placed,placed' "a bound that leaves room is"
is "$(as_market -c "SELECT count(*), count(DISTINCT e.id) FROM unnest(ARRAY[1, 3]) n CROSS JOIN event_read(seed.id(n), NULL, 0, 1000) e WHERE kind = 'order.created'")" '9|9' \
	"each tells of itself once"
as_owner -c "INSERT INTO idempotency_key (account, key, request, status, body) VALUES (seed.id(1), 'key-k', seed.hash('request300'), 201, 'as it was')"
is "$(orders '20 1 300 key-k image,21 1 301 key-k image')" 'repeated 201 as it was,reused' "an answer that was kept whole is given so"
as_owner -c "INSERT INTO idempotency_key (account, key, request, status, body) VALUES (seed.id(1), 'key-a', seed.hash('a deposit'), 201, 'of a deposit')"
is "$(orders '20 1 300 key-a image')" 'repeated 201 order 10 300' "one whose key was another request's at the same moment is answered as that order"
refused 23505 "SELECT seed.orders('40 1 1 - image,10 1 1 - image')" "what no item should do fails as a whole"
is "$(as_market -c "SELECT count(*) FROM cpushare.order WHERE id = seed.id(40)")" 0 "and leaves nothing"
sound "the ledger is sound"
done_testing
