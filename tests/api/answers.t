#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# answers.t - every answer that openapi.json describes is had from a running market: each operation with each of its statuses
#
# Refusals that need no story are asked of each operation by ask_each; what needs one is told by tests/web/description.t, which runs here
# and notes what it got. No answer may be 500, so none is asked for.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"
API=$TOP/web/openapi.json
: >"$WORK/seen"

ok "the story of every operation" env ANSWERS="$WORK/seen" CPUSHARE_BUILD="$BUILD" "$TOP/tests/web/description.t"

# A payment provider's webhook secret is all that is needed to speak for it.
(umask 077 && printf 'secret_key = sk_test_1\nwebhook_secret = whsec_1\n' >"$WORK/stripe.ini")
STRIPE=(--set pay.stripe="$WORK/stripe.ini")
start_market --set limits.signups_burst=100000 --set timing.lost_contact=1h "${STRIPE[@]}"
new_buyer user 100000000 && USER_TOKEN=$TOKEN || bail "$BODY"
signup boss && cpushare-market operator grant boss@example.org --data "$MARKET_DATA" >/dev/null && login boss && BOSS=$TOKEN
new_machine desk "$USER_TOKEN" || bail "$BODY"
report desk
new_image "$USER_TOKEN" 1000 && new_order "$USER_TOKEN" . || bail "$BODY"
matched() { api GET "/v1/orders/$ORDER/leases" "" "$USER_TOKEN" && [ "$(field '.items | length')" -gt 0 ]; }
within 10 matched || bail "no match"
LEASE=$(field '.items[0].id')
api POST /v1/deposits '{"amount_micro":5,"provider":"manual"}' "$USER_TOKEN" 'Idempotency-Key: used-before'
DEPOSIT=$(field .id)
narrow() { api POST /v1/tokens "{\"name\":\"narrow\",\"scopes\":[\"$1\"]}" "$USER_TOKEN" && field .token; }
jq -n --arg user "$USER_TOKEN" --arg operator "$BOSS" --arg machine "${M_TOKEN[desk]}" --arg funds "$(narrow funds)" --arg images "$(narrow images)" \
	--arg order "$ORDER" --arg lease "$LEASE" --arg desk "${M_ID[desk]}" --arg image "$IMAGE" --arg deposit "$DEPOSIT" \
	'{key: "used-before", tokens: {user: $user, operator: $operator, machine: $machine, only_funds: $funds, only_images: $images},
	ids: {orders: $order, leases: $lease, machines: $desk, images: $image, deposits: $deposit}}' >"$WORK/scene"
# had OPERATION METHOD PATH …: as api, and noted
had() {
	api "${@:2}"
	echo "$1 $STATUS" >>"$WORK/seen"
}
# never: an order that was over before anything came of it
never() { new_order "$USER_TOKEN" '.max_price_per_core_hour_micro = 1' && api POST "/v1/orders/$ORDER/cancel" "" "$USER_TOKEN" && echo "$ORDER"; }
none=$(cat /proc/sys/kernel/random/uuid)
had changeAddress POST /v1/account/address "{\"password\":\"$PASSWORD\",\"email\":\"c@example.org\"}" "$USER_TOKEN"
had forgotPassword POST /v1/password/forgot '{"email":"c@example.org"}'
had enrolMachine POST /v1/machines "$(enrolment desk)" "$BOSS"
had enrolMachine POST /v1/machines "$(enrolment attic)" "$USER_TOKEN"
had createAccount POST /v1/accounts '{"email":"c@example.org","password":"correct-horse","name":"c","cookie":true}' "" 'Origin: https://elsewhere.example'
api POST /v1/deposits '{"amount_micro":6,"provider":"manual"}' "$USER_TOKEN" "$(key)"
for i in 1 2; do had failDeposit POST "/v1/deposits/$(field .id)/fail" "" "$BOSS"; done
had failDeposit POST "/v1/deposits/$(sql "SELECT id FROM cpushare.deposit WHERE state = 'failed'")/fail" "" "$BOSS"
had removeSecondFactor POST /v1/account/second-factor/remove '{"code":"123456"}' "$BOSS"
said_nothing='{"from":0,"end":0,"data":"","live":true}'
had returnFromPayment GET /v1/payments/no%20name/return
had addConsole POST "/v1/leases/$LEASE/console" "$said_nothing" "${M_TOKEN[desk]}"
had addConsole POST "/v1/leases/$none/console" "$said_nothing" "${M_TOKEN[desk]}"
# A whole trial of a line: bytes that are too many are refused where some are wanted; and what was measured is not, again.
line_put() { echo "endLineRound $(curl -ks -m 20 -X PUT -o /dev/null -w '%{http_code}' -H "Authorization: Bearer ${M_TOKEN[desk]}" -H 'Content-Type: application/octet-stream' \
	--data-binary "@$1" "$URL/v1/machines/${M_ID[desk]}/line")" >>"$WORK/seen"; }
truncate -s 4194305 "$WORK/large"
more=true
while [ "$more" = true ]; do
	api GET "/v1/machines/${M_ID[desk]}/line" "" "${M_TOKEN[desk]}"
	api POST "/v1/machines/${M_ID[desk]}/line" "$(sha256sum <"$WORK/body" | jq -Rc '{sha256: .[:64]}')" "${M_TOKEN[desk]}"
	more=$(field .more)
	perl -e 'my $s = pack("H*", $ARGV[0]); print substr($s x ($ARGV[1] / 32 + 1), 0, $ARGV[1])' "$(field .seed)" "$(field .bytes)" >"$WORK/up"
	line_put "$WORK/large"
	line_put "$WORK/up"
done
had startLineRound GET "/v1/machines/${M_ID[desk]}/line" "" "${M_TOKEN[desk]}"
printf x >"$WORK/x"
printf y >"$WORK/y"
api POST /v1/images "{\"name\":\"x\",\"size_bytes\":1,\"pieces\":[\"$(sha256sum <"$WORK/x" | cut -c1-64)\"]}" "$USER_TOKEN"
X=$(field .id)
for piece in y x; do
	put_piece "$USER_TOKEN" "$X" 0 "$WORK/$piece"
	echo "putPiece $STATUS" >>"$WORK/seen"
done
api POST /v1/device '{"client":"cpushare"}'
DEVICE=$(field .device_code)
had typeConsole POST "/v1/leases/$LEASE/console/input" '{"data":"eA=="}' "$USER_TOKEN"
echo "wakeMachine $(curl -ksN -m 1 -o "$WORK/wakes" -w '%{http_code}' -H "Authorization: Bearer ${M_TOKEN[desk]}" "$URL/v1/machines/${M_ID[desk]}/wake")" >>"$WORK/seen"
had leaveNetwork DELETE "/v1/orders/$(never)/peers/$none" "" "$USER_TOKEN"
report desk "[$(said "$LEASE" running '' "$(usage desk "$LEASE" 1 3600000000000 3600000000 0 0 $NO_HASH)")]"
had correctLease POST "/v1/leases/$LEASE/correct" '{"amount_micro":1,"reason":"of one to himself"}' "$BOSS" "$(key)"
paid() { # TYPE: an event as Stripe signs it
	local body="{\"type\":\"$1\",\"data\":{\"object\":{\"id\":\"cs_1\",\"status\":\"expired\",\"client_reference_id\":\"$DEPOSIT\"}}}" at
	at=$(date +%s)
	had hearPayment POST /v1/payments/stripe/webhook "$body" "" "Stripe-Signature: t=$at,v1=$(printf '%s.%s' "$at" "$body" |
		openssl dgst -sha256 -hmac whsec_1 -r | cut -d' ' -f1)"
}
paid payment_intent.created
is "$STATUS" 204 "what a provider tells is noted"
ask_each() { "$TOP/tests/api/ask_each" "$API" "$URL" "$WORK/scene" "$1" >>"$WORK/seen"; }
ok "each refusal that needs no story is as described" ask_each refusals

end $MARKET_PID
MARKET_OPTIONS=(--set limits.signups_burst=1 --set limits.signups_refill=1h --set limits.strangers_burst=1 --set limits.strangers_refill=1h
	--set limits.requests_burst=1 --set limits.requests_refill=1h --set limits.streams_per_account=1 --set limits.logins_queue=1)
restart_market || bail "the market does not start again"
ok "where limits are reached, too" ask_each busy

end $MARKET_PID
MARKET_OPTIONS=(--set mail.server=smtp://127.0.0.1:1 --set mail.from=market@example.org --set limits.signups_burst=100000 "${STRIPE[@]}")
restart_market || bail "the market does not start again"
had createAccount POST /v1/accounts "{\"email\":\"mailed@example.org\",\"password\":\"$PASSWORD\",\"name\":\"x\"}"
is "$STATUS" 202 "a sign-up is answered by a mail"
# The database's socket is moved away, and the market's sessions end.
SOCKET=$(echo "$MARKET_DATA"/run/.s.PGSQL.[0-9]*[0-9])
mv "$SOCKET" "$SOCKET.away"
cleanup 'mv "$SOCKET.away" "$SOCKET"'
kill $(ps -o pid=,args= --ppid "$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")" | awk '/cpushare_market/ {print $1}')
away() { ! market_answers; }
within 10 away
ok "and while the database is away" ask_each down
had pollDevice POST /v1/device/token "{\"device_code\":\"$DEVICE\"}"
had returnFromPayment GET "/v1/payments/stripe/return?deposit=$DEPOSIT"
paid checkout.session.async_payment_failed
is "$STATUS" 503 "a provider is to come again"
mv "$SOCKET.away" "$SOCKET"

# Behind a proxy, without pages; and another market, while nobody holds the book.
end $MARKET_PID
mkdir "$WORK/no_pages"
MARKET_OPTIONS=(--http --set market.web_dir="$WORK/no_pages" --set timing.book=60s)
restart_market || bail "the market does not start behind a proxy"
URL=$(<"$MARKET_DATA/url")
had getMetrics GET /metrics "" "" 'X-Forwarded-For: 198.51.100.7'
had getDescription GET /v1/openapi.json
cpushare-market serve --database "$(<"$MARKET_DATA/database")" --data "$WORK/second" --listen 127.0.0.1:0 --http >"$WORK/second.log" 2>&1 &
SECOND=$!
cleanup 'end $SECOND'
stands_by() { grep -q 'standing by' "$WORK/second.log"; }
ok "another market stands by" within 20 stands_by
kill -KILL $MARKET_PID
URL=$(<"$WORK/second/url")
had listCountries GET /v1/market/countries

# What other tests have, each in its story, and what none has.
elsewhere="activateTpm 204 trust.t
attestMachine 200 trust.t
enrolTpm 200 trust.t
getLeaseAttestation 200 trust.t
getMachineAttestation 200 trust.t
confirmSecondFactor 200 signin.t
removeSecondFactor 204 signin.t
deleteAccount 409 signin.t
correctLease 200 ledger.t
decideDispute 200 ledger.t
disputeLease 201 ledger.t
getDispute 200 ledger.t
markLease 201 rent.t
endLease 200 lifecycle.t
resetLease 200 lifecycle.t
resetLease 409 lifecycle.t
typeConsole 204 rent.t
startLineRound 409 line.t
endLineRound 204 line.t
endLineRound 409 line.t
attestMachine 409 nowhere: a lease's endpoint would have to take another key between the market's question and its TPM's answer"
jq -r '.paths[] | .[] | select(.operationId?) | .operationId as $id | .responses | keys[] | select(. != "500") | "\($id) \(.)"' "$API" | sort -u >"$WORK/described"
sort -u "$WORK/seen" | comm -13 - "$WORK/described" | comm -23 - <(cut -d' ' -f1,2 <<<"$elsewhere" | sort) >"$WORK/missing"
is "$(tr '\n' ';' <"$WORK/missing")" "" "each described answer was had"
isnt "$(wc -l <"$WORK/described")" 0 "of many"
done_testing
