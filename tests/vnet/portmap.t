#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# portmap.t - routers that map ports (miniupnpd): pairs that only a relay could join are joined directly
#
# miniupnpd maps nothing where its outer address is one of those for documentation, so the internet has another one here.
INTERNET=44.1.2
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
command -v miniupnpd >/dev/null || skip_all "needs miniupnpd"
. "$(dirname "$0")/pairs.sh"

# map_ports NUMBER: the router of that site speaks NAT-PMP and PCP
map_ports() {
	local router=${P}r$1 conf=$WORK/mapping$1.conf
	cat >"$conf" <<-END
		ext_ifname=wan
		ext_ip=$INTERNET.$((10 + $1))
		listening_ip=lan
		enable_natpmp=yes
		enable_upnp=no
		ipv6_disable=yes
		upnp_table_name=mapping
		upnp_nat_table_name=mapping
		uuid=5baf4e19-3ffe-4994-8373-e7ce345d3d90
		allow 1024-65535 192.168.$1.0/24 1024-65535
	END
	in_space "$router" nft -f - <<-END
		table inet mapping {
			chain forward { type filter hook forward priority 0; jump miniupnpd
			}
			chain pre { type nat hook prerouting priority dstnat; jump prerouting_miniupnpd
			}
			chain post { type nat hook postrouting priority srcnat; jump postrouting_miniupnpd
			}
			chain miniupnpd {
			}
			chain prerouting_miniupnpd {
			}
			chain postrouting_miniupnpd {
			}
		}
	END
	ip netns exec "$router" miniupnpd -d -f "$conf" -P "$WORK/mapping$1.pid" >"$WORK/mapping$1.log" 2>&1 &
	MAPPER=$!
	cleanup "end $!"
}
mappings() { in_space "${P}r$1" nft list chain inet mapping prerouting_miniupnpd | grep -c dnat; }

sites symmetric carrier port poison
LEFT=$((2 * NUMBER[symmetric] + 1))
map_ports $LEFT

# ---- PCP ----
# Both NATs map each destination anew, so that they find no hole: only the mapped port lets the others in.
for other in symmetric carrier port poison; do
	pair "$other" "$(left symmetric)" "$(right $other)" direct 3 3000
	sleep 0.2
done
for other in symmetric carrier port poison; do
	finished $other "a mapped port (PCP) and $other: direct"
done
like "$(cat "$WORK/symmetric.out")" "mapped $INTERNET.$((10 + LEFT)):" "the mapped port is a candidate"

# ---- the endpoint asks, keeps and gives back ----
BEFORE=$(mappings $LEFT) # of the pairs, which were killed
endpoint 1 "$(left symmetric)"
ok "an endpoint reports what is mapped" within 10 has_candidate 1 mapped
is "$(mappings $LEFT)" $((BEFORE + 1)) "the router has it"
is "$(ask 1 '{"ask":"quit"}')" '{}' "it is told to go"
wait $ENDPOINT
is "$(mappings $LEFT)" "$BEFORE" "and gives it back"

# ---- a router that lost its mappings ----
endpoint 1 "$(left symmetric)"
ok "it is mapped again" within 10 has_candidate 1 mapped
end $MAPPER
in_space ${P}r$LEFT nft flush chain inet mapping prerouting_miniupnpd
in_space ${P}r$LEFT nft flush chain inet mapping miniupnpd
rm -f "$WORK/mapping$LEFT.pid"
map_ports $LEFT
is "$(mappings $LEFT)" 0 "the router starts anew and has forgotten"
# Its line has a new address as well, which the STUN servers see.
ip -n ${P}r$LEFT link set wan down
ip -n ${P}r$LEFT link set wan up
ip -n ${P}r$LEFT route add default via "${HOP[i]}" dev wan onlink
has_mappings() { [ "$(mappings $LEFT)" -ge "$1" ]; }
ok "when the STUN servers see us elsewhere the port is mapped again" within 40 has_mappings 1
ask 1 '{"ask":"quit"}' >/dev/null
wait $ENDPOINT
end $MAPPER

# ---- NAT-PMP, where PCP is not answered ----
RIGHT=$((2 * NUMBER[symmetric] + 2))
map_ports $RIGHT
in_space ${P}r$RIGHT nft add rule ip filter input iifname lan udp dport 5351 @th,64,8 2 drop
pair pmp "$(left carrier)" "$(right symmetric)" direct 3 3000
finished pmp "a mapped port (NAT-PMP) and carrier: direct"
like "$(cat "$WORK/pmp.out")" "mapped $INTERNET.$((10 + RIGHT)):" "the mapped port is a candidate"
like "$(cat "$WORK/mapping$RIGHT.log")" "NAT-PMP port mapping request" "NAT-PMP it was"
done_testing
