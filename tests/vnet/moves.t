#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moves.t - addresses that change under two endpoints: mappings that end, NATs that map anew, machines that move; several addresses at one
# machine, and two machines behind one NAT
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
command -v conntrack >/dev/null || skip_all "needs conntrack"
. "$(dirname "$0")/pairs.sh"

outside() { echo $INTERNET.$((10 + $1)); }
# mapped NUMBER OTHER: under which port site OTHER sees the host of that site
mapped() {
	in_space ${P}r$1 conntrack -L -p udp -s 192.168.$1.2 -d "$(outside $2)" 2>/dev/null | sed -n 's/.* dport=\([0-9]*\) .*/\1/p' | sort -u
}

# ---- mappings end while nothing is said ----
# brief NUMBER SECONDS
brief() { in_space ${P}r$1 sysctl -qw net.netfilter.nf_conntrack_udp_timeout=$2 net.netfilter.nf_conntrack_udp_timeout_stream=$2; }
site 1 symmetric
site 2 full
brief 1 20
QUIET_MS=32000 pair kept ${P}h1 ${P}h2 direct 38 500
site 3 symmetric
site 4 full
brief 3 6
QUIET_MS=32000 pair ended ${P}h3 ${P}h4 direct 38 2000

# ---- a NAT maps anew under way ----
site 5 symmetric
site 6 full
pair rebound ${P}h5 ${P}h6 direct 14 3000

# ---- a machine gets another address ----
site 7 public
site 8 port
pair readdressed ${P}h7 ${P}h8 "direct,direct@$INTERNET.99" 5 5000
# readdress: from one address to another, as a line does that is dialled anew
readdress() {
	ip -n ${P}i route add $INTERNET.99/32 dev p17
	ip -n ${P}m route add $INTERNET.99/32 via ${HOP[i]} dev i onlink
	ip -n ${P}h7 addr del $INTERNET.17/32 dev wan
	ip -n ${P}h7 addr add $INTERNET.99/32 dev wan
	ip -n ${P}h7 route replace default via ${HOP[i]} dev wan onlink
}
# A laptop goes from one network to another.
site 9 port
site 10 port
site 11 port
ip link add lan9 netns ${P}r11 type veth peer name eth2 netns ${P}h9
ip -n ${P}r11 addr add 192.168.99.1/24 dev lan9
ip -n ${P}r11 link set lan9 up
pair roaming ${P}h9 ${P}h10 "direct,direct@$(outside 11)" 5 5000
roam() {
	ip -n ${P}h9 link set eth down
	ip -n ${P}h9 addr add 192.168.99.2/24 dev eth2
	ip -n ${P}h9 link set eth2 up
	ip -n ${P}h9 route add default via 192.168.99.1
}

# ---- a machine with several addresses ----
# The first is the one that it sends from by itself; only the second one lets the other side in.
site 13 public
site 14 port
ip -n ${P}i route add $INTERNET.98/32 dev p23
ip -n ${P}m route add $INTERNET.98/32 via ${HOP[i]} dev i onlink
ip -n ${P}h13 addr add $INTERNET.98/32 dev wan
in_space ${P}h13 nft add table ip one
in_space ${P}h13 nft add chain ip one input '{ type filter hook input priority 0; }'
in_space ${P}h13 nft add rule ip one input ip saddr "$(outside 14)" ip daddr "$(outside 13)" drop
pair several ${P}h13 ${P}h14 "direct@$INTERNET.98" 5 3000

# ---- two machines behind one NAT ----
# neighbour NUMBER: a second host there, in a segment of its own
neighbour() {
	new_space ${P}n$1
	ip link add lanb netns ${P}r$1 type veth peer name eth netns ${P}n$1
	ip -n ${P}r$1 addr add 192.168.$((100 + $1)).1/24 dev lanb
	ip -n ${P}r$1 link set lanb up
	ip -n ${P}n$1 addr add 192.168.$((100 + $1)).2/24 dev eth
	ip -n ${P}n$1 link set eth up
	ip -n ${P}n$1 route add default via 192.168.$((100 + $1)).1
}
isolate() { in_space ${P}r$1 nft add rule ip filter forward iifname '"lan*"' oifname '"lan*"' ct status and dnat == 0 drop; }
# hairpin NUMBER: who sends to the mapped address from inside gets there, and is seen at his own (RFC 4787 section 6)
hairpin() {
	in_space ${P}r$1 nft -f - <<-END
		insert rule ip nat pre iifname "lan*" ip daddr $(outside $1) meta l4proto udp dnat to udp dport map @mapped
		insert rule ip nat post iifname "lan*" oifname "lan*" meta l4proto udp snat to $(outside $1)
	END
}
for k in 15 16 17; do
	site $k full
	neighbour $k
done
isolate 16
isolate 17
hairpin 17
pair neighbours ${P}h15 ${P}n15 direct@192.168. 3 3000
pair isolated ${P}h16 ${P}n16 relayed 12 3000
pair hairpin ${P}h17 ${P}n17 "direct@$(outside 17)" 3 3000

within 20 reached rebound direct 1
within 20 reached readdressed direct 1
within 20 reached roaming direct 1
sleep 3
FIRST=$(mapped 5 6)
in_space ${P}r5 conntrack -F 2>/dev/null
readdress
roam
finished several "a machine with several addresses answers from the one that was asked"
finished neighbours "behind one NAT: found by their addresses there"
finished isolated "kept apart behind one NAT that leads nothing back: relayed"
finished hairpin "and directly where it does"
within 10 reached kept direct 1
KEPT=$(mapped 1 2)
finished rebound "a NAT that maps anew: the peer is followed, and at most 3 s of frames were lost"
isnt "$(mapped 5 6)" "$FIRST" "the port is another one"
finished readdressed "an address that changes: the peer is followed within 5 s"
finished roaming "a machine that changes networks: the peer is followed within 5 s"
sleep 8
is "$(mapped 1 2)" "$KEPT" "while nothing is said pings keep the mapping"
finished kept "and frames pass at once"
finished ended "where it ended all the same the path comes back within 2 s"
done_testing
