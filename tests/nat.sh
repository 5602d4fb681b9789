# SPDX-License-Identifier: Apache-2.0
# nat.sh - namespaces that play the internet and sites behind NATs of every kind; a test sources it after lib.sh
#
# The internet is three routers in a row, ${P}i - ${P}m - ${P}j; servers stand in ${P}i at $INTERNET.1 and .2. "site NUMBER KIND" makes a
# host ${P}hNUMBER, whose router ${P}rNUMBER stands at $INTERNET.(10 + NUMBER): odd ones at ${P}i, even ones at ${P}j, so that packets
# between an odd and an even site have three hops outside.

[ "$(id -u)" = 0 ] || skip_all "needs root for network namespaces"
for c in ip nft; do command -v $c >/dev/null || skip_all "needs $c"; done
P=cn$$
ip netns add ${P}i 2>/dev/null || skip_all "no network namespaces here"
SPACES=(${P}i)
remove_spaces() { for n in "${SPACES[@]}"; do ip netns del "$n"; done; }
cleanup remove_spaces
new_space() {
	ip netns add "$1" && SPACES+=("$1")
	ip -n "$1" link set lo up
}
in_space() {
	local n=$1
	shift
	ip netns exec "$n" "$@"
}
INTERNET=${INTERNET:-198.51.100}
declare -A HOP=([i]=169.254.0.1 [m]=169.254.0.2 [j]=169.254.0.3) # their addresses on all lines
ip -n ${P}i link set lo up
new_space ${P}m
new_space ${P}j
for n in i m j; do
	in_space $P$n sysctl -qw net.ipv4.ip_forward=1
	ip -n $P$n addr add ${HOP[$n]}/32 dev lo
done
ip -n ${P}i addr add $INTERNET.1/32 dev lo
ip -n ${P}i addr add $INTERNET.2/32 dev lo

# line FROM DEVICE TO DEVICE: joins two namespaces
line() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}
line ${P}i middle ${P}m i
line ${P}j middle ${P}m j
ip -n ${P}i route add $INTERNET.0/24 via ${HOP[m]} dev middle onlink src $INTERNET.1
ip -n ${P}j route add $INTERNET.0/24 via ${HOP[m]} dev middle onlink

# to_internet NAMESPACE DEVICE ADDRESS: by another kind of line where LINE names one
to_internet() {
	local k=${3##*.} side=i
	[ $((k % 2)) = 1 ] || side=j
	${LINE:-line} $P$side "p$k" "$1" "$2"
	ip -n $P$side route add "$3/32" dev "p$k"
	ip -n ${P}m route add "$3/32" via ${HOP[$side]} dev $side onlink
	ip -n "$1" addr add "$3/32" dev "$2"
	ip -n "$1" route add default via ${HOP[$side]} dev "$2" onlink
}
for k in 1 2; do ip -n ${P}m route add $INTERNET.$k/32 via ${HOP[i]} dev i onlink; done

# nat NAMESPACE WAN KIND: what the router does with UDP that goes out by WAN
nat() {
	local w=$2 pre= post= forward= input="iifname $2 meta l4proto udp drop;"
	in_space "$1" sysctl -qw net.ipv4.ip_forward=1
	case $3 in
	full) # full cone: whoever knows the mapped address reaches the host
		pre="iifname $w meta l4proto udp dnat to udp dport map @mapped;"
		post="oifname $w meta l4proto udp update @mapped { udp sport : ip saddr }; oifname $w masquerade persistent;" ;;
	address) # address-restricted: whom the host has sent to, from any port
		pre="iifname $w ip saddr . udp dport @asked dnat to udp dport map @mapped;"
		post="oifname $w meta l4proto udp update @mapped { udp sport : ip saddr };
			oifname $w meta l4proto udp update @asked { ip daddr . udp sport }; oifname $w masquerade persistent;" ;;
	port) post="oifname $w masquerade;" ;;                 # port-restricted: what plain Linux does
	poison) post="oifname $w masquerade;" input= ;;        # the same, but a probe that comes too early takes the mapping's place
	symmetric) post="oifname $w masquerade fully-random;" ;; # a port of its own for each destination
	blocked) # no UDP, and no TCP but to port 443
		post="oifname $w masquerade;" forward="ct direction reply accept; meta l4proto udp drop; tcp dport != 443 drop;" ;;
	walled) forward="drop;" ;; # nothing but what goes by a proxy on the router
	esac
	in_space "$1" nft -f - <<-END
		table ip nat {
			map mapped { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 300s; }
			set asked { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 300s; }
			chain pre { type nat hook prerouting priority dstnat; $pre
			}
			chain post { type nat hook postrouting priority srcnat; $post
			}
		}
		table ip filter {
			chain input { type filter hook input priority 0; $input
			}
			chain forward { type filter hook forward priority 0; $forward
			}
		}
	END
}

# site NUMBER KIND: a host $P.h.NUMBER behind such a router; public has none, twice and carrier have two routers
site() {
	local k=$1 kind=$2 host=${P}h$1 router=${P}r$1 outer=${P}o$1
	new_space "$host"
	if [ "$kind" = public ]; then
		to_internet "$host" wan $INTERNET.$((10 + k))
		return
	fi
	new_space "$router"
	ip link add lan netns "$router" type veth peer name eth netns "$host"
	ip -n "$router" addr add 192.168.$k.1/24 dev lan
	ip -n "$host" addr add 192.168.$k.2/24 dev eth
	ip -n "$router" link set lan up
	ip -n "$host" link set eth up
	ip -n "$host" route add default via 192.168.$k.1
	case $kind in
	twice | carrier)
		new_space "$outer"
		ip link add lan netns "$outer" type veth peer name wan netns "$router"
		ip -n "$outer" addr add 100.64.$k.1/24 dev lan
		ip -n "$router" addr add 100.64.$k.2/24 dev wan
		ip -n "$outer" link set lan up
		ip -n "$router" link set wan up
		ip -n "$router" route add default via 100.64.$k.1
		nat "$router" wan port
		to_internet "$outer" wan $INTERNET.$((10 + k))
		nat "$outer" wan $([ "$kind" = twice ] && echo port || echo symmetric) ;;
	*)
		to_internet "$router" wan $INTERNET.$((10 + k))
		nat "$router" wan "$kind" ;;
	esac
}
