# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# wireguard-go.sh - WireGuard in user space, layer 3
PACKAGES+=(wireguard-go wireguard-tools)
start_wireguard-go() {
	local end
	for end in 0 1; do
		wg genkey >"$W/wg$end.key"
		daemon wireguard-go $end env WG_PROCESS_FOREGROUND=1 wireguard-go -f wgo$end
	done
	interfaces wireguard-go wgo
	for end in 0 1; do
		at $end wg set wgo$end listen-port 5180$end private-key "$W/wg$end.key" \
			peer "$(wg pubkey <"$W/wg$((1 - end)).key")" allowed-ips 0.0.0.0/0 endpoint 192.0.2.$((2 - end)):5180$((1 - end))
	done
}
