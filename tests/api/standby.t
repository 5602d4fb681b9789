#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# standby.t - two markets on one database: one holds the book, and the other takes it over without a lease noticing
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set timing.settle_interval=1ms --set limits.signups_burst=100 --set timing.lost_contact=10s
FIRST=$MARKET_PID DATABASE=$(<"$MARKET_DATA/database")
is "$(stat -c %a "$MARKET_DATA/database")" 600 "where the database is, is the market's to know"
signup seller && new_machine desk "$TOKEN"
new_buyer buyer 10000000 && BUYER=$TOKEN
new_image "$BUYER" 1000
report desk
new_order "$BUYER"
matched() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ]; }
ok "a lease" within 20 matched
LEASE=$(field '.items[0].id')
U=$(usage desk "$LEASE" 1 500000000 500000 0 0 $NO_HASH) H=$(<"$WORK/usage_hash")
report desk "[$(said "$LEASE" running '' "$U")]"
is "$(field '.leases[0].ack_seq')" 1 "that runs"

is "$(cpushare-market serve --data "$MARKET_DATA" --listen 127.0.0.1:0 2>/dev/null; echo $?)" 1 "a second market on one folder is refused"
like "$(cpushare-market migrate --data "$MARKET_DATA")" 'a market runs' "migrate leaves a running market alone"
like "$(cpushare-market migrate --database "$(market_uri)" --data "$WORK/second")" 'up to date' "migrate takes any database"
cpushare-market serve --database "$DATABASE" --data "$WORK/second" --listen 127.0.0.1:0 --set calibration.random=no --set timing.settle_interval=1ms \
	--set timing.lost_contact=10s >>"$WORK/second.log" 2>&1 &
SECOND=$!
cleanup 'end $SECOND'
stands_by() { grep -q 'standing by' "$WORK/second.log"; }
not() { ! "$@"; }
holds() { curl -ksf -m 2 "$(<"$1/url")/healthz" | jq -e .holds_book; } # DATA
ok "a second market on the database" within 10 stands_by
sleep 1
ok "does not hold the book" within 20 not holds "$WORK/second"
kill -KILL $FIRST
ok "when the first is killed, it does" within 10 holds "$WORK/second"
URL=$(<"$WORK/second/url")
U=$(usage desk "$LEASE" 2 900000000 900000 0 0 "$H")
report desk "[$(said "$LEASE" running '' "$U")]"
is "$STATUS $(field '.leases[0].ack_seq')" "200 2" "the lease's counters continue there"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .state)" running "it runs"
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
report desk "[$(said "$LEASE" ended completed)]"
api GET /v1/balance "" "$BUYER"
is "$(field .held_micro)" 0 "and ends"
ok "the ledger holds" cpushare-market ledger verify --database "$DATABASE" --data "$WORK/second"
rm -f "$MARKET_DATA/url"
cpushare-market serve --data "$MARKET_DATA" --listen "$MARKET_LISTEN" --set calibration.random=no >>"$WORK/market.log" 2>&1 &
MARKET_PID=$!
ok "the first, started again" within 20 market_answers
ok "stands by now" not holds "$MARKET_DATA"
kill -TERM $SECOND
wait $SECOND
is $? 0 "the second stops"
ok "and the first has the book again" within 10 holds "$MARKET_DATA"

# One that is paused keeps its connections, and does not know how long it was.
rm "$WORK/second.log"
cpushare-market serve --database "$DATABASE" --data "$WORK/second" --listen 127.0.0.1:0 --set calibration.random=no >>"$WORK/second.log" 2>&1 &
SECOND=$!
ok "the second stands by again" within 10 stands_by
EPOCH=$(sql "SELECT epoch FROM cpushare.book")
kill -STOP $MARKET_PID
ok "when the first is paused, the second takes over" within 20 holds "$WORK/second"
is "$(sql "SELECT epoch FROM cpushare.book")" $((EPOCH + 1)) "under the next epoch"
kill -CONT $MARKET_PID
refused() { grep -q 'another market holds the book' "$WORK/market.log"; }
ok "what the first would write when it goes on is refused" within 10 refused
again() { market_answers && not holds "$MARKET_DATA" && grep -c 'standing by' "$WORK/market.log" | grep -qx 2; }
ok "and it stands by" within 10 again
is "$(sql "SELECT epoch FROM cpushare.book")" $((EPOCH + 1)) "the book stays where it is"
kill -TERM $SECOND
wait $SECOND
ok "until the second stops" within 20 holds "$MARKET_DATA"
done_testing
