# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# vnet.sh - our own
start_vnet() {
	local end
	mkdir "$W/vnet"
	for end in 0 1; do
		daemon vnet $end "$BUILD/tests/bench/endpoint" "$W/vnet" $end 192.0.2.$((2 - end)) vnet$end 41641 $NUMBER
	done
	interfaces vnet vnet
}
