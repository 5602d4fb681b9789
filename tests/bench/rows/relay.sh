# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# relay.sh - two endpoints whose packets go through our relay, and the same two through a forwarder that does nothing but carry UDP
#
# Both stand in a third namespace and carry the same sealed packets of one TCP stream, in turns. What counts is what a core of theirs carries.
measure_relay() { :; }

RELAY_ADDRESS=198.51.100.9
relay_start() { # the namespace in the middle, both carriers, a pair of endpoints for each
	local end key hub
	unshare --net sleep infinity &
	hub=$!
	until [ "$(readlink /proc/$hub/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
	nsenter -t $hub -n -- ip link set lo up
	nsenter -t $hub -n -- ip addr add $RELAY_ADDRESS/32 dev lo
	for end in 0 1; do
		at $end ip link add hub$end type veth peer name end$end netns $hub
		at $end ip addr add 203.0.113.$((end * 4 + 1))/30 dev hub$end
		nsenter -t $hub -n -- ip addr add 203.0.113.$((end * 4 + 2))/30 dev end$end
		at $end ip link set hub$end up
		nsenter -t $hub -n -- ip link set end$end up
		at $end ip route add $RELAY_ADDRESS via 203.0.113.$((end * 4 + 2))
	done
	key=$("$BUILD/tests/bench/endpoint" key "$W/ticket.pem")
	exec_in nsenter -t $hub -n -- "$BUILD/bin/cpushare-relay" serve --listen $RELAY_ADDRESS:3478 --ticket-key "$key" --rate 16G >"$W/relay.log" 2>&1 &
	CARRIER[relay]=$!
	exec_in nsenter -t $hub -n -- "$BUILD/tests/bench/forwarder" 41700 203.0.113.1 203.0.113.5 >"$W/forwarder.log" 2>&1 &
	CARRIER[forwarder]=$!
	mkdir "$W/relay" "$W/forwarder"
	for end in 0 1; do
		daemon relay $end "$BUILD/tests/bench/endpoint" "$W/relay" $end $RELAY_ADDRESS relay$end 41701 $((NUMBER + 1)) $RELAY_ADDRESS:3478 "$W/ticket.pem"
		daemon forwarder $end "$BUILD/tests/bench/endpoint" "$W/forwarder" $end $RELAY_ADDRESS forwarder$end 41700 $((NUMBER + 2))
	done
	for name in relay forwarder; do
		NUMBER=$((NUMBER + 1))
		ADDRESS[$name]=10.$NUMBER.1.2
		interfaces $name $name
		for ((tries = 0; tries < 30; tries++)); do
			ping -c 1 -W 1 -q "${ADDRESS[$name]}" >/dev/null 2>&1 && break
		done
		[ $tries -lt 30 ] || { echo "the stream through the $name does not come up" >&2; return 1; }
	done
}

report_relay() {
	declare -A CARRIER
	local name round before after mbit tries
	relay_start || return 0
	for ((round = 1; round <= ROUNDS; round++)); do
		for name in relay forwarder; do
			before=$(cpu_ms "${CARRIER[$name]}")
			mbit=$(iperf3 -c "${ADDRESS[$name]}" -t "$DURATION" --json | jq '(.end.sum_received.bits_per_second // 0) / 1e6 | round')
			after=$(cpu_ms "${CARRIER[$name]}")
			note $name carried_mbit "$mbit"
			note $name per_core "$(awk -v ms=$((after - before)) -v m="$mbit" -v s="$DURATION" 'BEGIN { printf "%.2f", ms ? m * s / ms : 0 }')"
			echo "  through the $name: $mbit Mb/s, $(tail -n1 "$W/$name.per_core") Gb/s a core of its own"
		done
	done
	tell "sealed stream through the relay" "$(noted relay carried_mbit)" Mb/s 0
	tell "sealed stream through the relay, a core" "$(noted relay per_core)" Gb/s 2 "$(ratio "$(noted relay per_core)" "a plain UDP forwarder" "$(noted forwarder per_core)" 1)"
}
