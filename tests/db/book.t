#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# book.t - one market at a time holds the book, and what is written under another epoch is refused
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 100000)' -c 'SELECT seed.place(50, 1, 4, 100)' >/dev/null
LEASE=$(as_market -c 'SELECT seed.match(50, 102)')
like "$LEASE" '^[0-9a-f-]{36}$' "where nobody ever held the book it needs no epoch"

# Each is what only the book's holder may do.
WRITES=("SELECT seed.match(50, 102)" "SELECT lease_set_state('$LEASE', 'running', 'kvm', '', now())"
	"SELECT leases_lock(seed.id(50), NULL)" "SELECT lease_reset('$LEASE', now())" "SELECT lease_desire('$LEASE', 'paused', 'funds_exhausted', now())" "SELECT lease_set_path('$LEASE', 'direct')"
	"SELECT seed.use('$LEASE', 1, 10, 100)" "SELECT order_close(seed.id(50), 'cancelled', now())" "SELECT order_extend(seed.id(50), 99999, now())"
	"SELECT lease_announce('$LEASE', now())" "SELECT usage_tick_add(1, 1, ARRAY['$LEASE'::uuid], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[1],
	ARRAY[false], decode(repeat('00', 64), 'hex'), now())" "SELECT machines_update(ARRAY[seed.id(102)], ARRAY['DE'], ARRAY['1'], ARRAY['online'], ARRAY['kvm'], ARRAY[4],
	ARRAY[4096], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[1], ARRAY[true], ARRAY[now()])" "SELECT lease_finish('$LEASE', 'completed', '', now())" "UPDATE machine SET score = 7 WHERE id = seed.id(102) AND book_fence()")
for name in $(as_owner -c "SELECT proname FROM pg_proc WHERE pronamespace = 'cpushare'::regnamespace AND prosrc LIKE '%book_fence()%'"); do
	# seed.match and seed.use call these two
	like "${WRITES[*]} matches_make leases_use" "$name" "$name is one of them"
done

coproc HOLDER { as_market 2>&1; }
HOLDER_ID=$HOLDER_PID
holder() { # SQL: what the session says that holds the book
	printf '%s;\n' "$1" >&"${HOLDER[1]}" && read -r -t 20 SAID <&"${HOLDER[0]}" && echo "$SAID"
}
claim() { as_market -c "SELECT book_claim(seed.id($1), ${2:-60000})"; }
is "$(holder "SELECT book_claim(seed.id(900), 60000)")" 1 "the first claim is granted"
is "$(claim 901)" "" "another one's is not"
for sql in "${WRITES[@]}"; do refused CS007 "$sql" "without its epoch: ${sql:0:40}"; done
for epoch in 0 2; do refused CS007 "SET cpushare.epoch = $epoch; ${WRITES[3]}" "or under $epoch"; done
as_market -c 'SELECT seed.place(51, 1, 1, 100)' >/dev/null
is $? 0 "orders are placed through any market"
is "$(as_market -c "SET cpushare.epoch = 1; SELECT path FROM (SELECT lease_set_path('$LEASE', 'direct')) x, lease WHERE id = '$LEASE'" | wc -l)" 1 \
	"under its epoch it may"
is "$(as_market -c 'SELECT book_renew(seed.id(901), 1, 60000)')" f "nobody else renews it"
is "$(as_market -c 'SELECT book_renew(seed.id(900), 1, 60000)')" t "its holder does"

# The holder's session lives on, and says nothing more.
as_market -c 'SELECT book_renew(seed.id(900), 1, 0)' >/dev/null
holder "BEGIN; SET LOCAL cpushare.epoch = 1; SELECT lease_set_path('$LEASE', 'relayed'); SELECT 'begun'" >/dev/null
claim 901 >"$WORK/claim" &
CLAIM=$!
waits() { [ "$(as_admin -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%book_claim%'")" = 1 ]; }
ok "who takes the book waits for what was begun before" within 20 waits
printf 'COMMIT;\n' >&"${HOLDER[1]}"
wait $CLAIM
is "$(<"$WORK/claim")" 2 "and has it then"
for sql in "${WRITES[@]}"; do refused CS007 "SET cpushare.epoch = 1; $sql" "the old epoch: ${sql:0:40}"; done
is "$(as_market -c 'SELECT book_renew(seed.id(900), 1, 60000)')" f "and is not renewed"
is "$(as_market -c "SET cpushare.epoch = 2; SELECT lease_finish('$LEASE', 'completed', '', now())" >/dev/null; echo $?)" 0 "the new one works"
printf '\\q\n' >&"${HOLDER[1]}"
wait $HOLDER_ID
is "$(claim 902)" 3 "where the holder's session is gone nobody waits for the time"
refused 42501 "UPDATE book SET epoch = 9" "the market cannot write the row itself"
sound "the ledger is sound"
done_testing
