#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nat.t - two endpoints behind every pair of NATs: directly where that can be, through the relay where not; and changes between them
#
# One namespace is the internet, with the relay at two addresses. Each kind of NAT stands there twice, as a router with one host behind it,
# so that all pairs run at the same time.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"

PAIR=$BUILD/tests/unit/relay/nat_pair.t
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
