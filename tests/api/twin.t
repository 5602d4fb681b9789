#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# twin.t - two markets on one database: whatever is asked, either answers; each is killed under load, and what was accepted is there once
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

OPTIONS=(--set timing.settle_interval=1ms --set limits.signups_burst=100 --set timing.lost_contact=20s --set timing.sweep_interval=200ms
	--set limits.deposits_per_account=200)
start_market "${OPTIONS[@]}"
DATABASE=$(<"$MARKET_DATA/database")
# What both need alike: the images' bytes and the key that signs receipts.
mkdir -p "$WORK/second" "$MARKET_DATA/pieces"
ln -s "$MARKET_DATA/pieces" "$WORK/second/pieces"
cp "$MARKET_DATA/signing.pem" "$WORK/second/"
SECOND_LISTEN=127.0.0.1:$(free_port)
start_second() {
	cpushare-market serve --database "$DATABASE" --data "$WORK/second" --listen "$SECOND_LISTEN" --set calibration.random=no --set timing.report_interval=500ms \
		"${OPTIONS[@]}" >>"$WORK/second.log" 2>&1 &
	SECOND=$!
	cleanup 'end $SECOND'
	within 20 curl -ksf -m 2 "https://$SECOND_LISTEN/healthz"
}
ok "a second market on the database serves" start_second
URLS=("$URL" "https://$SECOND_LISTEN")
holds() { curl -ksf -m 2 "$1/healthz" | jq -e .holds_book; } # URL
ok "the first holds the book" holds "${URLS[0]}"
is "$(curl -ks "${URLS[1]}/healthz" | jq .holds_book)" false "the second does not"

# From here each request goes to the other one than that before it.
eval "$(declare -f api | sed '1s/api/ask_one/')"
TURN=0
api() { URL=${URLS[$((TURN++ % 2))]} && ask_one "$@"; }
signup seller && SELLER=$TOKEN
api GET /v1/account "" "$SELLER"
is "$STATUS" 200 "who signed up at one is known at the other"
new_machine desk "$SELLER"
report desk
is "$STATUS" 200 "a machine reports to either"
report desk
is "$STATUS" 200 "and to the other"
new_buyer buyer 10000000 && BUYER=$TOKEN
for url in "${URLS[@]}"; do
	URL=$url ask_one GET /v1/balance "" "$BUYER"
	is "$(field .available_micro)" 10000000 "a deposit counts at $url"
	URL=$url ask_one GET /v1/offers
	is "$(field '.items | length')" 1 "the machine's offer is seen there"
done
ok "an image is uploaded to both" new_image "$BUYER" 2500000
api GET "/v1/images/$IMAGE/pieces/1" "" "$BUYER"
is "$STATUS" 200 "its bytes are read"
api GET "/v1/images/$IMAGE/pieces/1" "" "$BUYER"
is "$STATUS" 200 "at either"

# Machines' tokens are remembered; they are revoked where the book is held. at URL METHOD PATH-BEHIND-THE-MACHINE NAME [BODY]
at() { URL=$1 ask_one "$2" "/v1/machines/${M_ID[$4]}/$3" "${5:-}" "${M_TOKEN[$4]}"; }
report_at() { M_SEQ[$2]=$((M_SEQ[$2] + 1)) && at "$1" POST report "$2" "$(report_body "$2")"; }
for name in lost stolen; do
	new_machine $name "$SELLER"
	M_ACCEPTING=false report_at "${URLS[1]}" $name
	is "$STATUS" 200 "the machine $name is known at the second market"
	URL=${URLS[0]} ask_one GET /v1/tokens "" "$SELLER"
	URL=${URLS[0]} ask_one DELETE "/v1/tokens/$(field ".items[] | select(.name == \"$name\").id")" "" "$SELLER"
	is "$STATUS" 204 "its token is revoked at the first"
	M_ACCEPTING=false report_at "${URLS[1]}" $name
	is "$STATUS" 401 "and no good for a report through the second"
done

# Orders through both; the second does not hold the book.
for n in 0 1; do
	TURN=$n
	api POST /v1/orders/quote "$(order_body)" "$BUYER"
	is "$STATUS $(field .fits)" "200 1" "a quote, through market $n"
	TURN=$n
	curl -ksN -m 60 -H "Authorization: Bearer $BUYER" "${URLS[$n]}/v1/events" >"$WORK/events.$n" &
	EVENTS[n]=$!
	within 20 grep -q retry "$WORK/events.$n"
done
cleanup 'for pid in "${EVENTS[@]}"; do end $pid; done'
matched() { ask_one GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ]; }
for n in 0 1; do
	TURN=$n
	ok "an order, through market $n" new_order "$BUYER"
	URL=${URLS[1 - n]}
	ok "is matched, as the other one says" within 10 matched
	ORDERS[n]=$ORDER LEASES[n]=$(field '.items[0].id')
done
for n in 0 1; do
	both() { [ "$(grep -c '^event: lease.matched' "$WORK/events.$n")" = 2 ]; }
	ok "events of both orders come from market $n" within 10 both
done
TURN=1
report desk
is "$(field '.leases | length')" 2 "the machine is told of both leases, through the second"
LEASE=${LEASES[1]}
api GET "/v1/leases/$LEASE/spec" "" "${M_TOKEN[desk]}"
is "$STATUS" 200 "and what they are made of"
declare -A U
for n in 0 1; do
	U[$n]=$(usage desk "${LEASES[$n]}" 1 500000000 500000 0 0 $NO_HASH)
	HASHES[n]=$(<"$WORK/usage_hash")
done
TURN=1
report desk "[$(said "${LEASES[0]}" running '' "${U[0]}"),$(said "${LEASES[1]}" running '' "${U[1]}")]"
is "$STATUS $(field '[.leases[].ack_seq] | add')" "200 2" "usage is settled, through the second"
for n in 0 1; do
	TURN=$n
	api GET "/v1/leases/$LEASE/console?from=0" "" "$BUYER"
	is "$STATUS" 200 "the console is wanted, through market $n"
done
TURN=1
api POST "/v1/leases/$LEASE/console" '{"from":0,"end":5,"data":"aGVsbG8=","live":true}' "${M_TOKEN[desk]}"
is "$STATUS" 200 "the machine sends it to the second"
for url in "${URLS[@]}"; do
	URL=$url ask_one GET "/v1/leases/$LEASE/console?from=0" "" "$BUYER"
	is "$(field .data)" aGVsbG8= "and the buyer reads it at $url"
	URL=$url ask_one GET "/v1/orders/${ORDERS[1]}/receipt" "" "$BUYER"
	is "$STATUS" 200 "a receipt from $url"
	cp "$WORK/body" "$WORK/receipt.${url##*:}"
done
is "$(jq -c 'del(.at,.signature,.issued_at)' "$WORK/receipt.${URLS[0]##*:}")" "$(jq -c 'del(.at,.signature,.issued_at)' "$WORK/receipt.${URLS[1]##*:}")" \
	"they say the same"
SEEN=()
for path in /v1/book /v1/market /v1/market/countries /v1/sellers /v1/trust/policy /v1/trades /v1/reputation /v1/openapi.json /; do
	for url in "${URLS[@]}"; do
		URL=$url ask_one GET "$path"
		SEEN[${#SEEN[@]}]="$STATUS ${#BODY}"
	done
	like "${SEEN[0]}" '^200' "GET $path"
	[ $path = /v1/market ] && SEEN[1]=${SEEN[0]} # each has a key of its own
	is "${SEEN[1]}" "${SEEN[0]}" "is answered alike by both"
	SEEN=()
done
URL=${URLS[1]} ask_one GET "/v1/orders/${ORDERS[0]}/explain" "" "$SELLER"
is "$STATUS $(field .code)" "404 not_found" "what the holder refuses is refused as it says"
URL=${URLS[1]} ask_one POST /v1/orders/quote '{"image":1}' "$BUYER"
is "$STATUS $(field .code) $(field ".errors[0].field")" "422 bad_field image" "and so is what makes no sense"
is "$(curl -ks "${URLS[1]}/v1/market/countries" -D - -o /dev/null | grep -ci '^etag:\|^x-request-id:')" 2 "an answer keeps its headers"
is "$(curl -ksI "${URLS[1]}/v1/offers" | head -n 1 | tr -d '\r')" "HTTP/1.1 200 OK" "HEAD is answered"

# A new route of a machine, a lease or an offer needs what the holder has in memory, unless it is one of these.
is "$(grep -E '"/v1/(machines|leases|offers|book)' "$TOP/market/routes.c" | grep -v BOOK | cut -d'"' -f2,4 | tr '"' ' ' | sort | paste -sd,)" \
	"GET /v1/leases/{id}/attestation,GET /v1/leases/{id}/dispute,GET /v1/leases/{id}/receipt,GET /v1/machines/{id}/attestation,GET /v1/machines/{id}/calibrations,GET /v1/machines/{id}/wake,POST /v1/leases/{id}/correct,POST /v1/machines/{id}/calibrations" \
	"the others read the database alone"

# Who knows the secret is believed, and nobody else.
SECRET=$(sql "SELECT secret FROM cpushare.book")
like "$SECRET" '^[0-9a-f]{64}$' "the holder's secret is where the others find it"
is "$(grep -c "$SECRET" "$WORK/market.log" "$WORK/second.log" | cut -d: -f2 | paste -sd+ | bc)" 0 "and in no log"
forwarded() { curl -ks -o /dev/null -w '%{http_code}' -H "X-CPUShare-Forwarded: $2" "$1/v1/offers"; }
is "$(forwarded "${URLS[0]}" "$SECRET")" 200 "with it a request is taken"
is "$(forwarded "${URLS[0]}" "${SECRET/[0-9a-f]/x}")" 503 "with another one it is not"
is "$(forwarded "${URLS[1]}" "$SECRET")" 503 "nor by a market whose it is not: it would go on for ever"

# A picture of a screen is one, whoever is asked for it.
M_TERMS='{"display":true}'
URL=${URLS[0]}
report desk
new_order "$BUYER" '.constraints = {display: "vga"}'
ok "an order with a display is matched" within 10 matched
LEASE=$(field '.items[0].id')
STILL="$(said "${LEASES[0]}" running),$(said "${LEASES[1]}" running)"
report desk "[$STILL,$(said "$LEASE" running)]"
for n in 1 0; do URL=${URLS[$n]} ask_one GET "/v1/leases/$LEASE/screen" "" "$BUYER" && echo "$STATUS $(field .code)"; done >"$WORK/looks"
is "$(sort -u "$WORK/looks")" "404 no_picture" "its screen is looked at, through both"
base64 -d >"$WORK/screen.png" <<<iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC
is "$(curl -ks -X PUT -o /dev/null -w '%{http_code}' -H "Authorization: Bearer ${M_TOKEN[desk]}" -H 'Content-Type: application/octet-stream' \
	--data-binary "@$WORK/screen.png" "${URLS[1]}/v1/leases/$LEASE/screen")" 204 "the machine sends the picture to the second"
for url in "${URLS[@]}"; do
	is "$(curl -ks -o "$WORK/seen.png" -w '%{http_code} %{content_type}' -H "Authorization: Bearer $BUYER" "$url/v1/leases/$LEASE/screen") $(cmp "$WORK/seen.png" "$WORK/screen.png" && echo same)" \
		"200 image/png same" "a picture, at $url"
done
M_TERMS={}
TURN=0
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
report desk "[$STILL,$(said "$LEASE" ended cancelled_by_buyer)]"
is "$STATUS" 200 "that lease ends"

for n in 0 1; do
	TURN=$n
	api POST "/v1/orders/${ORDERS[$n]}/cancel" "" "$BUYER"
	is "$STATUS" 200 "cancelled, through market $n"
done
TURN=1
report desk "[$(said "${LEASES[0]}" ended completed),$(said "${LEASES[1]}" ended completed)]"
is "$STATUS" 200 "both leases end"
api GET /v1/balance "" "$BUYER"
is "$(field .held_micro)" 0 "and hold nothing"
for n in 0 1; do
	TURN=$n
	api POST "/v1/leases/${LEASES[$n]}/feedback" '{"good":true}' "$BUYER"
	is "$STATUS" 201 "a mark, through market $n"
done

# ---- under load: deposits and orders through both, each repeated under its key until it is accepted ----
ask() { # METHOD PATH BODY TOKEN KEY
	local code
	while :; do
		code=$(curl -ks -m 8 -X "$1" -o "$WORK/$NAME.answer" -w '%{http_code}' ${3:+-H 'Content-Type: application/json' -d "$3"} \
			-H "Authorization: Bearer $4" ${5:+-H "Idempotency-Key: $5"} "${URLS[$((TURN % 2))]}$2")
		TURN=$((TURN + 1))
		case $code in 000 | 5?? | 429) [ -e "$WORK/give-up" ] && return 1; sleep 0.05 ;; *) break ;; esac
	done
	ANSWER=$(<"$WORK/$NAME.answer") CODE=$code
}
client() {
	NAME=$1 TURN=$2
	local i id
	for ((i = 1; ; i++)); do
		[ -e "$WORK/stop" ] && break
		ask POST /v1/deposits "{\"amount_micro\":$((1000000 + i)),\"provider\":\"manual\"}" "${TOKENS[$NAME]}" "$NAME-deposit-$i" || break
		[ "$CODE" = 201 ] && echo "$ANSWER" >>"$WORK/$NAME.deposits" || echo "deposit: $CODE $ANSWER" >>"$WORK/$NAME.wrong"
		ask POST /v1/orders "$(order_body '.max_price_per_core_hour_micro = 1200 | .memory_mib = 64 | .max_price_per_gib_hour_micro = 0')" \
			"${TOKENS[$NAME]}" "$NAME-order-$i" || break
		[ "$CODE" = 201 ] && jq -r .id <<<"$ANSWER" >>"$WORK/$NAME.orders" || echo "order: $CODE $ANSWER" >>"$WORK/$NAME.wrong"
		[ $((i % 3)) = 0 ] || continue
		id=$(jq -r .id <<<"$ANSWER")
		ask POST "/v1/orders/$id/cancel" "" "${TOKENS[$NAME]}" "$NAME-cancel-$i" || break
		[ "$CODE" = 200 ] && echo "$id" >>"$WORK/$NAME.cancelled" || echo "cancel: $CODE $ANSWER" >>"$WORK/$NAME.wrong"
	done
}
declare -A TOKENS
CLIENTS=() TURN=0
for name in anna bert; do
	new_buyer $name 5000000 && TOKENS[$name]=$TOKEN
	new_image "$TOKEN" 1000
	client $name ${#CLIENTS[@]} &
	CLIENTS+=($!)
done
got() { [ "$(cat "$WORK"/{anna,bert}.orders 2>/dev/null | wc -l)" -ge "$1" ]; }
ok "clients place orders through both" within 20 got 4
is_refused() { at "${URLS[1]}" GET attestation lost && [ "$STATUS" = 401 ]; }
ok "nor, before long, for what the second answers itself" within 60 is_refused
kill -KILL $MARKET_PID
wait $MARKET_PID 2>/dev/null
ok "the holder is killed: the second takes over" within 15 holds "${URLS[1]}"
report_at "${URLS[1]}" stolen
is "$STATUS" 401 "which does not know a token any more that the first has revoked"
M_SEQ[desk]=$((M_SEQ[desk] + 1))
ask_one_desk() { URL=${URLS[1]} ask_one POST "/v1/machines/${M_ID[desk]}/report" "$(report_body desk)" "${M_TOKEN[desk]}" && [ "$STATUS" = 200 ]; }
ok "it hears machines" within 20 ask_one_desk
before=$(cat "$WORK"/{anna,bert}.orders | wc -l)
ok "orders go on" within 20 got $((before + 3))
ok "the first is started again" restart_market
is "$(curl -ks "${URLS[0]}/healthz" | jq .holds_book)" false "and hands on"
before=$(cat "$WORK"/{anna,bert}.orders | wc -l)
ok "both serve" within 20 got $((before + 3))
kill -KILL $MARKET_PID
wait $MARKET_PID 2>/dev/null
before=$(cat "$WORK"/{anna,bert}.orders | wc -l)
ok "the other one is killed: orders go on" within 20 got $((before + 3))
touch "$WORK/stop"
for pid in "${CLIENTS[@]}"; do wait "$pid"; done
for name in anna bert; do
	ACCOUNT="(SELECT id FROM cpushare.account WHERE name = '$name')"
	n=$(wc -l <"$WORK/$name.orders") gone=$(cat "$WORK/$name.cancelled" 2>/dev/null | wc -l)
	note "$name: $n orders, $gone cancelled"
	is "$(cat "$WORK/$name.wrong" 2>/dev/null)" "" "$name was refused nothing"
	is "$(sql "SELECT count(*) FROM cpushare.order WHERE buyer = $ACCOUNT")" "$n" "$name: each order is there, once"
	is "$(sql "SELECT string_agg(id::text, ' ' ORDER BY id) FROM cpushare.order WHERE buyer = $ACCOUNT")" "$(sort "$WORK/$name.orders" | paste -sd' ')" \
		"$name: the very ones that were acknowledged"
	is "$(sql "SELECT count(*) FROM cpushare.order WHERE buyer = $ACCOUNT AND state = 'cancelled'")" "$gone" "$name: and each cancellation"
	is "$(sql "SELECT count(*) - 1 FROM cpushare.deposit WHERE account = $ACCOUNT")" "$(wc -l <"$WORK/$name.deposits")" "$name: each deposit, once"
	URL=${URLS[1]} ask_one GET /v1/balance "" "${TOKENS[$name]}"
	is "$(field '.available_micro + .held_micro')" 5000000 "$name: the money is all there"
	is "$(field .held_micro)" $(((n - gone) * 100)) "$name: open orders hold what they should"
done
ok "the ledger holds" cpushare-market ledger verify --database "$DATABASE" --data "$WORK/second"
done_testing
