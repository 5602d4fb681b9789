# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# openvpn.sh - OpenVPN, layer 2, in user space
PACKAGES+=(openvpn openssl)
start_openvpn() {
	local end
	for end in 0 1; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=end$end \
			-keyout "$W/ovpn$end.key" -out "$W/ovpn$end.crt" 2>/dev/null
	done
	for end in 0 1; do
		local role=--tls-client
		[ $end = 0 ] || role="--tls-server --dh none"
		# shellcheck disable=SC2086 # role is words
		daemon openvpn $end openvpn --dev ovpn$end --dev-type tap --proto udp --local 192.0.2.$((end + 1)) --port 1194 \
			--remote 192.0.2.$((2 - end)) 1194 $role --cert "$W/ovpn$end.crt" --key "$W/ovpn$end.key" \
			--peer-fingerprint "$(openssl x509 -in "$W/ovpn$((1 - end)).crt" -noout -fingerprint -sha256 | cut -d= -f2)" \
			--data-ciphers AES-256-GCM --disable-dco --tun-mtu $MTU --ping 5
	done
	interfaces openvpn ovpn
}
