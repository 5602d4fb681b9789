# SPDX-License-Identifier: Apache-2.0
# pairs.sh - pairs of endpoints in the namespaces of tests/nat.sh, with a relay in the internet; sourced after lib.sh and nat.sh

PAIR=$BUILD/tests/unit/relay/nat_pair.t
[ -x "$PAIR" ] || bail "not built: make build-tests"
PUBLIC=$("$PAIR" key "$WORK/ticket.pem") || bail "no key"
# relay_at NAMESPACE ADDRESS...: sets RELAY
relay_at() {
	ip netns exec "$1" cpushare-relay serve "${@:2}" --tls-key "$WORK/relay.pem" --ticket-key "$PUBLIC" --log debug >>"$WORK/relay.log" 2>&1 &
	RELAY=$!
}
start_relay() { relay_at ${P}i --listen $INTERNET.1:3478 --listen $INTERNET.2:3478 --listen-tls $INTERNET.1:443; }
RELAY_PIN=$(cpushare-relay pin "$WORK/relay.pem") || bail "no key for TLS"
RELAYS=$INTERNET.1:3478/$INTERNET.1:443/$RELAY_PIN # as nat_pair.c has it
start_relay
cleanup 'end $RELAY'

# sites KIND...: two of each, NUMBER[KIND] counts them from 0; left KIND and right KIND are their hosts' namespaces, left_router the router's
declare -A NUMBER=() PID=()
sites() {
	local kind i=${#NUMBER[@]}
	for kind; do
		NUMBER[$kind]=$i
		site $((2 * i + 1)) "$kind"
		site $((2 * i + 2)) "$kind"
		i=$((i + 1))
	done
}
left() { echo ${P}h$((2 * NUMBER[$1] + 1)); }
right() { echo ${P}h$((2 * NUMBER[$1] + 2)); }
left_router() { echo ${P}r$((2 * NUMBER[$1] + 1)); }

# slow_line FROM DEVICE TO DEVICE, as a site's LINE: 5 to 25 ms, so that packets overtake each other; one in a test
slow_line() {
	"$BUILD/tests/vnet/delay" 7 5000 25000 "$@" >"$WORK/delay.out" &
	cleanup "end $!"
	within 20 grep -q ready "$WORK/delay.out"
}

# pair NAME LEFT RIGHT EXPECTED HOLD_S GAP_MS: starts one
pair() {
	"$PAIR" run "$WORK/ticket.pem" "$WORK" "$RELAYS" $INTERNET.1:3478 $INTERNET.2:3478 "$2" "$3" "$4" "$5" "$6" \
		>"$WORK/$1.out" 2>&1 &
	PID[$1]=$!
	cleanup "kill -KILL $!"
}
# finished NAME TEXT
finished() {
	wait "${PID[$1]}"
	_tap $? "$2" || sed 's/^/#   /' "$WORK/$1.out"
}
# reached NAME PATH TIMES: so often by now
reached() { [ "$(grep -c "^reached $2" "$WORK/$1.out")" -ge "$3" ]; }

# ---- TCP over the ethernet ----
# join NAME LEFT RIGHT EXPECTED HOLD_S GAP_MS: a pair with TAPs
join() {
	local ns n=0
	TAP=tap0 pair "$@"
	for ns in "$2" "$3"; do
		n=$((n + 1))
		within 10 ip -n "$ns" link set tap0 up
		ip -n "$ns" addr add 10.77.1.$n/16 dev tap0
	done
}
# send NAME FROM TO KIB: begins to send so much, by TCP, from the one namespace to the other; at KIB_S a second where that is set
declare -A SENT=() RECEIVER=()
send() {
	local port=$((5000 + ${#SENT[@]})) data=$WORK/$1.data
	head -c $(($4 * 1024)) /dev/urandom >"$data"
	SENT[$1]=$(sha256sum <"$data")
	ip netns exec "$3" socat -u TCP-LISTEN:$port,reuseaddr "CREATE:$WORK/$1.arrived" &
	RECEIVER[$1]=$!
	cleanup "kill -KILL $!"
	within 20 in_space "$3" bash -c "ss -ltn | grep -q :$port"
	perl -e '$| = 1; while (sysread STDIN, $b, $ARGV[0] * 1024 / 20) { print $b; select undef, undef, undef, 0.05 if $ARGV[1] }' \
		"${KIB_S:-100000}" "${KIB_S:-}" <"$data" | ip netns exec "$2" socat -u STDIN "TCP:$(inner "$3"):$port" &
	cleanup "kill -KILL $!"
}
inner() { ip -n "$1" -4 -o addr show dev tap0 | grep -o '10.77.1.[0-9]*' | head -n 1; }
# arrived NAME SECONDS: by then, and whole
arrived() {
	within "$2" has_ended "${RECEIVER[$1]}" && [ "$(sha256sum <"$WORK/$1.arrived")" = "${SENT[$1]}" ]
}
has_ended() { ! kill -0 "$1"; }

# ---- endpoints, as the seller's daemon starts them ----
NETWORK=00000000-0000-4000-8000-000000000001
# endpoint NUMBER NAMESPACE [OPTION...]: sets ENDPOINT
endpoint() {
	local id=00000000-0000-4000-8000-00000000001$1 dir=$WORK/lease$1
	mkdir -p "$dir/net"
	cat >"$dir/net.json" <<-END
		{"network": {"id": "$NETWORK", "subnet": "10.77.0.0", "prefix_len": 16, "mtu": 1400,
			"stun": ["$INTERNET.1:3478", "$INTERNET.2:3478"]},
		 "self": {"id": "$id", "name": "vm$1", "mac": "52:54:00:00:00:0$1", "ip": "10.77.1.$1"}, "port": "dgram", "uid": 0}
	END
	ip netns exec "$2" cpushare-seller endpoint "$dir" "${@:3}" >"$dir/log" 2>&1 &
	ENDPOINT=$!
	cleanup "kill -KILL $!"
}
# ask NUMBER REQUEST
ask() { ask_socket "$WORK/lease$1/net.sock" "$2"; }
# has_candidate NUMBER KIND
has_candidate() { [ "$(ask "$1" '{"ask":"status"}' | jq --arg k "$2" '.candidates | any(.kind == $k)')" = true ]; }
# introduce NUMBER OTHER
introduce() {
	local ticket
	ticket=$("$PAIR" ticket "$WORK/ticket.pem" $NETWORK "00000000-0000-4000-8000-00000000001$1" "$(ask "$1" '{"ask":"status"}' | jq -r .pin)")
	ask "$1" "$(ask "$2" '{"ask":"status"}' | jq -c --arg n "$2" --arg relay "$INTERNET.1" --arg ticket "$ticket" \
		--arg pin "$RELAY_PIN" '{ask: "peers",
		peers: [{id: "00000000-0000-4000-8000-00000000001\($n)", name: "vm\($n)", mac: "52:54:00:00:00:0\($n)", ip: "10.77.1.\($n)",
			pin: .pin, candidates: .candidates}],
		relays: [{address: "\($relay):3478", tls: "\($relay):443", tls_pin: $pin, ticket: $ticket}]}')"
}
path_is() { [ "$(ask "$1" '{"ask":"status"}' | jq -r '.peers[0].path')" = "$2" ]; }
