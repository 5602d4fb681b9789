#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill.t - kill -9 of the market, of a seller's daemon, of PostgreSQL, at random moments during a running order
#
# After each: the same leases go on, or end with a reason. At the end: no hold is left over, the ledger sums to zero, and what was charged
# is what the counters say, once. ROUNDS sets how often each is killed; the seed is printed.
. "$(dirname "$0")/../lib.sh"
ROUNDS=${ROUNDS:-2}
RANDOM=${SEED:=$((RANDOM))}
note "SEED=$SEED ROUNDS=$ROUNDS"

start_market --set timing.lost_contact=60s
ok "operator, buyer, sellers" eval 'new_operator && new_user buyer && add_funds buyer 50'
for n in 1 2; do
	ok "seller$n is set up" new_seller seller$n --price-core 0.5 --price-memory 0.25 --price-transfer 0.1 --jail-uid $((64100 + 64 * n))
	start_seller seller$n
done
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
printf '#!/bin/sh\nwhile :; do :; done\n' >"$WORK/user-data"
began=$SECONDS
order=$(as buyer cpushare order create --image tiny.iso --count 3 --memory 160M --max-price 1 --max-price-memory 1 \
	--max-price-transfer 1 --user-data "$WORK/user-data" --wait --timeout 4m -o name)
is $? 0 "three VMs run"
leases() { as buyer cpushare node list "$order" -o json; }
ids=$(leases | jq -r '.items[].id' | sort)
is "$(wc -w <<<"$ids")" 3 "with a lease each"

kill_market() { end "$MARKET_PID" KILL; restart_market; }
kill_seller() { # NAME
	local pid=SELLER_PID_$1
	end "${!pid}" KILL
	${IN:-} cpushare-seller run --state "$WORK/$1" >>"$WORK/$1.log" 2>&1 &
	printf -v "$pid" %s $!
}
kill_postgres() { kill -KILL "$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")"; }
random_pause() { sleep "$((RANDOM % 3)).$((RANDOM % 10))"; }
vcpu() { leases | jq '[.items[].vcpu_ns] | add'; }
goes_on() { local now; now=$(vcpu) && [ "$now" -gt "$1" ]; }

for ((round = 1; round <= ROUNDS; round++)); do
	for victim in market seller postgres; do
		random_pause
		before=$(vcpu)
		case $victim in
		market) ok "round $round: the market is back after kill -9" kill_market ;;
		seller) kill_seller "seller$((1 + RANDOM % 2))" ;;
		postgres) kill_postgres ;;
		esac
		ok "round $round, $victim killed: counters grow again" within 60 goes_on "${before:-0}"
		is "$(leases | jq -r '.items[].id' | sort)" "$ids" "round $round, $victim killed: the same leases"
		is "$(leases | jq -r '.items[] | select(.state == "ended" and .reason == "") | .id')" "" "none ended without a reason"
	done
done
is "$(leases | jq -r '.items[] | .state' | sort -u | tr '\n' ' ')" "running " "all three still run"

# A market that dies while the order ends, at three moments.
as buyer cpushare order cancel "$order" -q &
cancelling=$!
sleep "0.$((RANDOM % 5))"
kill_market
wait $cancelling || as buyer cpushare order cancel "$order" -q
ok "the order ends" within 90 eval '[ "$(as buyer cpushare order show "$order" -o json | jq .held_micro)" = 0 ] && leases | jq -e "[.items[].state] | all(. == \"ended\")"'
elapsed=$((SECONDS - began))
gone() { ! ls "$WORK"/seller?/leases/*/vmrun.pid >/dev/null 2>&1; }
ok "the sellers have nothing left" within 60 gone

is "$(as buyer cpushare funds balance -o json | jq .held_micro)" 0 "no hold is left over"
ok "the ledger sums to zero" cpushare-market ledger verify --data "$MARKET_DATA"
receipt=$(as buyer cpushare order receipt "$order" -o json)
# What the published formula makes of the counters, to a micro per part.
wrong=$(jq '[.leases[] | . as $l |
	(.price_per_core_hour_micro * .vcpu_ns / 3.6e12 + .price_per_gib_hour_micro * .memory_mib * .running_us / (1024 * 3.6e9) +
	 .price_per_gib_transferred_micro * (.tx_bytes + .rx_bytes) / 1073741824) as $due |
	select(.charged_micro > $due + 3 or .charged_micro < $due - 3) | {name, charged_micro, $due}]' <<<"$receipt")
is "$wrong" "[]" "each VM was charged what its counters say, once"
is "$(jq --argjson s "$elapsed" '[.leases[] | select(.running_us > ($s + 5) * 1e6 or .vcpu_ns > ($s + 5) * 1e9 * .cores)] | length' <<<"$receipt")" 0 \
	"and no counter is more than the time that passed"
paid=$(jq '.totals.charged_micro' <<<"$receipt")
got=0
for n in 1 2; do got=$((got + $(as seller$n cpushare funds balance -o json | jq .available_micro))); done
is "$((got + $(jq '.totals.commission_micro' <<<"$receipt")))" "$paid" "what the buyer paid is what the sellers and the market got"
done_testing
