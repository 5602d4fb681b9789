# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# tinc.sh - tinc 1.0 as a switch, layer 2
PACKAGES+=(tinc)
start_tinc() {
	local end
	for end in 0 1; do
		mkdir -p "$W/tinc$end/hosts"
		printf 'Name = end%s\nMode = switch\nDeviceType = tap\nInterface = tinc%s\nConnectTo = end%s\n' $end $end $((1 - end)) \
			>"$W/tinc$end/tinc.conf"
		printf 'Address = 192.0.2.%s\nPort = 655\n' $((end + 1)) >"$W/tinc$end/hosts/end$end"
		tincd -c "$W/tinc$end" -K2048 </dev/null >/dev/null 2>&1
	done
	cp "$W/tinc0/hosts/end0" "$W/tinc1/hosts/"
	cp "$W/tinc1/hosts/end1" "$W/tinc0/hosts/"
	for end in 0 1; do
		daemon tinc $end tincd -c "$W/tinc$end" -D --pidfile="$W/tinc$end.pid"
	done
	interfaces tinc tinc
}
