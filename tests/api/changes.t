#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# changes.t - a machine that says something else while what it said before is being written: who is answered when, and what counts
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set timing.seen_interval=1h
signup anna || bail "$BODY"
new_machine desk "$TOKEN" || bail "$BODY"
report desk
sql "CREATE SEQUENCE cpushare.written; CREATE FUNCTION cpushare.count_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
	\$\$BEGIN PERFORM nextval('cpushare.written'); RETURN NEW; END\$\$;
	CREATE TRIGGER written BEFORE UPDATE ON cpushare.machine FOR EACH ROW EXECUTE FUNCTION cpushare.count_written()"
price() { sql "SELECT price_per_core_hour_micro FROM cpushare.machine"; }
written() { sql "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM cpushare.written"; }
# Whose row is held, its reports wait.
mkfifo "$WORK/holder"
psql -XAtq "$(market_uri)" <"$WORK/holder" >"$WORK/held" &
HOLDER=$!
exec {TO}>"$WORK/holder"
hold() { echo "BEGIN; SELECT 'held' FROM cpushare.machine FOR UPDATE;" >&$TO && within 10 grep -q held "$WORK/held"; }
let_go() { echo "COMMIT;" >&$TO; }
waits() { [ "$(sql "SELECT count(*) FROM pg_locks WHERE NOT granted")" -gt 0 ]; }
# say PRICE FILE [SEQ]: a report beside what the test does; its answer's status goes to the file. Sets SAID to its process.
SAID=()
say() {
	M_SEQ[desk]=${3:-$((M_SEQ[desk] + 1))}
	M_PRICE=$1 report_body desk >"$WORK/$2.json"
	curl -ks -m 20 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer ${M_TOKEN[desk]}" -H 'Content-Type: application/json' \
		--data-binary "@$WORK/$2.json" "$URL/v1/machines/${M_ID[desk]}/report" >"$WORK/$2" &
	SAID+=($!)
}

is "$STATUS $(price)" "200 1000000" "a machine has its price"
ok "its row is held" hold
say 3000000 first
ok "a report that changes it waits" within 10 waits
say 3000000 same
say 3000000 again "${M_SEQ[desk]}"
say 4000000 other
for i in {1..8}; do say $((3000000 + i % 2)) "flip$i"; done
say 5000000 last
sleep 1
is "$(cat "$WORK"/{first,same,again,other,flip8,last})" "" "nobody is answered before what he said is written"
let_go
wait "${SAID[@]}"
is "$(cat "$WORK"/{first,same,again,other,flip{1..8},last})" "$(printf '200%.0s' {1..13})" "then all are"
is "$(price)" 5000000 "the last word counts"
ok "and hardly anything of what it said in between is written" [ "$(written)" -lt 5 ]
KEPT=$(written)
M_PRICE=5000000 report desk
is "$STATUS $(written)" "200 $KEPT" "what is said once more is not, either"
exec {TO}>&-
wait $HOLDER

done_testing
