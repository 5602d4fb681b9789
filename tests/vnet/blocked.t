#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# blocked.t - endpoints whose UDP is blocked: by TLS to the relay, by an HTTP proxy, back to UDP; relays that die
#
# One namespace is the internet, with two relays. Each host stands behind a router of its own, whose rules say what passes.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root for network namespaces"
for c in ip nft; do command -v $c >/dev/null || skip_all "needs $c"; done
PAIR=$BUILD/tests/unit/relay/nat_pair.t
P=cb$$
ip netns add ${P}i 2>/dev/null || skip_all "no network namespaces here"
[ -x "$PAIR" ] || bail "not built: make build-tests"
SPACES=(${P}i)
remove_spaces() { for n in "${SPACES[@]}"; do ip netns del "$n"; done; }
cleanup remove_spaces
ip -n ${P}i link set lo up
ip -n ${P}i link add br0 type bridge
for a in 1 2 3; do ip -n ${P}i addr add 198.51.100.$a/24 dev br0; done
ip -n ${P}i link set br0 up

# rules NUMBER KIND: what the router lets through
rules() {
	local forward=
	case $2 in
	open) ;;
	blocked) forward="meta l4proto udp drop; tcp dport != 443 drop;" ;;
	proxied) forward="drop;" ;; # only the router's own proxy leads out
	esac
	ip netns exec ${P}r$1 nft -f - <<-END
		table ip t
		delete table ip t
		table ip t {
			chain post { type nat hook postrouting priority srcnat; oifname wan masquerade fully-random;
			}
			chain input { type filter hook input priority 0; iifname wan meta l4proto udp drop;
			}
			chain forward { type filter hook forward priority 0; ct direction reply accept; $forward
			}
		}
	END
}
# site NUMBER KIND: host ${P}hNUMBER behind router ${P}rNUMBER, whose NAT is symmetric: nothing but a relay leads to it
site() {
	local k=$1 host=${P}h$1 router=${P}r$1
	for n in "$host" "$router"; do
		ip netns add "$n" && SPACES+=("$n")
		ip -n "$n" link set lo up
	done
	ip link add lan netns "$router" type veth peer name eth netns "$host"
	ip link add p$k netns ${P}i type veth peer name wan netns "$router"
	ip -n ${P}i link set p$k master br0 up
	ip -n "$router" addr add 192.168.$k.1/24 dev lan
	ip -n "$host" addr add 192.168.$k.2/24 dev eth
	ip -n "$router" addr add 198.51.100.$((10 + k))/24 dev wan
	for d in lan wan; do ip -n "$router" link set $d up; done
	ip -n "$host" link set eth up
	ip -n "$host" route add default via 192.168.$k.1
	ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1
	rules "$k" "$2"
}

# start_relay NUMBER: sets RELAY_NUMBER (its pid) and WORD_NUMBER (how endpoints are told of it)
start_relay() {
	ip netns exec ${P}i cpushare-relay serve --listen 198.51.100.$1:3478 --listen-tls 198.51.100.$1:443 --tls-key "$WORK/tls$1.pem" \
		--ticket-key "$PUBLIC" --log debug >>"$WORK/relay$1.log" 2>&1 &
	printf -v "RELAY_$1" %s $!
	within 10 grep -q 'listening by TLS' "$WORK/relay$1.log" || bail "relay $1: $(tail "$WORK/relay$1.log")"
	printf -v "WORD_$1" %s "198.51.100.$1:3478/198.51.100.$1:443/$(sed -n 's/.*pin=//p' "$WORK/relay$1.log" | tail -n 1)"
}
PUBLIC=$("$PAIR" key "$WORK/ticket.pem") || bail "no key"
start_relay 1
cleanup 'end $RELAY_1'

# pair NAME LEFT RIGHT EXPECTED HOLD_S GAP_MS [RELAYS]: starts one
declare -A PID
pair() {
	"$PAIR" run "$WORK/ticket.pem" "$WORK" "${7:-$WORD_1}" "" "" ${P}h"$2" ${P}h"$3" "$4" "$5" "$6" >"$WORK/$1.out" 2>&1 &
	PID[$1]=$!
	cleanup "kill -KILL $!"
}
# finished NAME TEXT
finished() {
	wait "${PID[$1]}"
	_tap $? "$2" || sed 's/^/#   /' "$WORK/$1.out"
}
reached() { [ "$(grep -c "^reached $2" "$WORK/$1.out")" -ge "$3" ]; }
bindings() { grep -c "$2" "$WORK/$1.out"; }
said() { [ "$(bindings "$1" "$2")" -ge "$3" ]; }
export TEST_VERBOSE=1

site 1 blocked
site 2 blocked
site 3 open
site 4 open
pair both 1 2 relayed 2 3000
pair one 1 3 relayed 2 3000
finished both "UDP blocked at both: relayed"
finished one "UDP blocked at one: relayed"
ok "by TLS at the one" said one 'bound at the relay by TLS' 1
ok "and by UDP at the other" said one 'bound at the relay relay=' 1
done_testing
