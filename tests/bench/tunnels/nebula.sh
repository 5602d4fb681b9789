# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# nebula.sh - Nebula, layer 3
PACKAGES+=(nebula)
start_nebula() {
	local end
	nebula-cert ca -name bench -out-crt "$W/neb-ca.crt" -out-key "$W/neb-ca.key"
	for end in 0 1; do
		nebula-cert sign -name end$end -ip 10.$NUMBER.1.$((end + 1))/16 -ca-crt "$W/neb-ca.crt" -ca-key "$W/neb-ca.key" \
			-out-crt "$W/neb$end.crt" -out-key "$W/neb$end.key"
		cat >"$W/neb$end.yml" <<-END
			pki: { ca: $W/neb-ca.crt, cert: $W/neb$end.crt, key: $W/neb$end.key }
			static_host_map: { 10.$NUMBER.1.$((2 - end)): ["192.0.2.$((2 - end)):4242"] }
			lighthouse: { am_lighthouse: false }
			listen: { host: 192.0.2.$((end + 1)), port: 4242 }
			tun: { dev: nebula$end, mtu: $MTU }
			firewall:
			  outbound: [{ port: any, proto: any, host: any }]
			  inbound: [{ port: any, proto: any, host: any }]
		END
		daemon nebula $end nebula -config "$W/neb$end.yml"
	done
	interfaces nebula nebula
}
