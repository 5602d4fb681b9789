#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rates.t - every route takes so many requests and no more: of an address without a token, of an account, of a machine
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.strangers_burst=60 --set limits.strangers_refill=1h --set limits.requests_burst=30 --set limits.requests_refill=1h --set timing.seen_interval=1h
signup anna && ANNA=$TOKEN
signup bert && BERT=$TOKEN
new_machine desk "$ANNA" || bail "$BODY"
api POST /v1/tokens '{"name":"gone","scopes":["orders"]}' "$BERT"
GONE=$(field .token)
api DELETE "/v1/tokens/$(field .id)" "" "$BERT"
# That a machine is there is kept in memory: a report that says nothing new writes nothing.
report desk
online() { [ "$(sql 'SELECT state FROM cpushare.machine')" = online ]; }
ok "that it is there is written" within 20 online
rows() { sql "SELECT (SELECT string_agg(xmin::text, ' ') FROM cpushare.machine), (SELECT string_agg(xmin::text, ' ') FROM cpushare.token WHERE machine IS NOT NULL),
	(SELECT max(id) FROM cpushare.event)"; }
KEPT=$(rows)
for i in {1..12}; do report desk; done
is "$STATUS $(rows)" "200 $KEPT" "twelve reports change no row"
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
# all_routes TOKEN: asks each once, on one connection; prints those that were not refused
all_routes() {
	local method path
	while read -r method path _; do
		path=${path//\{id\}/00000000-0000-7000-8000-000000000000} path=${path//\{hash\}/$(printf %064d 0)} path=${path//\{n\}/0}
		path=${path//\{word\}/stripe} path=${path/\*//index.html}
		printf 'next\ninsecure\nsilent\noutput = /dev/null\nmax-time = 20\nrequest = %s\nurl = "%s"\nwrite-out = "%%{http_code} %s %s\\n"\n' \
			"$method" "$URL$path" "$method" "$path"
		[ "$method" != POST ] || printf 'data = "{}"\nheader = "Content-Type: application/json"\n'
		[ -z "$1" ] || printf 'header = "Authorization: Bearer %s"\n' "$1"
	done < <(cpushare-market routes) | curl -K - | tee "$WORK/routes" | grep -v '^429 '
}
# Now and then an allowance has grown by one.
bounded() { [ "$(all_routes "$1" | wc -l)" -le 1 ] && [ "$(wc -l <"$WORK/routes")" -gt 100 ]; }
ok "on every route" bounded ""
ok "the account's, too" bounded "$ANNA"
api GET /v1/account "" nonsense
is "$STATUS" 429 "so are those with a token that is none"
api GET /v1/account "" "$BERT"
is "$STATUS" 200 "who has one is served from there"
looked() { sql "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'token'"; }
sleep 2 # PostgreSQL's counters follow within a second
BEFORE=$(looked)
for i in {1..40}; do api GET /v1/orders "" "$GONE"; done
is "$STATUS" 429 "one that was revoked counts as none"
sleep 2
ok "and is not looked for in the database any more" [ $(($(looked) - BEFORE)) -lt 20 ]
done_testing
