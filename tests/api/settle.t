#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# settle.t - usage is heard with every report and settled seldom: what is shown, what is posted, and what a crash in between costs
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=1000 --set timing.settle_interval=1h --set timing.tick_interval=200ms --set timing.sweep_interval=100ms --set timing.hold_window=60s --set timing.end_grace=2s --set timing.lost_contact=30s
signup seller && SELLER=$TOKEN
new_machine desk "$SELLER" || bail "$BODY"
new_buyer buyer 10000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"
report desk
new_order "$BUYER" . || bail "$BODY"
leases() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER"; }
matched() { leases && [ "$(field '.items | length')" = 1 ]; }
ok "an order is matched" within 20 matched
LEASE=$(field '.items[0].id')
report desk "[$(said "$LEASE" running)]"
charges() { api GET /v1/postings "" "$BUYER" && jq '[.items[] | select(.kind == "charge")] | length' <<<"$BODY"; }
# counts SEQ VCPU_MS PREVIOUS: reports so much of one core
counts() { report desk "[$(said "$LEASE" "${4:-running}" "${4:+completed}" "$(usage desk "$LEASE" "$1" $(($2 * 1000000)) $(($2 * 1000)) 0 0 "$3")")]"; }
ack() { field .leases[0].ack_seq; }

counts 1 100 $NO_HASH
is "$(ack)" 1 "the first record is settled at once"
hash=$(<"$WORK/usage_hash")
before=$(charges)
for ms in 200 300 400; do counts 2 $ms "$hash"; done
is "$(ack)" 1 "further ones are heard, and not acknowledged yet"
is "$(charges)" "$before" "nor posted"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .vcpu_ns)" 400000000 "but shown"
shown=$(field .charged_micro)
isnt "$shown" 0 "with what they cost"
settled=$(sql "SELECT charged_micro FROM cpushare.lease WHERE id = '$LEASE'")
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field .charged_micro)" "$shown" "also by the order"
api GET /v1/balance "" "$BUYER"
is "$(field .accrued_micro)" $((shown - settled)) "the buyer's balance says what of the hold is used up"
bp=$(curl -ks "$URL/v1/market" | jq .fees.settlement_basis_points)
api GET /v1/balance "" "$SELLER"
is "$(field .earning_micro)" "$(jq -n --argjson s "$shown" --argjson c "$settled" --argjson bp "$bp" \
	'$s - $c - (($s * $bp + 5000) / 10000 | floor) + (($c * $bp + 5000) / 10000 | floor)')" "and the seller's what is earned, less the commission"
api GET /v1/earnings?days=1 "" "$SELLER"
is "$(field .items[0].earned_micro)" "$(jq -n --argjson s "$shown" --argjson bp "$bp" '$s - (($s * $bp + 5000) / 10000 | floor)')" "so does the day"
counts 2 250 "$hash"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .vcpu_ns)" 400000000 "one that comes late does not turn the clock back"

end "$MARKET_PID" KILL
ok "the market is killed, and back" restart_market
counts 2 500 "$hash"
is "$STATUS" 200 "the machine goes on building on what was acknowledged"
is "$(ack)" 2 "and a market that has just started settles what it hears first"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .vcpu_ns)" 500000000 "nothing is lost"

hash=$(<"$WORK/usage_hash")
counts 3 600 "$hash" ended
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field '.state + " " + (.vcpu_ns | tostring)')" "ended 600000000" "the end settles the last record"
core=$(field .price_per_core_hour_micro) memory=$(field .price_per_gib_hour_micro) mib=$(field .memory_mib)
due=$(jq -n --argjson c "$core" --argjson m "$memory" --argjson mib "$mib" '($c * 600 / 3600000 + 0.5 | floor) + ($m * $mib * 600 / (1024 * 3600000) + 0.5 | floor)')
is "$(field .charged_micro)" "$due" "at its whole price"
is "$(charges)" $((before + 2)) "in few postings"

# A hold that runs low is settled, and filled up again, before its time.
new_order "$BUYER" . || bail "$BODY"
ok "another order is matched" within 20 matched
LEASE=$(field '.items[0].id')
report desk "[$(said "$LEASE" running)]"
counts 1 10 $NO_HASH
hash=$(<"$WORK/usage_hash")
sql "UPDATE cpushare.lease SET created_at = created_at - interval '30 min', started_at = started_at - interval '30 min' WHERE id = '$LEASE'" >/dev/null
end "$MARKET_PID"
ok "the market starts anew" restart_market
counts 2 55000 "$hash"
is "$(ack)" 2 "a record that takes more than half of the hold is settled at once"
api GET "/v1/leases/$LEASE" "" "$BUYER"
ok "and the hold is full again" eval '[ "$(field .held_micro)" -ge "$(jq -n --argjson c "$core" "\$c / 60 | floor")" ]'

# What was heard is kept by ticks: where market and machine are lost at once, all of the last tick is there, shown, and charged at the end.
new_order "$BUYER" . || bail "$BODY"
ok "one more order is matched" within 20 matched
LEASE=$(field '.items[0].id')
report desk "[$(said "$LEASE" running)]"
counts 1 100 $NO_HASH
hash=$(<"$WORK/usage_hash")
counts 2 700 "$hash"
is "$(ack)" 1 "a record is heard, not settled"
ticked() { [ "$(sql "SELECT count(*) FROM cpushare.usage_tick WHERE '$LEASE' = ANY (leases) AND vcpu_ns[array_position(leases, '$LEASE')] = $1")" != 0 ]; }
ok "a tick keeps it" within 10 ticked 700000000
counts 2 800 "$hash"
ok "the next one what was heard since" within 10 ticked 800000000
first=$(sql 'SELECT min(generation) FROM cpushare.usage_tick')
newer() { [ "$(sql 'SELECT min(generation) FROM cpushare.usage_tick')" -gt "$first" ]; }
ok "what is older goes" within 10 newer
api GET "/v1/leases/$LEASE" "" "$BUYER"
shown=$(field '"\(.vcpu_ns) \(.charged_micro) \(.held_micro)"')
end "$MARKET_PID" KILL
ok "the market is killed, and back" restart_market
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field '"\(.vcpu_ns) \(.charged_micro) \(.held_micro)"')" "$shown" "and shows what it showed, though the machine has not said anything"
is "$(sql "SELECT usage_seq FROM cpushare.lease WHERE id = '$LEASE'")" 1 "nothing is settled by that"
before=$(charges)
api POST "/v1/orders/$ORDER/cancel" '{}' "$BUYER" "$(key)"
is "$STATUS" 200 "the order is cancelled, its machine is gone" || note "$BODY"
over() { api GET "/v1/leases/$LEASE" "" "$BUYER" && [ "$(field .state)" = ended ]; }
ok "the lease ends" within 60 over
is "$(field '"\(.vcpu_ns) \(.charged_micro)"')" "${shown% *}" "what the tick had is settled then"
is "$(charges)" $((before + 1)) "once"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
