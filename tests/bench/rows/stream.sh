# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# stream.sh - one TCP stream as fast as it goes, what it costs, and how long a ping takes meanwhile
measure_stream() { # NAME
	local name=$1 to=${ADDRESS[$1]} before after mbit pinger
	# shellcheck disable=SC2086 # pids are words
	before=$(cpu_ms ${PIDS[$name]})
	ping -n -i 0.02 -w "$DURATION" "$to" >"$W/ping" &
	pinger=$!
	mbit=$(iperf3 -c "$to" -t "$DURATION" --json | jq '.end.sum_received.bits_per_second / 1e6 | round')
	# shellcheck disable=SC2086
	after=$(cpu_ms ${PIDS[$name]})
	wait $pinger || true
	note "$name" mbit "$mbit"
	note "$name" cpu "$(awk -v ms=$((after - before)) -v m="$mbit" -v s="$DURATION" 'BEGIN { printf "%.0f", ms / (m * s / 1000) }')"
	note "$name" rtt "$(sed -n 's/.*time=\([0-9.]*\) ms/\1/p' "$W/ping" | median)"
	line+=", $(tail -qn1 "$W/$name.mbit") Mb/s, $(tail -qn1 "$W/$name.cpu") core-ms/Gbit, $(tail -qn1 "$W/$name.rtt") ms"
}

report_stream() {
	local name best=
	result mbit "single TCP stream" Mb/s
	result cpu "CPU of both endpoints" core-ms/Gbit
	result rtt "RTT under one stream, median" ms 2
	for name in "${UP[@]:1}"; do
		[ "$name" != plain ] && awk -v a="$(noted "$name" mbit)" -v b="$(noted vnet mbit)" 'BEGIN { exit a < b / 2 }' || continue
		[ -n "$best" ] && awk -v a="$(noted "$name" rtt)" -v b="$(noted "$best" rtt)" 'BEGIN { exit a > b }' || best=$name
	done
	say "RTT under one stream, of tunnels with half our throughput or more: best ${best:-none}"
}
