# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# idle.sh - what 1,000 connected peers that say nothing cost one endpoint
IDLE_PEERS=1000
measure_idle() { :; }

report_idle() {
	local result
	result=$(unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$BUILD/tests/bench/idle" $IDLE_PEERS 20) || return 0
	say "memory of an idle peer, with $IDLE_PEERS: $(awk '{ printf "%.1f", $1 / 1024 }' <<<"$result") KiB"
	say "CPU of $IDLE_PEERS idle peers: $(awk '{ printf "%.2f", $2 / 10 }' <<<"$result") %"
}
