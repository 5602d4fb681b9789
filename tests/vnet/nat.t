#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nat.t - two endpoints behind every pair of NATs: directly where that can be, through the relay where not; and changes between them
#
# One namespace is the internet, with the relay at two addresses. Each kind of NAT stands there twice, as a router with one host behind it,
# so that all pairs run at the same time.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root for network namespaces"
for c in ip nft; do command -v $c >/dev/null || skip_all "needs $c"; done
PAIR=$BUILD/tests/unit/relay/nat_pair.t
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
ip -n ${P}i link set lo up
ip -n ${P}i link add br0 type bridge
ip -n ${P}i addr add 198.51.100.1/24 dev br0
ip -n ${P}i addr add 198.51.100.2/24 dev br0
ip -n ${P}i link set br0 up

# to_internet NAMESPACE DEVICE ADDRESS
to_internet() {
	local port=p${3##*.}
	ip link add "$port" netns ${P}i type veth peer name "$2" netns "$1"
	ip -n ${P}i link set "$port" master br0 up
	ip -n "$1" addr add "$3/24" dev "$2"
	ip -n "$1" link set "$2" up
}

# nat NAMESPACE WAN KIND: what the router does with UDP that goes out by WAN
nat() {
	local w=$2 pre= post= input="iifname $2 meta l4proto udp drop;"
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
			chain forward { type filter hook forward priority 0;
			}
		}
	END
}

# site NUMBER KIND: a host $P.h.NUMBER behind such a router; public has none, twice and carrier have two routers
site() {
	local k=$1 kind=$2 host=${P}h$1 router=${P}r$1 outer=${P}o$1
	new_space "$host"
	if [ "$kind" = public ]; then
		to_internet "$host" wan 198.51.100.$((10 + k))
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
		to_internet "$outer" wan 198.51.100.$((10 + k))
		nat "$outer" wan $([ "$kind" = twice ] && echo port || echo symmetric) ;;
	*)
		to_internet "$router" wan 198.51.100.$((10 + k))
		nat "$router" wan "$kind" ;;
	esac
}

start_relay() {
	ip netns exec ${P}i cpushare-relay serve --listen 198.51.100.1:3478 --listen 198.51.100.2:3478 --ticket-key "$PUBLIC" --log debug \
		>>"$WORK/relay.log" 2>&1 &
	RELAY=$!
}
[ -x "$PAIR" ] || bail "not built: make build-tests"
PUBLIC=$("$PAIR" key "$WORK/ticket.pem") || bail "no key"
start_relay
cleanup 'end $RELAY'

# pair NAME LEFT RIGHT EXPECTED HOLD_S GAP_MS: starts one
declare -A PID
pair() {
	"$PAIR" run "$WORK/ticket.pem" "$WORK" 198.51.100.1:3478 198.51.100.1:3478 198.51.100.2:3478 "$2" "$3" "$4" "$5" "$6" \
		>"$WORK/$1.out" 2>&1 &
	PID[$1]=$!
	cleanup "kill -KILL $!"
}
# finished NAME TEXT
finished() {
	wait "${PID[$1]}"
	_tap $? "$2" || sed 's/^/#   /' "$WORK/$1.out"
}

KINDS=(public full address port poison symmetric twice carrier)
declare -A NUMBER
for i in "${!KINDS[@]}"; do
	NUMBER[${KINDS[i]}]=$i
	site $((2 * i + 1)) "${KINDS[i]}"
	site $((2 * i + 2)) "${KINDS[i]}"
done

# ---- the matrix ----
# From a NAT that maps each destination anew only the open ones can be reached; with "poison" it depends on who is first.
expected() {
	case "$1 $2" in
	*public* | *full*) echo direct ;;
	address\ * | *\ address) echo direct ;;
	port\ port | port\ twice | twice\ port | twice\ twice) echo direct ;;
	*poison*) echo any ;;
	*) echo relayed ;;
	esac
}
begun=$SECONDS
for i in "${!KINDS[@]}"; do
	for ((j = i; j < ${#KINDS[@]}; j++)); do
		a=${KINDS[i]} b=${KINDS[j]} want=$(expected "${KINDS[i]}" "${KINDS[j]}")
		case $want in
		direct) pair "$a-$b" ${P}h$((2 * i + 1)) ${P}h$((2 * j + 2)) direct 2 3000 ;;
		relayed) pair "$a-$b" ${P}h$((2 * i + 1)) ${P}h$((2 * j + 2)) relayed 12 3000 ;;
		any) pair "$a-$b" ${P}h$((2 * i + 1)) ${P}h$((2 * j + 2)) any 10 3000 ;;
		esac
		sleep 0.15
	done
done
for i in "${!KINDS[@]}"; do
	for ((j = i; j < ${#KINDS[@]}; j++)); do
		finished "${KINDS[i]}-${KINDS[j]}" "${KINDS[i]} and ${KINDS[j]}: $(expected "${KINDS[i]}" "${KINDS[j]}")"
	done
done
note "the matrix took $((SECONDS - begun)) s"
NAT_KIND=$(grep -ho 'mapping=[a-z]*' "$WORK/symmetric-symmetric.out" | sort -u)
is "$NAT_KIND" mapping=dependent "a symmetric NAT is told as one"
NAT_KIND=$(grep -ho 'mapping=[a-z]*' "$WORK/port-port.out" | sort -u)
is "$NAT_KIND" mapping=independent "and a port-restricted one as one of the others"

# ---- the relay is killed ----
L=${P}h$((2 * NUMBER[symmetric] + 1)) R=${P}h$((2 * NUMBER[symmetric] + 2))
reached() { [ "$(grep -c "^reached $2" "$WORK/$1.out")" -ge "$3" ]; }
pair killed "$L" "$R" relayed 20 6000
within 30 reached killed relayed 1
sleep 2
kill -KILL $RELAY
wait $RELAY 2>/dev/null
sleep 1
start_relay
finished killed "a relay that was killed and started anew loses at most 6 s"

# ---- from the direct path to the relay and back ----
L=${P}h$((2 * NUMBER[port] + 1)) R=${P}h$((2 * NUMBER[port] + 2)) ROUTER=${P}r$((2 * NUMBER[port] + 1))
pair moved "$L" "$R" direct,relayed,direct 5 6000
within 30 reached moved direct 1
sleep 1
in_space "$ROUTER" nft add rule ip filter forward ip saddr 198.51.100.$((10 + 2 * NUMBER[port] + 2)) drop
ok "when the direct path dies the relay takes over" within 30 reached moved relayed 1
in_space "$ROUTER" nft flush chain ip filter forward
finished moved "when it works again the direct path does, and at most 6 s of frames were lost"

# ---- a seller's endpoint, as the daemon starts it ----
NETWORK=00000000-0000-4000-8000-000000000001
# endpoint NUMBER NAMESPACE
endpoint() {
	local id=00000000-0000-4000-8000-00000000001$1 dir=$WORK/lease$1
	mkdir -p "$dir/net"
	cat >"$dir/net.json" <<-END
		{"network": {"id": "$NETWORK", "subnet": "10.77.0.0", "prefix_len": 16, "mtu": 1400,
			"stun": ["198.51.100.1:3478", "198.51.100.2:3478"],
			"relays": [{"address": "198.51.100.1:3478", "ticket": "$("$PAIR" ticket "$WORK/ticket.pem" $NETWORK "$id")"}]},
		 "self": {"id": "$id", "name": "vm$1", "mac": "52:54:00:00:00:0$1", "ip": "10.77.1.$1"}, "uid": 0}
	END
	ip netns exec "$2" cpushare-seller endpoint "$dir" >"$dir/log" 2>&1 &
	cleanup "kill -KILL $!"
}
# ask NUMBER REQUEST
ask() {
	perl -MSocket -e 'my ($s, $answer);
		socket($s, AF_UNIX, SOCK_SEQPACKET, 0) && connect($s, sockaddr_un($ARGV[0])) or exit 1;
		send($s, $ARGV[1], 0); recv($s, $answer, 200000, 0); print $answer' "$WORK/lease$1/net.sock" "$2"
}
has_reflexive() { [ "$(ask "$1" '{"ask":"status"}' | jq '.candidates | any(.kind == "reflexive")')" = true ]; }
# introduce NUMBER OTHER
introduce() {
	ask "$1" "$(ask "$2" '{"ask":"status"}' | jq -c --arg n "$2" '{ask: "peers", peers: [{id: "00000000-0000-4000-8000-00000000001\($n)",
		name: "vm\($n)", mac: "52:54:00:00:00:0\($n)", ip: "10.77.1.\($n)", pin: .pin, candidates: .candidates}]}')"
}
path_is() { [ "$(ask "$1" '{"ask":"status"}' | jq -r '.peers[0].path')" = "$2" ]; }
endpoint 1 ${P}h$((2 * NUMBER[symmetric] + 1))
endpoint 2 ${P}h$((2 * NUMBER[symmetric] + 2))
ok "it reports what the STUN servers said" within 10 has_reflexive 1
ok "the other one too" within 10 has_reflexive 2
is "$(introduce 1 2)$(introduce 2 1)" '{}{}' "they are introduced"
ok "and meet at the relay" within 10 path_is 1 relayed
ok "both of them" within 10 path_is 2 relayed
done_testing
