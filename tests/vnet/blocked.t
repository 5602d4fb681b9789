#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# blocked.t - where UDP is blocked: relayed by TLS, also by an HTTP proxy; from UDP to TLS and back; one of two relays dies
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
command -v tinyproxy >/dev/null || skip_all "needs tinyproxy"
. "$(dirname "$0")/pairs.sh"
export TEST_VERBOSE=1 # nat_pair.c tells what vnet logs

# said NAME REGEX TIMES: so often by now
said() { [ "$(grep -c "$2" "$WORK/$1.out")" -ge "$3" ]; }
BY_TLS='bound at the relay by TLS' BY_UDP='bound at the relay relay='

sites public port symmetric blocked walled
# start_proxy NUMBER: on that site's router, for its host
start_proxy() {
	cat >"$WORK/proxy$1.conf" <<-END
		User nobody
		Group nogroup
		Listen 192.168.$1.1
		Port 3128
		Allow 192.168.$1.0/24
		ConnectPort 443
		BasicAuth seller secret
		LogLevel Error
	END
	ip netns exec ${P}r$1 tinyproxy -d -c "$WORK/proxy$1.conf" >"$WORK/proxy$1.log" 2>&1 &
	cleanup "end $!"
}
K=$((2 * NUMBER[walled] + 1))
start_proxy $K
start_proxy $((K + 1))
export PROXY_LOGIN=seller:secret

# ---- the column of the matrix ----
for kind in public port symmetric blocked; do pair "blocked-$kind" "$(left blocked)" "$(right $kind)" relayed 4 3000; done
export LEFT_PROXY=192.168.$K.1:3128
for kind in port blocked; do pair "walled-$kind" "$(left walled)" "$(right $kind)" relayed 4 3000; done
RIGHT_PROXY=192.168.$((K + 1)).1:3128 pair walled-walled "$(left walled)" "$(right walled)" relayed 4 3000
unset LEFT_PROXY
for kind in public port symmetric blocked; do finished "blocked-$kind" "blocked and $kind: relayed"; done
for kind in port blocked walled; do finished "walled-$kind" "only a proxy leads out, and $kind: relayed"; done
ok "by TLS at the one side" said blocked-port "$BY_TLS" 1
ok "and by UDP at the other" said blocked-port "$BY_UDP" 1

# ---- UDP is blocked under way, and passes again ----
ROUTER=$(left_router symmetric)
pair moved "$(left symmetric)" "$(right symmetric)" relayed 45 12000
within 30 reached moved relayed 1
in_space "$ROUTER" nft insert rule ip filter forward meta l4proto udp drop
ok "when UDP falls silent the endpoint turns to TLS" within 20 said moved "$BY_TLS" 1
in_space "$ROUTER" nft flush chain ip filter forward
ok "and back when it passes again" within 30 said moved "$BY_UDP" 3
finished moved "at most 12 s of frames were lost"

# ---- one of two relays dies ----
start_second() {
	ip netns exec ${P}i cpushare-relay serve --listen $INTERNET.2:3500 --listen-tls $INTERNET.2:443 --tls-key "$WORK/second.pem" \
		--ticket-key "$PUBLIC" >>"$WORK/second.log" 2>&1 &
	SECOND=$!
}
RELAYS=$RELAYS,$INTERNET.2:3500/$INTERNET.2:443/$(cpushare-relay pin "$WORK/second.pem")
start_second
cleanup 'end $SECOND'
pair udp "$(left symmetric)" "$(right symmetric)" relayed 30 8000
pair tls "$(left blocked)" "$(right blocked)" relayed 30 8000
within 30 reached udp relayed 1
within 30 reached tls relayed 1
sleep 3
kill -KILL $RELAY # whichever carries the frames: they move once
wait $RELAY 2>/dev/null
sleep 5
start_relay
within 20 said tls "$BY_TLS" 6 # both sides, at both relays, and at this one again
sleep 2
kill -KILL $SECOND
wait $SECOND 2>/dev/null
finished udp "when one of two relays is killed at most 8 s of frames are lost"
finished tls "by TLS too"

# ---- endpoints, as the seller's daemon starts them ----
endpoint 1 "$(left blocked)"
export https_proxy=http://seller:secret@192.168.$((K + 1)).1:3128
endpoint 2 "$(right walled)"
ok "the endpoint is up" within 10 ask 1 '{"ask":"status"}'
ok "the other one too" within 10 ask 2 '{"ask":"status"}'
is "$(introduce 1 2)$(introduce 2 1)" '{}{}' "they are introduced"
ok "a seller's endpoint is relayed by TLS" within 20 path_is 1 relayed
ok "and the other one by the proxy that the environment names" within 20 path_is 2 relayed
like "$(ask 1 '{"ask":"status"}' | jq -r '.peers[0].address')" "^$INTERNET.1:443\$" "the path is the relay's TLS address"

export https_proxy=http://seller:wrong@192.168.$((K + 1)).1:3128
endpoint 3 "$(right walled)"
RELAY_PIN=$(printf '%064d' 7)
export -n https_proxy
endpoint 4 "$(right blocked)"
within 10 ask 3 '{"ask":"status"}'
within 10 ask 4 '{"ask":"status"}'
introduce 3 1 >/dev/null
introduce 4 1 >/dev/null
ok "a proxy that wants another password is named in the log" within 15 grep -q 'proxy wants other credentials' "$WORK/lease3/log"
ok "a relay with another key than the market named is not spoken to" within 15 grep -q "the relay's key is another" "$WORK/lease4/log"
done_testing
