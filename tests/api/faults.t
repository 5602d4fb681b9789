#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# faults.t - the database's connections are cut, it is restarted, paused and out of disk while many place orders: every order that was
# acknowledged is there once, none is there by half, and the market works again by itself; then a backup of it is restored
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

# What the market makes below its data folder may not take more than this.
if [ "$(id -u)" = 0 ] && mkdir "$WORK/small" && mount -t tmpfs -o size=300m,mode=711 none "$WORK/small" 2>/dev/null; then
	cleanup 'umount -l "$WORK/small"'
	MARKET_DATA=$WORK/small/market
fi
start_market --http --set limits.signups_burst=1000 --set limits.orders_per_account=100000 \
	--set limits.requests_burst=10000000 --set limits.strangers_burst=10000000
new_buyer buyer 1000000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"
api GET /v1/account "" "$BUYER"
echo "$BUYER $(field .id)" >"$WORK/speakers"
POSTMASTER=$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")
BODY_OF_ORDER=$(order_body '.max_price_per_core_hour_micro = 1200 | .max_price_per_gib_hour_micro = 0 | .max_price_per_gib_transferred_micro = 0 | .memory_mib = 64')

"$BUILD/tests/bench/load" "${URL##*:}" 16 600 POST /v1/orders -b "$BODY_OF_ORDER" -s "$WORK/speakers" -j "$WORK/journal" \
	>"$WORK/load.out" 2>"$WORK/load.err" &
LOAD_PID=$!
cleanup 'end $LOAD_PID'
sleep 1
# At any statement: whatever runs at these moments is cut.
for ((i = 0; i < 12; i++)); do
	psql -XAtq -h "$MARKET_DATA/run" -U cpushare_market -d cpushare -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE usename = 'cpushare_market' AND pid <> pg_backend_pid()" >>"$WORK/cut" 2>&1
	sleep 0.$((RANDOM % 4))
done
cut=$(wc -l <"$WORK/journal")
ok "orders are placed while connections are cut" [ "$cut" -gt 0 ]
ok "more than once" [ "$(grep -c '^t$' "$WORK/cut")" -gt 1 ]
kill -STOP "$POSTMASTER" $(ps -o pid= --ppid "$POSTMASTER")
sleep 2
kill -CONT "$POSTMASTER" $(ps -o pid= --ppid "$POSTMASTER")
more() { [ "$(wc -l <"$WORK/journal")" -gt "$1" ]; }
ok "and again after the server stood still" within 20 more "$(wc -l <"$WORK/journal")"
if [ "$MARKET_DATA" != "$WORK/market" ]; then
	dd if=/dev/zero of="$WORK/small/full" bs=1M 2>/dev/null
	sleep 2
	rm "$WORK/small/full"
	ok "and after the disk was full" within 40 more "$(wc -l <"$WORK/journal")"
fi
kill -QUIT "$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")"
ok "and after the server was stopped at once" within 40 more "$(wc -l <"$WORK/journal")"
kill -TERM $LOAD_PID
wait $LOAD_PID
read -r _ _ _ acknowledged refused _ <"$WORK/load.out"
note "$acknowledged orders acknowledged, $refused refused"
ok "the market answers" within 20 market_answers
is "$refused" 0 "nothing was refused"
is "$(sort "$WORK/journal" | uniq -d | wc -l)" 0 "each was acknowledged once"
sql "SELECT key FROM cpushare.order WHERE key ~ '^b[^-]*-[0-9]+$' ORDER BY key COLLATE \"C\"" >"$WORK/there"
is "$(LC_ALL=C sort "$WORK/journal" | LC_ALL=C comm -23 - "$WORK/there" | wc -l)" 0 "each order that was acknowledged is there"
is "$(sql "SELECT count(*) FROM cpushare.order")" "$(wc -l <"$WORK/there")" "once, and none without its answer"
api GET /metrics
is "$(grep ^cpushare_open_orders <<<"$BODY" | cut -d' ' -f2)" "$(wc -l <"$WORK/there")" "the book has them all"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"

# docs/MARKET.md, "Backup": a dump of the running market, restored elsewhere.
pg_dump -Fc -h "$MARKET_DATA/run" -U cpushare_owner -d cpushare -f "$WORK/backup" || bail "pg_dump"
orders=$(sql "SELECT count(*) FROM cpushare.order")
mkdir "$WORK/restored"
MARKET_DATA=$WORK/restored
cpushare-market serve --data "$MARKET_DATA" --listen 127.0.0.1:0 --set calibration.random=no >>"$WORK/restored.log" 2>&1 &
RESTORED=$!
cleanup 'end $RESTORED; stop_database'
within 120 market_answers || bail "no other market: $(tail -n 5 "$WORK/restored.log")"
dropped() { PGOPTIONS='-c client_min_messages=warning' psql -XAtq -d "$(market_uri)" -c 'DROP SCHEMA cpushare CASCADE'; }
within 20 dropped || bail "the schema does not go" # a statement of its market may be in the way
pg_restore -h "$MARKET_DATA/run" -U cpushare_owner -d cpushare "$WORK/backup" 2>"$WORK/restore.err"
is $? 0 "a dump is restored"
end $RESTORED KILL
rm -f "$MARKET_DATA/url"
cpushare-market serve --data "$MARKET_DATA" --listen 127.0.0.1:0 --set calibration.random=no >>"$WORK/restored.log" 2>&1 &
RESTORED=$!
ok "a market works on it" within 60 market_answers
is "$(sql "SELECT count(*) FROM cpushare.order")" "$orders" "everything is there"
ok "and its ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
