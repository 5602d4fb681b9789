# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# plain.sh - the very same as vnet, without encryption: what sealing costs (tests/bench/seal_plain.c)
start_plain() {
	local end
	mkdir "$W/plain"
	for end in 0 1; do
		daemon plain $end "$BUILD/tests/bench/endpoint-plain" "$W/plain" $end 192.0.2.$((2 - end)) plain$end 41642 $NUMBER
	done
	interfaces plain plain
}
