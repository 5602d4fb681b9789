#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# again.t - the answer to an order's Idempotency-Key is the first one's bytes, whatever became of the order and of the market since
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set market.regions="north south" --set limits.signups_burst=100 --set timing.lost_contact=1h
new_machine desk "$(signup seller && echo "$TOKEN")" || bail "$BODY"
M_TERMS='{"rtt":[{"region":"north","rtt_ms":5}]}'
report desk
new_buyer buyer 100000000 && BUYER=$TOKEN || bail "$BODY"
new_image "$BUYER" 1000 || bail "$BODY"

declare -A ASKED
ask() { api POST /v1/orders "${ASKED[$1]}" "$BUYER" "Idempotency-Key: order-$1"; } # NAME
# place NAME JQ-FILTER: and its answer is kept
place() {
	ASKED[$1]=$(order_body "$2")
	ask "$1"
	cp "$WORK/body" "$WORK/first.$1"
	is "$STATUS" 201 "an order, $1" || note "$BODY"
}
place plain .
# What the first five minutes hold is all that it may cost.
place full '.name = "full" | .count = 2 | .duration_s = 7200 | .open_s = 3600 | .budget_micro = 360000 | .max_price_per_hour_micro = 9000000 | .mtu = 1280
	| .constraints = {region: "north", max_rtt_ms: 50} | .user_data = "#cloud-config\n# \u00e9"'
later=$(date -u -d '+1 day' +%Y-%m-%dT%H:%M:%SZ)
place later ".not_before = \"$later\" | .open_s = 60"
# same WHEN: each answer is had again, its bytes and that it is a repetition
same() {
	local name
	for name in plain full later; do
		curl -ks -m 20 -D "$WORK/head" -o "$WORK/again" -H 'Content-Type: application/json' --data-binary "${ASKED[$name]}" -H "Authorization: Bearer $BUYER" \
			-H "Idempotency-Key: order-$name" "$URL/v1/orders"
		ok "$1: $name is answered as at first" cmp "$WORK/again" "$WORK/first.$name"
		is "$(head -n 1 "$WORK/head" | grep -o '[0-9][0-9][0-9]') $(grep -ci '^idempotency-replayed: true' "$WORK/head")" "201 1" "and it is said that it is a repetition"
	done
}
id() { jq -r .id "$WORK/first.$1"; }
leases() { api GET "/v1/orders/$(id "$1")/leases" "" "$BUYER" && [ "$(field '.items | length')" = "$2" ]; }
same "at once"
within 20 leases plain 1 && within 20 leases full 2 || bail "no match: $BODY"
same "matched"
api POST "/v1/orders/$(id full)/extend" '{"duration_s":10000}' "$BUYER"
is "$STATUS" 200 "one is extended"
same "extended"
for name in plain later; do api POST "/v1/orders/$(id $name)/cancel" "" "$BUYER"; done
LEASE=$(leases plain 1 && field '.items[0].id')
report desk "[$(said "$LEASE" ended cancelled_by_buyer)]"
api GET "/v1/orders/$(id plain)" "" "$BUYER"
is "$(field '.state + " " + (.ended | tostring)')" "cancelled 1" "one is cancelled, its lease over"
same "cancelled"

ASKED[other]=$(order_body '.count = 3') ASKED[plain_was]=${ASKED[plain]}
ASKED[plain]=${ASKED[other]}
ask plain
is "$STATUS $(field .code)" "422 idempotency_key_reused" "the key with another request is refused"
ASKED[plain]="${ASKED[plain_was]} "
ask plain
is "$STATUS $(field .code)" "422 idempotency_key_reused" "also where only a space is another"
ASKED[plain]=${ASKED[plain_was]}
api POST /v1/deposits '{"amount_micro":5,"provider":"manual"}' "$BUYER" 'Idempotency-Key: order-plain'
is "$STATUS $(field .code)" "422 idempotency_key_reused" "and for something else"

end $MARKET_PID
MARKET_OPTIONS=(--set limits.signups_burst=100 --set timing.lost_contact=1h --set timing.hold_window=1h --set market.currency=USD --set fees.settlement_bp=1000
	--set limits.orders_per_account=1)
restart_market || bail "the market does not start again"
same "of a market with a longer hold, other money, a bound that is reached, and without regions"
ASKED[fresh]=${ASKED[full]}
ask fresh
is "$STATUS $(field '.errors[0].field // .field')" "422 constraints.region" "a new one is refused there for its region"
ASKED[fresh]=$(jq -c 'del(.constraints)' <<<"${ASKED[full]}")
ask fresh
is "$STATUS $(field '.errors[0].field // .field')" "422 budget_micro" "and for its budget"
ASKED[keep]=${ASKED[full]} ASKED[full]=$(jq -c '.mtu = 1281' <<<"${ASKED[full]}")
ask full
is "$STATUS $(field .code)" "422 idempotency_key_reused" "that the key stands for another is said before"
ASKED[full]=${ASKED[keep]}
is "$(sql 'SELECT count(*) FROM cpushare.order')" 3 "there are three orders"

# Through a market that does not hold the book.
mkdir -p "$WORK/second" "$MARKET_DATA/pieces"
ln -s "$MARKET_DATA/pieces" "$WORK/second/pieces"
cp "$MARKET_DATA/signing.pem" "$WORK/second/"
FIRST=$URL SECOND=127.0.0.1:$(free_port)
cpushare-market serve --database "$(<"$MARKET_DATA/database")" --data "$WORK/second" --listen "$SECOND" --set calibration.random=no >"$WORK/second.log" 2>&1 &
SECOND_PID=$!
cleanup 'end $SECOND_PID'
ok "another market serves" within 20 curl -ksf -m 2 "https://$SECOND/healthz"
URL=https://$SECOND
same "another market's"
URL=$FIRST

# A key of a time when answers were kept.
sql "INSERT INTO cpushare.idempotency_key (account, key, request, status, body)
	SELECT buyer, key, request, 201, '{\"kept\": true}' FROM cpushare.order WHERE key = 'order-plain'"
sql "UPDATE cpushare.order SET key = NULL, request = NULL WHERE key = 'order-plain'"
echo -n '{"kept": true}' >"$WORK/first.plain"
same "what was kept"

# A buyer whose account is locked by somebody holds those up whose ids end in an even digit as his does, or in an odd one, and no others.
id_of() { sql "SELECT id FROM cpushare.account WHERE email = '$1@example.org'"; }
digit=$(id_of buyer | tail -c 2)
for ((i = 0; i < 40; i++)); do
	new_buyer "other$i" 100000000 || bail "$BODY"
	[ $((0x$(id_of "other$i" | tail -c 2) % 2)) = $((0x$digit % 2)) ] || break
done
new_image "$TOKEN" 1000 || bail "$BODY"
LOCKED="application_name = 'locker' AND query ~ 'pg_sleep'"
PGAPPNAME=locker psql -Xq "$(market_uri)" -c BEGIN -c "SELECT FROM cpushare.ledger_account WHERE owner = '$(id_of buyer)' FOR UPDATE" -c 'SELECT pg_sleep(60)' \
	>"$WORK/locker" 2>&1 &
LOCKER=$!
cleanup 'end $LOCKER'
holds() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE $1")" = 1 ]; }
ok "an account is locked" within 20 holds "$LOCKED"
# As the market's own role, which sees what the market's connections do.
waits() { [ "$(psql -XAtq -h "$MARKET_DATA/run" -U cpushare_market -d cpushare -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")" = 1 ]; }
curl -ks -m 30 -o "$WORK/held" -H 'Content-Type: application/json' --data-binary "${ASKED[plain]}" -H "Authorization: Bearer $BUYER" \
	-H 'Idempotency-Key: order-held' "$URL/v1/orders" &
HELD=$!
cleanup 'end $HELD'
ok "an order waits for it" within 20 waits
api POST /v1/orders "$(order_body .)" "$TOKEN" "$(key)"
is "$STATUS" 201 "another buyer's does not" || note "$BODY"
ok "meanwhile it waits" waits
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $LOCKED" >/dev/null
wait $HELD
ok "and then it is answered" jq -e '.code // .id' "$WORK/held"
done_testing
