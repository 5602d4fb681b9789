#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fills.t - orders of one VM are filled as they are placed; where the book was wrong they wait, and what was taken for them is free again
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=100 --set timing.lost_contact=1h
signup seller && SELLER=$TOKEN
M_CORES=16 M_MEMORY=16384
new_machine desk "$SELLER" || bail "$BODY"
report desk
new_buyer buyer 10000000 && BUYER=$TOKEN || bail "$BODY"
new_image "$BUYER" 1000 || bail "$BODY"

leases() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = "${1:-1}" ]; }
waits() { api GET "/v1/orders/$ORDER" "" "$BUYER" && [ "$(field .state)" = open ] && leases 0; }
# The lease is as old as the order: one statement made both.
at_once() { new_order "$BUYER" && leases 1 && [ "$(sql "SELECT l.created_at = o.created_at FROM cpushare.lease l JOIN cpushare.order o ON o.id = l.order_id WHERE o.id = '$ORDER'")" = t ]; }
free() { api GET /v1/offers && [ "$(field '.items[0].cores_free')" = "$1" ]; }
used() { echo $((16 - $(sql "SELECT cores_leased FROM cpushare.machine"))); }

ok "an order is matched" new_order "$BUYER"
ok "by the book" within 20 leases 1
ok "one that comes when the book is at rest is filled as it is placed" within 20 at_once
is "$(field '.items[0] | "\(.number) \(.name) \(.ip) \(.state) \(.price_per_core_hour_micro)"')" '1 vm1 10.77.1.2 matched 1000000' "its lease is like any other"
is "$(field '.items[0].mac | .[0:9] + .[15:]')" '52:54:00:00' "so is its card"
LEASE=$(field '.items[0].id')
report desk
is "$(field "[.leases[] | select(.lease == \"$LEASE\") | .state] | join(\" \")")" running "its machine is told to run it"
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field '.state + " " + (.filled | tostring)')" 'filled 1' "the order is filled"
ok "what is free is what is not leased" within 20 free "$(used)"

before=$(used)
api POST /v1/orders "$(order_body '.duration_s = 2000')" "$BUYER" "$(key)"
K='Idempotency-Key: the-same-key'
api POST /v1/orders "$(order_body)" "$BUYER" "$K"
ORDER=$(field .id)
api POST /v1/orders "$(order_body)" "$BUYER" "$K"
is "$STATUS $(field .id)" "201 $ORDER" "the same key is the same order"
ok "with one lease" within 20 leases 1
is "$(used)" $((before - 2)) "the machine has one for each order"
ok "and what was taken for the repetition is free again" within 20 free $((before - 2))

sql "UPDATE cpushare.machine SET price_per_core_hour_micro = 3000000" >/dev/null
ok "an order for a machine that the database has at a higher price is placed" new_order "$BUYER"
ok "and waits for that" within 20 waits
M_PRICE=1500000
report desk
ok "until that is one that it takes" within 20 leases 1
is "$(field '.items[0].price_per_core_hour_micro')" 1500000 "and that is its own"

new_buyer poor 1000 && POOR=$TOKEN
new_image "$POOR" 1000
BEFORE=$(used)
api POST /v1/orders "$(order_body)" "$POOR" "$(key)"
is "$STATUS" 402 "who cannot pay gets nothing"
ok "and takes nothing" within 20 free "$BEFORE"
new_image "$BUYER" 1000
new_order "$BUYER"
within 20 leases 1
ok "the next order does" within 20 at_once

# More at once than there is room for.
LEFT=$(used)
for ((i = 0; i < LEFT + 3; i++)); do
	curl -ks -m 20 -o "$WORK/many.$i" -H 'Content-Type: application/json' --data-binary "$(order_body)" -H "Authorization: Bearer $BUYER" -H "Idempotency-Key: many-$i-xxx" "$URL/v1/orders" &
	PIDS[i]=$!
done
wait "${PIDS[@]}"
is "$(cat "$WORK"/many.* | jq -s '[.[] | select(.id)] | length')" $((LEFT + 3)) "orders for more than is left are all placed"
full() { [ "$(used)" = 0 ] && [ "$(sql "SELECT count(*) FROM cpushare.order WHERE state = 'open'")" = 3 ]; }
ok "as many of them as fit are filled, the others wait" within 20 full
is "$(sql "SELECT cores_leased = (SELECT sum(cores) FROM cpushare.lease WHERE state <> 'ended') FROM cpushare.machine")" t "the machine has what its leases take"

# A machine is retired while an order is being filled with it.
new_machine late "$SELLER" || bail "$BODY"
report late
placed() { [ "$(sql "SELECT count(*) FROM cpushare.order WHERE state = 'open'")" = 0 ]; }
ok "another machine takes those that wait" within 20 placed
ok "and the next one" within 20 at_once
coproc LOCKER { psql -XAtq "$(market_uri)" 2>&1; }
LOCKER_WAS=$LOCKER_PID out=${LOCKER[0]} in=${LOCKER[1]}
echo "BEGIN; SELECT count(*) FROM cpushare.ledger_account a JOIN cpushare.order o ON o.buyer = a.owner WHERE o.id = '$ORDER' AND a.id IN
	(SELECT id FROM cpushare.ledger_account WHERE owner = o.buyer FOR UPDATE);" >&"$in"
read -r _ <&"$out"
waiting() { [ "$(sql "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")" -ge "$1" ]; }
(api POST /v1/orders "$(order_body)" "$BUYER" "$(key)" && echo "$STATUS" >"$WORK/placed") &
placer=$!
within 20 waiting 1 || note "no order waits"
(api DELETE "/v1/machines/${M_ID[late]}" "" "$SELLER" && echo "$STATUS" >"$WORK/retired") &
retirer=$!
within 20 waiting 2 || note "the retirement does not wait"
printf 'COMMIT;\n\\q\n' >&"$in"
wait "$placer" "$retirer" "$LOCKER_WAS"
is "$(cat "$WORK/placed" "$WORK/retired" | paste -sd ' ')" '201 204' "an order is placed as the machine that it would get is retired"
is "$(sql "SELECT count(*) FROM cpushare.lease WHERE machine_id = '${M_ID[late]}' AND state <> 'ended'")" 0 "no lease stays on that"

# The database stands still: of what is refused meanwhile nothing was sent, so that no place is kept for it.
M_CORES=8
new_machine spare "$SELLER" || bail "$BODY"
report spare
ok "a machine has places" within 20 at_once
POSTMASTER=$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")
PROCESSES=("$POSTMASTER" $(ps -o pid= --ppid "$POSTMASTER"))
cleanup 'kill -CONT "${PROCESSES[@]}" 2>/dev/null'
kill -STOP "${PROCESSES[@]}"
away() { api POST /v1/orders "$(order_body)" "$BUYER" "$(key)" && [ "$STATUS" = 503 ]; }
within 20 away
for ((i = 0; i < 10; i++)); do away; done
is "$STATUS" 503 "orders are refused while the database is away"
kill -CONT "${PROCESSES[@]}"
ok "when it is back they are placed" within 20 new_order "$BUYER"
ok "and get a place at once" within 20 leases 1
ok "the ledger is sound" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
