#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# silent.t - the database's server is stopped, not dead: the market goes on answering, refuses what needs it, and works again by itself
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --http --set limits.strangers_burst=1000000 --set limits.requests_burst=1000000
new_buyer buyer 1000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"
ORDER=$(order_body '.max_price_per_core_hour_micro = 1200 | .max_price_per_gib_hour_micro = 0 | .max_price_per_gib_transferred_micro = 0 | .memory_mib = 64')
POSTMASTER=$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")
all_of_it() { # SIGNAL: to the server and each of its processes
	kill "-$1" "$POSTMASTER"
	kill "-$1" $(ps -o pid= --ppid "$POSTMASTER") 2>/dev/null
}
code() { curl -s -o /dev/null -m 60 -w '%{http_code}' "$@"; }
healthz_says() { [ "$(code "$URL/healthz")" = "$1" ]; }
place() { curl -s -m 60 -o "$WORK/placed" -D "$WORK/headers" -w '%{http_code}' -X POST "$URL/v1/orders" -H "Authorization: Bearer $BUYER" \
	-H 'Content-Type: application/json' -H "Idempotency-Key: ${1}-0123456789" -d "$ORDER"; }

is "$(place before)" 201 "an order"
all_of_it STOP
cleanup 'all_of_it CONT'
place during >"$WORK/during" & # its statement is sent, or not
ok "the market says that it is not well" within 40 healthz_says 503
wait $!
is "$(<"$WORK/during")" 503 "who asked meanwhile is not left waiting"
is "$(code "$URL/")$(code "$URL/v1/market")" 200200 "pages and rules are there"
is "$(place refused)" 503 "what needs the database is refused"
like "$(<"$WORK/headers")" 'Retry-After: ' "and may be asked again"
# Were each of them waited for, or a connection tried for each, this would take two minutes.
asked=0 until=$((SECONDS + 90))
while [ $asked -lt 60 ] && [ $SECONDS -lt $until ] && [ "$(code "$URL/v1/account" -H "Authorization: Bearer $BUYER")" = 503 ]; do asked=$((asked + 1)); done
is $asked 60 "each at once"
all_of_it CONT
ok "the server speaks again, and the market is well" within 40 healthz_says 200
is "$(place during)" 201 "what was asked for meanwhile is done, then or now"
is "$(place refused)" 201 "what was refused, too"
is "$(sql "SELECT count(*) FROM cpushare.order")" 3 "each once"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
