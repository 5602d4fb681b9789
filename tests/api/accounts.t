#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# accounts.t - sign-up, log-in, tokens, scopes, operators, deposits, and what an Idempotency-Key does
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=40 --set limits.signups_refill=1h --set fees.deposit_bp=250
ok "sign up" signup anna
ANNA=$TOKEN
is "$(field .email)" anna@example.org "the answer has the address"
like "$TOKEN" '^cpu_ses_[0-9A-Za-z]{36}$' "and a token"
api GET /v1/account "" "$TOKEN"
is "$(field .name)" anna "it works"
api POST /v1/sessions "{\"email\":\"ANNA@Example.org\",\"password\":\"$PASSWORD\"}"
is "$STATUS" 201 "log in, however the address is written"
isnt "$(field .token)" "$ANNA" "another session has another token"
SECOND=$(field .token)
api DELETE /v1/sessions/current "" "$SECOND"
is "$STATUS" 204 "log out"
api GET /v1/account "" "$SECOND"
is "$STATUS" 401 "ends that session"
api GET /v1/account "" "$ANNA"
is "$STATUS" 200 "and no other"
is "$(sql "SELECT count(*) FROM cpushare.token WHERE encode(hash, 'hex') = '$(printf %s "$ANNA" | sha256sum | cut -c1-64)'")" 1 "only a token's hash is kept"
like "$(sql 'SELECT password_hash FROM cpushare.account LIMIT 1')" '^\$scrypt\$15\$8\$1\$' "and a password's scrypt hash"
is "$(grep -c -e "$PASSWORD" -e "$ANNA" "$WORK/market.log")" 0 "no secret is in the log"

note "tokens"
api POST /v1/tokens '{"name":"ci","scopes":["orders","images"],"expires_in_s":10}' "$ANNA"
CI=$(field .token) CI_ID=$(field .id)
is "$STATUS" 201 "make one"
api GET /v1/orders "" "$CI"
is "$STATUS" 200 "it may what it says"
api GET /v1/balance "" "$CI"
is "$STATUS $(field .code)" "403 missing_scope" "and no more"
api GET /v1/tokens "" "$ANNA"
is "$(field '[.items[] | select(.token)] | length')" 0 "lists do not show secrets"
is "$(field '[.items[] | select(.name == "ci")] | length')" 1 "it is in the list"
expired() { api GET /v1/orders "" "$CI" && [ "$STATUS $(field .code)" = "401 bad_token" ]; }
ok "it expires" within 20 expired
api POST /v1/tokens '{"name":"ci","scopes":["orders"]}' "$ANNA"
CI=$(field .token) CI_ID=$(field .id)
api DELETE "/v1/tokens/$CI_ID" "" "$ANNA"
is "$STATUS" 204 "revoke one"
api GET /v1/orders "" "$CI"
is "$STATUS" 401 "it is gone at once"
api POST /v1/tokens '{"name":"ci","scopes":["orders"]}' "$ANNA"
CI=$(field .token) CI_ID=$(field .id)
order() {
	api POST /v1/orders "{\"image\":\"$(printf '%064d' 0)\",\"count\":1,\"cores\":1,\"memory_mib\":64,\"max_price_per_core_hour_micro\":1,
		\"max_price_per_gib_hour_micro\":0,\"max_price_per_gib_transferred_micro\":0}" "$CI" "$(key)"
}
order
is "$STATUS $(field .code)" "404 not_found" "an order comes as far as its image, and its token is remembered"
sql "DELETE FROM cpushare.token WHERE id = '$CI_ID'"
order
is "$STATUS $(field .code)" "401 bad_token" "one that another market revoked orders nothing, remembered or not"

note "deposits"
KEY=$(key)
api POST /v1/deposits '{"amount_micro":10000000,"provider":"manual"}' "$ANNA" "$KEY"
is "$STATUS" 201 "a deposit"
is "$(field '"\(.state) \(.commission_micro) \(.credit_micro)"')" "pending 250000 9750000" "waits, and tells the market's part"
DEPOSIT=$(field .id) FIRST=$BODY
api POST /v1/deposits '{"amount_micro":10000000,"provider":"manual"}' "$ANNA" "$KEY"
is "$BODY" "$FIRST" "the same request with the same key gets the same answer"
like "$(curl -ksi -X POST "$URL/v1/deposits" -H "Authorization: Bearer $ANNA" -H "$KEY" -H 'Content-Type: application/json' \
	-d '{"amount_micro":10000000,"provider":"manual"}' | tr -d '\r')" 'Idempotency-Replayed: true' "and says that it is a repetition"
api POST /v1/deposits '{"amount_micro":10000001,"provider":"manual"}' "$ANNA" "$KEY"
is "$STATUS $(field .code)" "422 idempotency_key_reused" "another request with it is refused"
api GET /v1/deposits "" "$ANNA"
is "$(field '.items | length')" 1 "there is one deposit"
signup bert && BERT=$TOKEN
api POST /v1/deposits '{"amount_micro":7000000,"provider":"manual"}' "$BERT" "$KEY"
is "$STATUS" 201 "another account may use the same key"
api GET "/v1/deposits/$DEPOSIT" "" "$BERT"
is "$STATUS" 404 "and does not see the other's deposit"
PARALLEL=$(key)
for _ in {1..20}; do
	curl -ks -o /dev/null -w '%{http_code}\n' -X POST "$URL/v1/deposits" -H "Authorization: Bearer $BERT" -H "$PARALLEL" \
		-H 'Content-Type: application/json' -d '{"amount_micro":1000000,"provider":"manual"}' &
done >"$WORK/codes"
wait $(jobs -p | grep -v "^$MARKET_PID$")
is "$(sort -u "$WORK/codes")" 201 "twenty at once with one key"
is "$(sql "SELECT count(*) FROM cpushare.deposit WHERE amount_micro = 1000000")" 1 "are one"

note "the operator"
signup olga
api GET /v1/operator/deposits "" "$TOKEN"
is "$STATUS" 403 "nobody is one by birth"
like "$(cpushare-market operator grant Olga@example.org --data "$MARKET_DATA")" 'is an operator' "granted by a command"
is "$(cpushare-market operator grant nobody@example.org --data "$MARKET_DATA" 2>/dev/null; echo $?)" 3 "not to nobody"
login olga && OLGA=$TOKEN
api GET '/v1/operator/deposits?state=pending' "" "$OLGA"
is "$(field '.items | length')" 3 "sees everybody's deposits"
api POST "/v1/deposits/$DEPOSIT/confirm" '{"reference":"bank 4711"}' "$OLGA"
is "$STATUS $(field .state)" "200 credited" "confirms one"
api POST "/v1/deposits/$DEPOSIT/confirm" '{"reference":"bank 4711"}' "$OLGA"
is "$STATUS" 409 "once"
api GET "/v1/operator/deposits?state=pending" "" "$OLGA"
OTHER=$(field '[.items[] | select(.amount_micro == 7000000)][0].id')
api POST "/v1/deposits/$OTHER/confirm" '{"reference":"bank 4711"}' "$OLGA"
is "$STATUS" 409 "and one payment credits one deposit"
api POST "/v1/deposits/$OTHER/fail" "" "$OLGA"
is "$STATUS $(field .state)" "200 failed" "fails the other"
api POST "/v1/deposits/$OTHER/confirm" "" "$OLGA"
is "$STATUS" 409 "which cannot be credited then"
api GET /v1/operator/acts "" "$OLGA"
is "$(field '[.items[] | .who + " " + .act] | join(", ")')" "olga@example.org POST /v1/deposits/$OTHER/fail, olga@example.org POST /v1/deposits/$DEPOSIT/confirm, \
$(id -un) operator grant, $(id -un) operator grant" "what was done is written down, who was refused is not"
is "$(field '[.items[].detail] | join(", ")')" ', {"reference":"bank 4711"}, nobody@example.org, Olga@example.org' "with what it was about; a command before it runs"
is "$(sql "DELETE FROM cpushare.operator_act" 2>&1 | grep -c 'append')" 1 "and stays"
api GET /v1/balance "" "$ANNA"
is "$BODY" '{"currency":"EUR","available_micro":9750000,"held_micro":0,"owed_micro":0,"accrued_micro":0,"earning_micro":0,"per_hour_micro":0,"runs_out_at":null}' "the balance"
api GET /v1/postings "" "$ANNA"
is "$(field '.items[0].kind + " " + (.items[0].amount_micro | tostring)')" "deposit 9750000" "the history"
api GET /v1/operator/ledger "" "$OLGA"
is "$(field '"\(.sum_micro) \(.unbalanced) \(.negative) \(.commission_micro) \(.external_micro)"')" "0 0 0 250000 -10000000" "the ledger"
cpushare-market operator revoke olga@example.org --data "$MARKET_DATA" >/dev/null
api GET /v1/operator/ledger "" "$OLGA"
is "$STATUS" 403 "revoked at once"

note "pages"
for i in 1 2 3 4 5; do api POST /v1/deposits "{\"amount_micro\":$i,\"provider\":\"manual\"}" "$ANNA" "$(key)"; done
api GET '/v1/deposits?limit=4' "" "$ANNA"
PAGE1=$(field '[.items[].id] | join(" ")') NEXT=$(field .next)
is "$(field '[.items[].amount_micro] | map(tostring) | join(" ")')" "5 4 3 2" "the newest first"
api GET "/v1/deposits?limit=4&cursor=$NEXT" "" "$ANNA"
is "$(field '[.items[].amount_micro] | map(tostring) | join(" ")')" "1 10000000" "then the rest"
is "$(field .next)" null "and no more"
like "$(curl -ksi "$URL/v1/deposits?limit=4" -H "Authorization: Bearer $ANNA")" 'rel="next"' "the link says the same"

note "too many"
for _ in {1..60}; do api POST /v1/sessions '{"email":"anna@example.org","password":"wrong-password"}'; [ "$STATUS" = 429 ] && break; done
is "$STATUS $(field .code)" "429 too_many" "log-ins from one address are bounded"
like "$(curl -ksi -X POST "$URL/v1/sessions" -H 'Content-Type: application/json' -d '{"email":"anna@example.org","password":"x"}')" \
	'Retry-After: [0-9]+' "and say when to come back"
api GET /v1/account "" "$ANNA"
is "$STATUS" 200 "who is in stays in"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
kill -TERM $MARKET_PID
wait $MARKET_PID
is $? 0 "the market stops cleanly" || note "$(tail -n 40 "$WORK/market.log")"
done_testing
