#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# interleave.t - every procedure that moves money, in sessions that are interleaved statement by statement and cut anywhere, from a seed;
# SEED=n STEPS=n choose others: STEPS=100000 takes minutes
. "$(dirname "$0")/database.sh"
seed
as_owner -f "$TOP/tests/db/interleave.sql" >/dev/null || bail "no operations"
SEED=${SEED:-20261121} STEPS=${STEPS:-1000}
as_market -c 'SELECT seed.fund(1, 3000), seed.fund(3, 3000)' >/dev/null
run() { # NAME ARGUMENT...
	local name=$1
	shift
	"$BUILD/tests/db/interleave" "$PG" "$@" >"$WORK/$name" 2>&1
	local rc=$?
	grep '^#' "$WORK/$name"
	is "$rc $(grep -v '^ok\|^#\|^1\.\.' "$WORK/$name")" '0 ' "$name: the books are right after each step"
}
run "one procedure a transaction" "$SEED" "$STEPS"
run "several" $((SEED + 1)) $((STEPS / 3)) several
done_testing
