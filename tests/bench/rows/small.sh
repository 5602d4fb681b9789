# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# small.sh - 64-byte UDP packets: as many as go one way, and round trips of 64 under way at a time
measure_small() { # NAME
	local name=$1 to=${ADDRESS[$1]} receiver
	at 1 "$BUILD/tests/bench/blast" receive 2 >"$W/blast" &
	receiver=$!
	sleep 0.2
	"$BUILD/tests/bench/blast" send "$to" 2
	wait $receiver
	note "$name" pps "$(cat "$W/blast")"
	at 1 "$BUILD/tests/bench/blast" echo 3 &
	receiver=$!
	sleep 0.2
	note "$name" trips "$("$BUILD/tests/bench/blast" ask "$to" 2)"
	wait $receiver
	line+=", $(tail -qn1 "$W/$name.pps") packets/s, $(tail -qn1 "$W/$name.trips") round trips/s"
}

report_small() {
	result pps "64-byte packets" packets/s
	result trips "64-byte round trips, 64 under way" /s
}
