#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deposits.t - money in by PayPal and Stripe, whatever is repeated, reordered, lost, late, forged or taken back
. "$(dirname "$0")/provider.sh"
start_paid_market --set pay.interval=500ms --set fees.deposit_bp=500
new_user anna >/dev/null || bail "no user"
new_user bert >/dev/null || bail "no user"
new_operator >/dev/null || bail "no operator"

note "what the market keeps is shown before anything is paid"
is "$(as anna cpushare funds add 10.01 --quote -o json | jq -c '[.amount_micro, .commission_micro, .credit_micro]')" '[10010000,500500,9509500]' "by a quote"
is "$(sql 'SELECT count(*) FROM cpushare.deposit')" 0 "which makes no deposit"
like "$(as bert cpushare funds add 10.01)" $'commission +0.5005\ncredited +9.5095' "and with the deposit that is to be paid"

note "PayPal: an order, its approval, its capture"
deposit anna 10000000 paypal
is "$STATUS $(jq -r .state "$WORK/body")" "201 created" "a deposit is taken before PayPal is asked"
ok "PayPal is asked by itself" pending "$DEPOSIT"
like "$(sql "SELECT pay_url FROM cpushare.deposit WHERE id = '$DEPOSIT'")" '^https://pay.example/checkoutnow' "and says where to pay"
is "$(known --arg o "$(order_of "$DEPOSIT")" '.orders[$o].purchase_units[0].amount | "\(.value) \(.currency_code)"')" "10.00 EUR" "the amount asked for"
sleep 1
is "$(balance anna)" "0 0 0" "nothing is credited before it is paid"
approve "$DEPOSIT"
ok "no webhook comes: the poller captures and credits" within 15 state_is "$DEPOSIT" credited
is "$(balance anna)" "9500000 0 0" "less the market's part"
CAPTURE=$(sql "SELECT reference FROM cpushare.deposit WHERE id = '$DEPOSIT'")
for i in 1 2 3; do
	paypal_event "$(captured "$DEPOSIT" "$CAPTURE" 10.00)"
	is "$STATUS" 204 "a late webhook, time $i, is taken"
done
is "$(balance anna)" "9500000 0 0" "and credits nothing again"
paypal_event "$(captured "$DEPOSIT" CAPOTHER 10.00)"
is "$(balance anna)" "9500000 0 0" "nor does another payment of the same deposit"
like "$(note_of "$DEPOSIT")" 'paid again, as CAPOTHER' "which is told"
FIRST=$DEPOSIT

note "webhooks first, many at one time"
deposit anna 20000000 paypal
pending "$DEPOSIT"
# Inside the same capture: eight at once.
for i in 1 2 3 4 5 6 7 8; do
	(paypal_event "$(captured "$DEPOSIT" CAPTWO 20.00)") &
	PIDS[i]=$!
done
for i in 1 2 3 4 5 6 7 8; do wait "${PIDS[i]}"; done
is "$(state_of "$DEPOSIT") $(balance anna)" "credited 28500000 0 0" "eight at once are one"
SECOND=$DEPOSIT

note "forged and stale webhooks"
deposit bert 5000000 paypal
pending "$DEPOSIT"
EVENT=$(captured "$DEPOSIT" CAPFORGED 5.00)
openssl genrsa -out "$PAY/forger.key" 2048 2>/dev/null
KEY_NAME=forger paypal_event "$EVENT"
is "$STATUS" 400 "another key is refused"
SIGNED='{}' paypal_event "$EVENT"
is "$STATUS" 400 "another body is refused"
HOOK=WH-2 paypal_event "$EVENT"
is "$STATUS" 400 "another webhook's is refused"
SENT_AT=$(date -u -d '5 days ago' +%Y-%m-%dT%H:%M:%SZ) paypal_event "$EVENT"
is "$STATUS" 400 "a recording is refused"
SENT_AT=$(date -u -d '1 hour' +%Y-%m-%dT%H:%M:%SZ) paypal_event "$EVENT"
is "$STATUS" 400 "one from the future is refused"
for url in "http://127.0.0.1:$PAY_PORT/other/CERT-1" "http://127.0.0.1:$PAY_PORT/certs/../x" https://evil.example/certs/x "http://127.0.0.1:$PAY_PORT/certs/" ; do
	CERT_URL=$url paypal_event "$EVENT"
	is "$STATUS" 400 "a certificate from $url is refused"
done
is "$(asked /other/)$(asked '/x')" 00 "and not fetched"
try_certificate() { # NAME URL-NAME: within the fetches that are allowed
	cp "$PAY/$1.pem" "$PAY/certificate.pem"
	for _ in 1 2 3 4; do
		KEY_NAME=$1 CERT_URL="http://127.0.0.1:$PAY_PORT/certs/$2" paypal_event "$EVENT"
		[ "$STATUS" = 503 ] || break
		sleep 1.1
	done
}
make_certificate untrusted messageverificationcerts.paypal.com stranger
try_certificate untrusted CERT-2
is "$STATUS" 400 "a certificate of an authority that is not trusted is refused"
make_certificate misnamed messageverificationcerts.evil.example authority
try_certificate misnamed CERT-3
is "$STATUS" 400 "a trusted certificate of somebody else is refused"
cp "$PAY/signer.pem" "$PAY/certificate.pem"
curl -ks -o /dev/null -X POST "$URL/v1/payments/paypal/webhook" -H 'Content-Type: application/json' -d "$EVENT" -w '%{http_code}' >"$WORK/code"
is "$(<"$WORK/code")" 400 "no signature is refused"
api POST /v1/payments/manual/webhook '{}'
is "$STATUS" 404 "manual has no webhook"
is "$(state_of "$DEPOSIT") $(balance bert)" "pending 0 0 0" "none of them did anything"
paypal_event "$EVENT"
is "$(state_of "$DEPOSIT") $(balance bert)" "credited 4750000 0 0" "the true one does"
sound "after forgeries"

note "wrong amounts and currencies"
deposit bert 3000000 paypal && pending "$DEPOSIT"
paypal_event "$(captured "$DEPOSIT" CAPLESS 0.30)"
is "$STATUS $(state_of "$DEPOSIT") $(note_of "$DEPOSIT")" "204 pending what came is 0.30 EUR, as CAPLESS: ask the operator" "too little credits nothing and says so"
deposit bert 3000000 paypal && pending "$DEPOSIT"
paypal_event "$(captured "$DEPOSIT" CAPUSD 3.00 USD)"
is "$(state_of "$DEPOSIT") $(note_of "$DEPOSIT")" "pending what came is 3.00 USD, as CAPUSD: ask the operator" "nor does another currency"
is "$(balance bert)" "4750000 0 0" "the balance stays"
deposit bert 1234567 paypal
is "$STATUS $(jq -r .code "$WORK/body")" "422 bad_field" "PayPal has no smaller unit than a cent"

note "servers that fail"
fault POST /v2/checkout/orders 500
fault POST /v2/checkout/orders lost
fault POST /v2/checkout/orders garbage
deposit anna 1000000 paypal
ok "three failures of the server: one order in the end" pending "$DEPOSIT"
is "$(known --arg id "$DEPOSIT" '[.orders[] | select(.purchase_units[0].custom_id == $id)] | length')" 1 "and only one"
fault POST '/v2/checkout/orders/\w+/capture' lost
approve "$DEPOSIT"
ok "the capture's answer is lost: the next question finds it" within 15 state_is "$DEPOSIT" credited
fault POST /v2/checkout/orders slow
deposit anna 1000000 paypal
ok "PayPal is asked" within 15 test ! -e "$FAULT"
api GET /healthz
is "$STATUS" 200 "a slow provider does not hold up the market"
for i in 1 2 3 4 5; do api GET /v1/balance "" "$(user_token anna)"; done
is "$STATUS $(state_of "$DEPOSIT")" "200 created" "its answers come meanwhile"
touch "$PAY/go"
ok "and the slow one comes" pending "$DEPOSIT"
fault GET '/v2/checkout/orders/' 404
ok "an order that PayPal forgot has failed" within 15 state_is "$DEPOSIT" failed
paypal_event "$(captured "$DEPOSIT" CAPLATE 1.00)"
is "$(state_of "$DEPOSIT")" credited "money that comes after all is credited"
deposit anna 2000000 paypal && pending "$DEPOSIT"
paypal_event "$(captured "$DEPOSIT" CAPNO 2.00 EUR DENIED)"
is "$(state_of "$DEPOSIT")" failed "a denied payment has failed"
deposit anna 2000000 paypal
kill -KILL "$MARKET_PID"
wait "$MARKET_PID" 2>/dev/null
ok "the market is killed and starts" restart_market
ok "a deposit that was asked for before is started" pending "$DEPOSIT"
api GET "/v1/payments/paypal/return?deposit=$DEPOSIT"
is "$STATUS" 200 "the payer is thanked"
sound "after failures"

note "Stripe"
deposit bert 7000000 stripe && pending "$DEPOSIT"
SESSION=$(session_of "$DEPOSIT")
session() { # STATUS PAYMENT-STATUS [TYPE]
	provider --arg s "$SESSION" --arg a "$1" --arg p "$2" '.sessions[$s] += {status: $a, payment_status: $p, payment_intent: "pi_1"}'
	EVENT=$(known -c --arg s "$SESSION" --arg t "${3:-completed}" '{id: "evt_1", type: "checkout.session.\($t)", data: {object: .sessions[$s]}}')
}
session complete unpaid
stripe_event "$EVENT"
sleep 1
is "$STATUS $(state_of "$DEPOSIT")" "204 pending" "completed and not paid is not paid"
EVENT=$(jq -c '.data.object.payment_status = "paid"' <<<"$EVENT")
SECRET=whsec_2 stripe_event "$EVENT"
is "$STATUS" 400 "another secret is refused"
SENT_AT=$(($(date +%s) - 301)) stripe_event "$EVENT"
is "$STATUS" 400 "an old signature is refused"
SIGNED='{}' stripe_event "$EVENT"
is "$STATUS" 400 "another body is refused"
is "$(state_of "$DEPOSIT")" pending "none of them did anything"
stripe_event "$EVENT"
stripe_event "$EVENT"
is "$STATUS $(state_of "$DEPOSIT") $(balance bert)" "204 credited 11400000 0 0" "paid is credited once"
STRIPE=$DEPOSIT
deposit bert 1000000 stripe && pending "$DEPOSIT"
SESSION=$(session_of "$DEPOSIT")
session complete paid && provider --arg s "$SESSION" '.sessions[$s].payment_intent = "pi_2"'
ok "without a webhook the poller credits" within 15 state_is "$DEPOSIT" credited

note "taken back"
stripe_event '{"type":"charge.refunded","data":{"object":{"id":"ch_1","payment_intent":"pi_1","currency":"eur","amount_refunded":200}}}'
stripe_event '{"type":"charge.refunded","data":{"object":{"id":"ch_1","payment_intent":"pi_1","currency":"eur","amount_refunded":300}}}'
stripe_event '{"type":"charge.refunded","data":{"object":{"id":"ch_1","payment_intent":"pi_1","currency":"eur","amount_refunded":300}}}'
is "$(balance bert)" "9500000 0 0" "refunds of a charge add up to what it says in all, less the market's part"
is "$(sql "SELECT state || ' ' || reversed_micro FROM cpushare.deposit WHERE id = '$STRIPE'")" "credited 3000000" "a part"
stripe_event '{"type":"charge.dispute.created","data":{"object":{"id":"dp_1","payment_intent":"pi_1","currency":"eur","amount":700}}}'
is "$(balance bert) $(state_of "$STRIPE")" "5700000 0 0 reversed" "a dispute takes the rest, not more than was paid"
deposit anna 4000000 paypal && pending "$DEPOSIT"
paypal_event "$(refunded REF1 CAPEARLY 1.00)"
paypal_event "$(captured "$DEPOSIT" CAPEARLY 4.00)"
is "$(sql "SELECT state || ' ' || reversed_micro FROM cpushare.deposit WHERE id = '$DEPOSIT'")" "credited 1000000" "a refund that comes before the payment counts"
sound "after refunds"

note "taken back after it was spent"
AVAILABLE=$(balance anna)
api POST /v1/payouts "{\"amount_micro\":${AVAILABLE%% *},\"provider\":\"manual\",\"receiver\":\"DE1\"}" "$(user_token anna)" "$(key)"
is "$STATUS $(balance anna)" "201 0 0 0" "everything is taken out"
paypal_event "$(refunded REV1 CAPTWO 20.00 REVERSED)"
paypal_event "$(refunded REV1 CAPTWO 20.00 REVERSED)"
is "$STATUS $(balance anna) $(state_of "$SECOND")" "204 0 0 19000000 reversed" "what is not there is owed, once"
sound "with a debt"
deposit anna 5000000 manual
as operator cpushare funds confirm "$DEPOSIT" >/dev/null
is "$(balance anna)" "0 0 14250000" "new money goes to the debt first"
deposit anna 20000000 manual
as operator cpushare funds confirm "$DEPOSIT" >/dev/null
is "$(balance anna)" "4750000 0 0" "until it is made good"
sound "afterwards"
! grep -qE 'sk_test_1|whsec_1|secret = |TOKEN' "$WORK/market.log"
_tap $? "no secret is in the log"

note "credentials"
chmod 644 "$PAY/paypal.ini"
like "$(cpushare-market serve --data "$WORK/other" --listen 127.0.0.1:0 --set pay.paypal="$PAY/paypal.ini" 2>&1)" 'others may read it' "a file that others may read is refused"
chmod 600 "$PAY/paypal.ini"
sed -i /webhook_id/d "$PAY/paypal.ini"
like "$(cpushare-market serve --data "$WORK/other" --listen 127.0.0.1:0 --set pay.paypal="$PAY/paypal.ini" 2>&1)" 'lacks webhook_id' "one that lacks something says what"
done_testing
