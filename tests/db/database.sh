# SPDX-License-Identifier: Apache-2.0
# database.sh - a private PostgreSQL with the schema and pgTAP in it, for the tests of db/
#
# as_owner, as_market, as_admin run psql on SQL from their standard input or arguments, quietly, one value a line. seed makes people
# to trade and functions of the schema "seed" that make more.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

BIN=$(ls -d /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin 2>/dev/null | head -n 1)
[ -x "$BIN/postgres" ] || skip_all "PostgreSQL is not installed"
PG=$WORK/pg
mkdir "$PG"

# The server refuses to be root.
if [ "$(id -u)" = 0 ]; then
	chown postgres: "$PG"
	server=(setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups)
else
	server=(env)
fi
"${server[@]}" "$BIN/initdb" -D "$PG/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions >"$WORK/initdb.log" 2>&1 ||
	bail "initdb: $(tail -n 3 "$WORK/initdb.log")"
"${server[@]}" "$BIN/postgres" -D "$PG/data" -k "$PG" -c listen_addresses= -c fsync=off -c jit=off -c deadlock_timeout=200ms \
	-c log_min_messages=panic >>"$WORK/postgres.log" 2>&1 </dev/null &
SERVER_PID=$!
cleanup 'end $SERVER_PID INT'

_psql() { # USER ARGUMENT...
	local user=$1
	shift
	PGOPTIONS='-c search_path=cpushare,tap,pg_temp -c client_min_messages=warning' \
		psql -XAtq -v ON_ERROR_STOP=1 -h "$PG" -U "$user" -d "${DATABASE:-cpushare}" "$@"
}
as_admin() { _psql postgres "$@"; }
as_owner() { _psql cpushare_owner "$@"; }
as_market() { _psql cpushare_market "$@"; }
DATABASE=postgres within 30 as_admin -c 'SELECT 1' || bail "no server: $(tail -n 5 "$WORK/postgres.log")"

migrate() { as_owner -1 -f /dev/stdin < <(cat "$TOP"/db/migrations/*.sql "$TOP"/db/procedures/*.sql); }
procedures() { as_owner -1 -f /dev/stdin < <(cat "$TOP"/db/procedures/*.sql); }
DATABASE=postgres as_admin -c 'CREATE ROLE cpushare_owner LOGIN' -c 'CREATE ROLE cpushare_market LOGIN' \
	-c 'CREATE DATABASE cpushare OWNER cpushare_owner'
as_admin -c 'CREATE SCHEMA tap' -c 'CREATE EXTENSION pgtap SCHEMA tap' -c 'GRANT USAGE ON SCHEMA tap TO PUBLIC' ||
	skip_all "pgTAP is not installed"
as_owner -c 'CREATE SCHEMA cpushare' && migrate || bail "the schema does not apply"

# Buyer and seller, an image, a machine of 4 cores and 4096 MiB; seed.fund, seed.place, seed.match make what happens next.
seed() { as_owner -f "$TOP/tests/db/seed.sql" >/dev/null || bail "no seed"; }

# refused STATE SQL NAME: as the market; nothing but this SQLSTATE will do
refused() {
	like "$(as_market -v VERBOSITY=verbose -c "$2" 2>&1)" "ERROR:  $1:" "$3"
}
# sound NAME
sound() {
	is "$(as_market -c 'SELECT sum_micro, unbalanced, negative, holds_difference_micro, orders_difference FROM ledger_verify()')" \
		'0|0|0|0|0' "$1"
}
