#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# seen.t - what the other members of an order's network saw of a VM stands beside its machine's counters when its lease is disputed
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=100 --set timing.lost_contact=60s --set timing.settle_interval=1ms
signup ann && ANN=$TOKEN
signup bob && BOB=$TOKEN
M_CORES=1 # so that each has one VM
for name in desk twin other; do # desk and twin are ann's
	new_machine $name "$([ $name = other ] && echo "$BOB" || echo "$ANN")" && report $name || bail "$BODY"
done
new_buyer buyer 20000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"
new_order "$BUYER" '.count = 3' || bail "$BODY"
leases() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = "$1" ]; }
ok "three VMs in one network" within 20 leases 3
declare -A LEASE
for name in desk twin other; do LEASE[$name]=$(jq -r --arg m "${M_ID[$name]}" '.items[] | select(.machine == $m).id' <<<"$BODY"); done

paths() { jq -nc --arg l "${LEASE[desk]}" --arg p "$1" '[{peer: $l, path: $p, rtt_us: -1, loss_permille: -1, datagram_bytes: 0}]'; } # PATH: to desk's VM
pin() { printf %s "$1" | sha256sum | cut -c1-64; }
# speaks NAME [PATH]: it runs, and says how it reaches desk's VM
speaks() {
	report "$1" "[$(said "${LEASE[$1]}" running '' null "{\"pin\":\"$(pin "$1")\",\"candidates\":[],\"peers_version\":0,\"path\":\"${OWN:-none}\"${2:+,\"paths\":$(paths "$2")}}")]"
	[ "$STATUS" = 200 ] || note "$BODY"
}
LAPTOP=$(cat /proc/sys/kernel/random/uuid)
joins() { # PATH: the buyer's own machine
	api POST "/v1/orders/$ORDER/peers" "{\"id\":\"$LAPTOP\",\"name\":\"laptop\",\"pin\":\"$(pin laptop)\",\"candidates\":[],\"peers_version\":0,\"paths\":$(paths "$1")}" "$BUYER"
	[ "$STATUS" = 200 ] || note "$BODY"
}
OWN=connecting speaks desk
OWN=direct speaks desk
OWN=relayed speaks desk
for _ in 1 2; do
	speaks twin direct
	speaks other none
	joins relayed
	sleep 1.1
done
speaks other none
joins relayed
api GET "/v1/leases/${LEASE[desk]}/console?from=0" "" "$BUYER" # who reads it has it sent
api POST "/v1/leases/${LEASE[desk]}/console" "{\"from\":0,\"end\":9,\"data\":\"$(printf 'hello\033[2J' | base64)\",\"live\":true}" "${M_TOKEN[desk]}"
for name in desk twin other; do report $name "[$(said "${LEASE[$name]}" ended completed "$(usage $name "${LEASE[$name]}" 1 2000000000 2000000 0 0 $NO_HASH)")]"; done
dispute() { api POST "/v1/leases/${LEASE[$1]}/dispute" '{"text":"nobody reached it"}' "$BUYER" "$(key)"; }
dispute desk
is "$STATUS" 201 "its lease is disputed" || note "$BODY"
seen() { field ".evidence.seen | $1"; }
is "$(seen '"\(.sellers.missed_s >= 2) \(.sellers.reached_s) \(.sellers.reached_at)"')" "true 0 null" \
	"another seller's VM did not reach it, as long as it spoke; the seller's own other machine is no witness"
is "$(seen '"\(.buyer.reached_s >= 2) \(.buyer.missed_s) \(.buyer.reached_at != null)"')" "true 0 true" "the buyer's machine did"
is "$(seen '[.paths[].path] | join(" ")')" "connecting direct relayed none" "and the paths that it had itself are there"
is "$(field .console_base64 | base64 -d)" $'hello\033[2J' "and the console's last bytes"
SHOWN=$(cpushare-market dispute show "${LEASE[desk]}" --data "$MARKET_DATA")
like "$SHOWN" '"nobody reached it"' "the operator's command shows what is said"
like "$SHOWN" '"missed_s": [2-9]' "and what is known"
like "$SHOWN" 'hello[.]\[2J' "the console's end, which cannot speak to the terminal"
is "$(cpushare-market dispute show "${LEASE[desk]}" --data "$MARKET_DATA" -o json | jq '.evidence.usage.vcpu_ns')" 2000000000 "as JSON, too"
is "$(cpushare-market dispute show "${LEASE[other]}" --data "$MARKET_DATA" 2>/dev/null; echo $?)" 3 "of a lease that nobody disputes there is none"
dispute other
is "$(seen '"\(.sellers) \(.buyer) \(.paths)"')" "null null []" "of who was not spoken of nothing is said"

# A market that began since has seen nothing.
end "$MARKET_PID"
ok "the market starts anew" restart_market
dispute twin
is "$STATUS $(field .evidence.seen)" "201 null" "it knows of no witnesses, and says so"
done_testing
