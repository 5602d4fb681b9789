#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# payouts.t - money out: quoted, reviewed, sent once, paid or given back, whatever the provider's answers do
. "$(dirname "$0")/provider.sh"
start_paid_market --set pay.interval=500ms --set fees.payout_bp=100 --set pay.payout_min=5 --set pay.payout_review=20
new_user anna >/dev/null || bail "no user"
new_operator >/dev/null || bail "no operator"
add_funds anna 200 >/dev/null || bail "no funds"
OPERATOR=$(user_token operator)
ANNA=$(user_token anna)

take_out() { # MICRO PROVIDER RECEIVER: sets PAYOUT
	api POST /v1/payouts "{\"amount_micro\":$1,\"provider\":\"$2\",\"receiver\":\"$3\"}" "$ANNA" "$(key)"
	PAYOUT=$(jq -r .id "$WORK/body")
}
state_of_payout() { sql "SELECT state FROM cpushare.payout WHERE id = '$1'"; }
payout_is() { [ "$(state_of_payout "$1")" = "$2" ]; }
batches() { known --arg id "$1" '[.batches[] | select(.batch == $id)] | length'; }
batch_state() { provider --arg id "$1" --arg s "$2" '(.batches[] | select(.batch == $id)).state = $s'; }
item_event() { # PAYOUT STATE
	paypal_event "$(jq -cn --arg p "$1" --arg s "$2" '{event_type:"PAYMENT.PAYOUTS-ITEM.X",resource:{transaction_status:$s,payout_item:{sender_item_id:$p}}}')"
}

note "a small one"
api POST /v1/payouts/quote '{"amount_micro":10000000,"provider":"paypal","receiver":"a@example.org"}' "$ANNA"
is "$(jq -cS . "$WORK/body")" '{"amount_micro":10000000,"approved":true,"commission_micro":100000,"send_micro":9900000}' "the market's part is shown before"
is "$(balance anna)" "200000000 0 0" "a quote changes nothing"
take_out 10000000 paypal a@example.org
is "$STATUS $(balance anna)" "201 190000000 0 0" "the money leaves the balance at once"
ok "it is sent without an operator" within 15 payout_is "$PAYOUT" sent
is "$(known --arg id "$PAYOUT" '.batches[] | select(.batch == $id) | .item.amount | "\(.value) \(.currency)"')" "9.90 EUR" "less the market's part"
batch_state "$PAYOUT" SUCCESS
ok "no webhook comes: the poller finds that it was paid" within 15 payout_is "$PAYOUT" paid
item_event "$PAYOUT" SUCCESS
is "$STATUS $(balance anna)" "204 190000000 0 0" "a late webhook changes nothing"
sound "after a payout"
take_out 10009999 paypal a@example.org
is "$(jq -r '"\(.send_micro) \(.commission_micro)"' "$WORK/body")" "9900000 109999" "what is less than a cent stays with the market's part"

note "answers that are lost"
fault POST /v1/payments/payouts lost
fault POST /v1/payments/payouts 503
take_out 10000000 paypal b@example.org
ok "is sent in the end" within 15 payout_is "$PAYOUT" sent
is "$(batches "$PAYOUT") $(sql "SELECT reference ~ '^BATCH' FROM cpushare.payout WHERE id = '$PAYOUT'")" "1 t" "once, and its batch is known"
BEFORE=$(balance anna)
unclaimed() { # the market asks as well, and the stand-in's batch still says PENDING
	item_event "$PAYOUT" UNCLAIMED
	[ "$(state_of_payout "$PAYOUT") $(sql "SELECT note FROM cpushare.payout WHERE id = '$PAYOUT'")" = "sent PayPal says UNCLAIMED " ]
}
ok "unclaimed waits" within 10 unclaimed
item_event "$PAYOUT" RETURNED
item_event "$PAYOUT" RETURNED
is "$(state_of_payout "$PAYOUT") $(balance anna)" "failed $((${BEFORE%% *} + 10000000)) 0 0" "returned comes back whole, once"
item_event "$PAYOUT" SUCCESS
is "$(balance anna)" "$((${BEFORE%% *} + 10000000)) 0 0" "what is said to be paid after that changes nothing"
sound "after a return"

note "refused by the provider"
BEFORE=$(balance anna)
take_out 10000000 paypal nobody
ok "a bad receiver fails" within 15 payout_is "$PAYOUT" failed
is "$(balance anna)" "$BEFORE" "and the money is back"
fault POST /v1/payments/payouts 403
take_out 10000000 paypal c@example.org
kill -KILL "$MARKET_PID"
wait "$MARKET_PID" 2>/dev/null
restart_market
ok "a refusal that is not about it, and a crash: it waits and is sent" within 15 payout_is "$PAYOUT" sent
is "$(batches "$PAYOUT")" 1 "once"

note "a large one"
take_out 30000000 paypal d@example.org
is "$(jq -r .approved "$WORK/body")" false "waits for an operator"
sleep 1
is "$(batches "$PAYOUT") $(state_of_payout "$PAYOUT")" "0 created" "and is not sent"
item_event "$PAYOUT" SUCCESS
is "$(state_of_payout "$PAYOUT")" created "nor paid, whoever says so"
api POST "/v1/payouts/$PAYOUT/approve" "" "$OPERATOR"
is "$STATUS" 200 "the operator approves"
ok "and it is sent" within 15 payout_is "$PAYOUT" sent
api POST "/v1/payouts/$PAYOUT/fail" "" "$OPERATOR"
is "$STATUS" 409 "one that is on its way cannot be given back by hand"
take_out 30000000 paypal d@example.org
BEFORE=$(balance anna)
api POST "/v1/payouts/$PAYOUT/fail" "" "$OPERATOR"
is "$STATUS $(balance anna)" "200 $((${BEFORE%% *} + 30000000)) 0 0" "one that waits can"

note "by hand"
take_out 10000000 manual DE1
is "$(jq -r .approved "$WORK/body")" false "manual always waits"
ok "the operator approves" as operator cpushare funds approve "$PAYOUT"
ok "pays, and says so" as operator cpushare funds approve --paid "$PAYOUT"
is "$(state_of_payout "$PAYOUT")" paid "it is paid"

note "the commands"
like "$(as anna cpushare funds withdraw 10 --to x --quote)" "sent +9.90" "a quote"
PAYOUT=$(as anna cpushare funds withdraw 10 --to x -o name)
like "$(as anna cpushare funds payouts)" "$PAYOUT +created +10.00 +9.90 +manual +x" "a payout is listed"
ok "and refused" as operator cpushare funds approve --fail "$PAYOUT"
like "$(as anna cpushare funds add 10 --provider paypal)" "https://pay.example/checkoutnow" "adding funds says where to pay"

note "refused"
take_out 4999999 paypal a@example.org
is "$STATUS" 422 "less than the least"
take_out 10000000 stripe a@example.org
is "$STATUS" 422 "Stripe pays nobody out"
take_out 900000000 manual DE1
is "$STATUS" 402 "more than there is"
take_out 10000000 paypal "$(printf 'a\\nb@example.org')"
is "$STATUS" 422 "a receiver of two lines"
sound "at the end"
done_testing
