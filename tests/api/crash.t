#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# crash.t - the market and its database are killed again and again while clients pay, order and cancel: what was accepted is there once,
# what was not has left nothing
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

ROUNDS=${ROUNDS:-6}
start_market --set limits.signups_burst=1000 --set timing.sweep_interval=200ms --set limits.deposits_per_account=200
signup operator && cpushare-market operator grant operator@example.org --data "$MARKET_DATA" >/dev/null && login operator && OPERATOR=$TOKEN
CLIENTS=(anna bert carl)
declare -A TOKENS IMAGES
for name in "${CLIENTS[@]}"; do
	signup "$name" && TOKENS[$name]=$TOKEN
	new_image "$TOKEN" 1000 && IMAGES[$name]=$IMAGE
done

# ask METHOD PATH BODY TOKEN KEY: until the market says yes or no; what it says stands in $ANSWER. A client's own files.
ask() {
	local code
	while :; do
		code=$(curl -ks -m 5 -X "$1" -o "$WORK/$NAME.answer" -w '%{http_code}' ${3:+-H 'Content-Type: application/json' -d "$3"} \
			-H "Authorization: Bearer $4" ${5:+-H "Idempotency-Key: $5"} "$URL$2")
		case $code in 000 | 5?? | 429) [ -e "$WORK/stop-retry" ] && return 1; sleep 0.1 ;; *) break ;; esac
	done
	ANSWER=$(<"$WORK/$NAME.answer") CODE=$code
}
# Pays in a different amount each time, orders what no machine offers, cancels every other order.
client() {
	NAME=$1
	local i id amount paid=0 n=0
	for ((i = 1; ; i++)); do
		[ -e "$WORK/stop" ] && break
		amount=$((1000000 + i))
		ask POST /v1/deposits "{\"amount_micro\":$amount,\"provider\":\"manual\"}" "${TOKENS[$NAME]}" "$NAME-deposit-$i" || break
		[ "$CODE" = 201 ] || { echo "deposit: $CODE $ANSWER" >>"$WORK/$NAME.wrong"; break; }
		id=$(jq -r .id <<<"$ANSWER")
		ask POST "/v1/deposits/$id/confirm" "" "$OPERATOR" "" || break
		# 409: an attempt before this one was done, and its answer lost
		case $CODE in 200 | 409) ;; *) echo "confirm: $CODE $ANSWER" >>"$WORK/$NAME.wrong" ;; esac
		paid=$((paid + amount)) n=$((n + 1))
		echo "$paid $n" >"$WORK/$NAME.paid"
		ask POST /v1/orders "{\"image\":\"${IMAGES[$NAME]}\",\"count\":1,\"cores\":1,\"memory_mib\":64,\"max_price_per_core_hour_micro\":1200,
			\"max_price_per_gib_hour_micro\":0,\"max_price_per_gib_transferred_micro\":0}" "${TOKENS[$NAME]}" "$NAME-order-$i" || break
		[ "$CODE" = 201 ] || { echo "order: $CODE $ANSWER" >>"$WORK/$NAME.wrong"; break; }
		id=$(jq -r .id <<<"$ANSWER")
		if [ $((i % 2)) = 0 ]; then
			ask POST "/v1/orders/$id/cancel" "" "${TOKENS[$NAME]}" "$NAME-cancel-$i" || break
			[ "$CODE" = 200 ] || echo "cancel: $CODE $ANSWER" >>"$WORK/$NAME.wrong"
		else
			echo "$id" >>"$WORK/$NAME.open"
		fi
	done
}
PIDS=()
for name in "${CLIENTS[@]}"; do
	client "$name" &
	PIDS+=($!)
done

for ((round = 1; round <= ROUNDS; round++)); do
	sleep 1.$((RANDOM % 10))
	if [ $((round % 2)) = 1 ]; then
		kill -KILL "$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")"
		ok "round $round: the database is killed and comes back" within 30 market_answers
	else
		end "$MARKET_PID" KILL
		restart_market
		is $? 0 "round $round: the market is killed and started again"
	fi
done
sleep 1
touch "$WORK/stop"
within 30 market_answers
for pid in "${PIDS[@]}"; do wait "$pid"; done

for name in "${CLIENTS[@]}"; do
	NAME=$name
	read -r paid n <"$WORK/$name.paid"
	open=$(wc -l <"$WORK/$name.open")
	note "$name: $n deposits, $open open orders"
	is "$(cat "$WORK/$name.wrong" 2>/dev/null)" "" "$name was refused nothing"
	ACCOUNT="(SELECT id FROM cpushare.account WHERE name = '$name')"
	is "$(sql "SELECT count(*) FROM cpushare.deposit WHERE account = $ACCOUNT AND state = 'credited'")" "$n" "$name: each deposit is there, once"
	is "$(sql "SELECT count(*) FROM cpushare.order WHERE buyer = $ACCOUNT AND state = 'open'")" "$open" "$name: each order, once"
	api GET /v1/balance "" "${TOKENS[$name]}"
	is "$(field '.available_micro + .held_micro')" "$paid" "$name: all that was paid is there"
	is "$(field .held_micro)" $((open * 100)) "$name: what open orders hold is held"
	ok "$name got somewhere" [ "$n" -ge $ROUNDS ]
done
api GET /metrics
is "$(grep ^cpushare_open_orders <<<"$BODY" | cut -d' ' -f2)" "$(sql "SELECT count(*) FROM cpushare.order WHERE state = 'open'")" "the market knows all open orders"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
kill -TERM $MARKET_PID
wait $MARKET_PID
is $? 0 "the market stops cleanly"
done_testing
