#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# funds.t - statements, and the warning before money or a budget is gone
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

# 1.00 for a core hour: 2.00 last for two hours, which is within a day's warning; the VM would run for three days.
M_PRICE=1000000 M_PRICE_MEMORY=0
start_market --set timing.lost_contact=60s --set timing.funds_warning=24h --set timing.settle_interval=1h --set fees.settlement_bp=0
signup seller && SELLER=$TOKEN
new_machine desk "$SELLER" || bail "$BODY"
new_buyer buyer 2000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"
report desk
api GET /v1/balance "" "$BUYER"
is "$(field '"\(.per_hour_micro) \(.runs_out_at)"')" "0 null" "nothing runs, nothing runs out"

new_order "$BUYER" '.duration_s = 259200 | .budget_micro = 1500000' || bail "$BODY"
matched() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ]; }
ok "an order is matched" within 10 matched
LEASE=$(field '.items[0].id')
report desk
report desk "[$(said "$LEASE" running)]"
api GET /v1/balance "" "$BUYER"
is "$(field .per_hour_micro)" 1000000 "a VM costs what its machine asks"
ok "the time when money runs out is two hours from now" test "$(field '.runs_out_at[0:19] + "Z" | fromdateiso8601 - now | . > 7000 and . < 7300')" = true
events() { curl -ksN -m 2 -H "Authorization: Bearer $BUYER" "$URL/v1/events?after=0" >"$WORK/events"; grep -E '^event: .*low' "$WORK/events" | sort | paste -sd ' '; }
warned() { report desk "[$(said "$LEASE" running)]"; [ "$(events)" = "event: funds.low event: order.budget_low" ]; }
ok "the buyer is told, of the balance and of the order's budget" within 30 warned
data() { grep -A3 "^event: $1" "$WORK/events" | sed -n 's/^data: //p'; }
ok "when the budget will be gone" test "$(data order.budget_low | jq '(.runs_out_at[0:19] + "Z" | fromdateiso8601) - now | . > 5100 and . < 5450')" = true
is "$(data order.budget_low | jq -r '"\(.order) \(.per_hour_micro)"')" "$ORDER 1000000" "of which order"

end "$MARKET_PID"
ok "the market starts anew" restart_market
for _ in 1 2 3 4 5 6; do report desk "[$(said "$LEASE" running)]"; sleep 1; done
is "$(events)" "event: funds.low event: order.budget_low" "each is told once"

api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
report desk "[$(said "$LEASE" ended completed "$(usage desk "$LEASE" 1 3600000000 3600000 0 0 $NO_HASH)")]"
ended() { api GET "/v1/orders/$ORDER" "" "$BUYER" && [ "$(field .ended_at)" != null ]; }
ok "the order is over" within 10 ended

# ---- statements ----
api GET /v1/statement "" "$BUYER"
is "$(field .opening.balance_micro)" 0 "a statement begins with nothing"
is "$(field .closing.balance_micro)" "$(api GET /v1/balance "" "$BUYER" && field '.available_micro + .held_micro')" "and ends with the balance"
api GET /v1/statement "" "$BUYER"
is "$(field '[.items[] | .kind] | first')" deposit "the oldest movement comes first"
is "$(field '. as $s | [range(1; .items | length)] | all(. as $i | $s.items[$i] as $l | $s.items[$i - 1] as $b
	| $l.balance_micro == $b.balance_micro + $l.amount_micro)')" \
	true "each line follows from the one before"
middle=$(field '.items[1].at')
api GET "/v1/statement?from=$middle" "" "$BUYER"
is "$(field '.items[0].at')" "$middle" "from a time on"
opening=$(field .opening.balance_micro)
api GET "/v1/statement?from=2020-01-01T00:00:00Z&to=$middle" "" "$BUYER"
is "$(field '"\(.items | length) \(.closing.balance_micro)"')" "1 $opening" "one ends where the next begins"
api GET "/v1/statement?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z" "" "$BUYER"
is "$(field '"\(.items | length) \(.closing.balance_micro)"')" "0 0" "there was a time before"
api GET "/v1/statement?from=2020-01-01T00:00:00Z&to=2019-02-01T00:00:00Z" "" "$BUYER"
is "$STATUS $(field .code) $(field ".errors[0].field")" "422 bad_field from" "time does not go back"
api GET "/v1/statement?to=tomorrow" "" "$BUYER"
is "$STATUS $(field ".errors[0].field")" "422 to" "a time is a time"
api GET /v1/statement.csv "" "$BUYER"
head -n 1 "$WORK/body" | tr -d '\r' >"$WORK/head"
is "$(<"$WORK/head")" at,kind,amount,balance,currency,order,lease,deposit,text "as CSV"
is "$(sed -n '2p;3p' "$WORK/body" | cut -d, -f2-5 | tr '\r\n' ' ;')" "opening,,0.00,EUR;deposit,2.00,2.00,EUR;" "with the balances"
like "$(tail -n 1 "$WORK/body")" ",closing,," "up to the end"

# The same on the command line.
export CPUSHARE_MARKET=$URL CPUSHARE_PIN=$PIN CPUSHARE_TOKEN=$BUYER
cpushare funds history --from 2020-01-01 -o csv >"$WORK/csv"
is "$(sed -n '1p;2p' "$WORK/csv" | cut -d, -f2-4 | tr '\r\n' ' ;')" 'kind,amount_micro,balance_micro;deposit,2000000,2000000;' "funds history -o csv"
ok "a bad time is refused" test "$(cpushare funds history --from yesterday 2>&1; echo $?)" != 0
done_testing
