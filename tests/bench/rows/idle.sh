# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# idle.sh - what 1,000 connected peers that say nothing cost one endpoint
IDLE_PEERS=1000
measure_idle() { :; }

report_idle() {
	local result
	result=$(unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$BUILD/tests/bench/idle" $IDLE_PEERS 20) || return 0
	tell "memory of an idle peer, with $IDLE_PEERS" "$(awk '{ print $1 / 1024 }' <<<"$result")" KiB 1
	tell "CPU of $IDLE_PEERS idle peers" "$(awk '{ print $2 / 10 }' <<<"$result")" % 2
}
