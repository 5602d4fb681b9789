#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rates.t - every route takes so many requests and no more: of an address without a token, of an account, of a machine
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.strangers_burst=60 --set limits.strangers_refill=1h --set limits.requests_burst=30 --set limits.requests_refill=1h
signup anna && ANNA=$TOKEN
signup bert && BERT=$TOKEN
new_machine desk "$ANNA" || bail "$BODY"
# flood METHOD PATH TOKEN: until it is refused, 70 times at most; sets N
flood() {
	for ((N = 0; N < 70; N++)); do
		api "$1" "$2" "" "$3"
		[ "$STATUS" = 429 ] && return 0
	done
	return 1
}
ok "an account's requests are bounded" flood GET /v1/account "$ANNA"
like "$N" '^(2[0-9]|30)$' "as many as are set"
is "$(field .code)" too_many "the refusal says so"
like "$(curl -ksi -H "Authorization: Bearer $ANNA" "$URL/v1/orders" | tr -d '\r' | grep -i '^retry-after:')" '^[Rr]etry-[Aa]fter: [1-9]' "and when to come back, on every route"
api GET /v1/account "" "$BERT"
is "$STATUS" 200 "another account is served"
report desk
is "$STATUS" 200 "and the account's own machine"
ok "an address's requests without a token are bounded" flood GET /v1/market ""
api GET /v1/account "" nonsense
is "$STATUS" 429 "so are those with a token that is none"
api GET /v1/account "" "$BERT"
is "$STATUS" 200 "who has one is served from there"
done_testing
