#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restore.t - docs/MARKET.md, "Back to any moment": the log is archived, the market's server is lost, and comes back as it was between
# two deposits
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=1000
mkdir "$WORK/archive"
[ "$(id -u)" != 0 ] || chown postgres: "$WORK/archive"
admin() { psql -XAtq -h "$MARKET_DATA/run" -U postgres -d postgres -c "$1"; }
admin "ALTER SYSTEM SET archive_mode = on"
admin "ALTER SYSTEM SET archive_command = 'test ! -f $WORK/archive/%f && cp %p $WORK/archive/%f.part && mv $WORK/archive/%f.part $WORK/archive/%f'"
end "$MARKET_PID"
restart_market || bail "no market with an archive"
new_buyer anna 1000000 && ANNA=$TOKEN
new_image "$ANNA" 1000 || bail "$BODY"
FREE='.max_price_per_core_hour_micro = 1200 | .max_price_per_gib_hour_micro = 0 | .max_price_per_gib_transferred_micro = 0'
ok "a base backup of the running market" pg_basebackup -h "$MARKET_DATA/run" -U postgres -D "$WORK/base" -c fast

pay() { # AMOUNT
	api POST /v1/deposits "{\"amount_micro\":$1,\"provider\":\"manual\"}" "$ANNA" "$(key)" &&
		cpushare-market deposit confirm "$(field .id)" --data "$MARKET_DATA"
}
pay 200000 >/dev/null
new_order "$ANNA" "$FREE" && BEFORE=$ORDER
chained() { HEAD=$(cpushare-market ledger verify --data "$MARKET_DATA" -o json | jq -er 'select(.chain_waiting == 0) | .chain'); }
ok "the chain's end is kept elsewhere" within 20 chained
MOMENT=$(admin "SELECT clock_timestamp()")
pay 40000 >/dev/null
new_order "$ANNA" "$FREE" && AFTER=$ORDER
api GET /v1/balance "" "$ANNA"
is "$(field '.available_micro + .held_micro')" 1240000 "three deposits are there"
SEGMENT=$(admin "SELECT pg_walfile_name(pg_switch_wal())")
ok "the log is archived" within 30 test -f "$WORK/archive/$SEGMENT"

kill -KILL "$MARKET_PID" "$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")"
wait "$MARKET_PID" 2>/dev/null
MARKET_LOST=$MARKET_DATA MARKET_DATA=$WORK/restored
mkdir "$MARKET_DATA"
cp -r "$MARKET_LOST/tls" "$MARKET_LOST/signing.pem" "$MARKET_LOST/secrets.key" "$MARKET_LOST/pieces" "$MARKET_DATA"
rm -rf "$MARKET_LOST"
mv "$WORK/base" "$MARKET_DATA/postgres"
cat >>"$MARKET_DATA/postgres/postgresql.auto.conf" <<END
restore_command = 'cp $WORK/archive/%f %p'
recovery_target_time = '$MOMENT'
recovery_target_action = 'promote'
hot_standby = off
END
touch "$MARKET_DATA/postgres/recovery.signal"
[ "$(id -u)" != 0 ] || chown -R postgres: "$MARKET_DATA/postgres"
ok "a market starts on it" restart_market || note "$(tail -n 20 "$WORK/market.log" "$MARKET_DATA/postgres.log")"
URL=$(<"$MARKET_DATA/url")
is "$(<"$MARKET_DATA/pin")" "$PIN" "under the same key"
api GET /v1/balance "" "$ANNA"
is "$STATUS $(field '.available_micro + .held_micro')" "200 1200000" "with the money of that moment: the deposit before it, not the one after"
api GET "/v1/orders/$BEFORE" "" "$ANNA"
is "$STATUS $(field .state)" "200 open" "the order before it"
api GET "/v1/orders/$AFTER" "" "$ANNA"
is "$STATUS" 404 "not the one after"
ok "the ledger holds, and continues the chain that was kept" cpushare-market ledger verify "$HEAD" --data "$MARKET_DATA"
pay 3 >/dev/null
new_order "$ANNA" "$FREE"
is "$STATUS" 201 "it takes orders"
end "$MARKET_PID"
ok "and starts again" restart_market
api GET /v1/balance "" "$ANNA"
is "$(field '.available_micro + .held_micro')" 1200003 "on what was paid since"
done_testing
