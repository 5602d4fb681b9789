#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# calibration.t - a real machine is measured: a VM boots, works by the seed that its network brings, and the market sets the score; what its owner sees
. "$(dirname "$0")/../lib.sh"

UDP1=127.0.0.1:$(free_port) UDP2=127.0.0.1:$(free_port)
start_market --set calibration.image="$BUILD/images/calibrate.iso" --set calibration.work=2s --set calibration.least=1 \
	--set market.regions="near far" --set relay.relays="near=$UDP1 far=$UDP2 near=127.0.0.1:9" --set relay.stun="$UDP1 $UDP2"
cpushare-relay serve --listen "$UDP1" --listen "$UDP2" --ticket-key "$MARKET_DATA/relay/ticket.pub" >"$WORK/relay.log" 2>&1 &
RELAY=$!
cleanup 'end $RELAY'
within 10 grep -q listening "$WORK/relay.log"
OPERATE=(--data "$MARKET_DATA" -o json)
ok "an operator pays for it" cpushare-market calibration fund 1.00 "${OPERATE[@]}"
ok "a machine" new_seller desk --price-core 0.10 --price-memory 0.01
start_seller desk

field() { as desk cpushare-seller status --state "$WORK/desk" -o json | jq -r "$1"; }
is_field() { [ "$(field "$1")" = "$2" ]; }
ok "is seen" within 60 is_field .outlook.market.in_book true
like "$(field .outlook.nat)" '^(none|independent)$' "it knows what its line is like"
isnt "$(field .outlook.relay_rtt_us)" -1 "and how far the relay is"
is "$(cpushare-seller selftest --state "$WORK/desk" -o json | jq -r '.checks[] | select(.name == "nat").state')" ok "selftest tells it, too"
regions='(far [0-9]+ ms, near|near [0-9]+ ms, far) [0-9]+ ms$'
like "$(cpushare-seller selftest --state "$WORK/desk" -o json | jq -r '.checks[] | select(.name == "nat").detail')" "; to $regions" "and how far the market's regions are"
like "$(as desk cpushare net netcheck -o json | jq -r '.items[] | select(.check == "regions").detail')" "^$regions" "as netcheck does"
MACHINE=$(field .machine)
offer() { as desk cpushare offer list "$@" -o json | jq -c '.items[0]'; }
lined() { [ "$(offer | jq -c '.up_kbit_s > 0 and .down_kbit_s > 0')" = true ]; }
ok "its line is measured" within 60 lined
note "up $(offer | jq .up_kbit_s) down $(offer | jq .down_kbit_s) kbit/s"
is "$(offer | jq -c '[.rtt[].region] | sort')" '["far","near"]' "and it knows how far the market's regions are"
is "$(offer "rtt.far<=60000ms" "rtt.near>0ms" | jq -r .machine_name)" desk "by which offers are found"
like "$(cat "$WORK/market.log")" 'a line was measured.*machine=desk' "the market tells"
CLAIMED=$(field .score)
ok "the operator asks" cpushare-market calibration run "$MACHINE" "${OPERATE[@]}"
result() { cpushare-market calibration list "$MACHINE" "${OPERATE[@]}" | jq -r ".items[0].$1"; }
judged() { [[ $(result result) =~ ^(good|wrong|slow|failed)$ ]]; }
ok "the VM boots, works, and is judged" within 300 judged
is "$(result result)" good "its answer is right" || { note "$(result detail)"; note "$(tail -n 5 "$WORK/desk.log")"; }
note "claimed $CLAIMED, measured $(result score) in $(result took_us) us with $(result cores) cores"
like "$(curl -ksf "$URL/metrics")" 'cpushare_calibrations_total\{result="good"\} 1' "the metrics count it"
ok "the score is what was measured" test "$(as desk cpushare offer list -o json | jq -r '.items[0] | select(.measured).score')" = "$(result score)"
none() { [ "$(as desk cpushare-seller status --state "$WORK/desk" -o json | jq '.leases | length')" = 0 ]; }
ok "the lease is over" within 90 none
like "$(as desk cpushare-seller status --state "$WORK/desk")" 'seen      online by the market, on its book' "status says what the market sees"
like "$(as desk cpushare-seller status --state "$WORK/desk")" 'orders    0 wait for places, 0 of them would fit' "and why there is no work"
paid() { [ "$(sql "SELECT count(*) FROM cpushare.posting WHERE kind = 'charge'")" -gt 0 ]; }
ok "the seller was paid" paid
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
