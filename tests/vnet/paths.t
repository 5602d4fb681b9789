#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# paths.t - two endpoints whose paths change under them: relays and NATs that fail and come back
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
for c in socat perl ss; do command -v $c >/dev/null || skip_all "needs $c"; done
. "$(dirname "$0")/pairs.sh"

sites symmetric port

# ---- the relay is killed ----
join killed "$(left symmetric)" "$(right symmetric)" relayed 40 6000
within 30 reached killed relayed 1
KIB_S=100 send killed "$(left symmetric)" "$(right symmetric)" 400
sleep 2
kill -KILL $RELAY
wait $RELAY 2>/dev/null
sleep 1
start_relay
ok "a relay is killed under a TCP connection and started anew: all arrives" arrived killed 38
finished killed "and at most 6 s of frames were lost"

# ---- of two relays the nearest; and the other one when it has gone ----
LINE=slow_line site 9 public
NEAR=$RELAY
relay_at ${P}h9 --listen $INTERNET.19:3478
FAR=$RELAY
cleanup 'end $FAR'
RELAYS=$INTERNET.19:3478,$RELAYS pair nearest "$(left symmetric)" "$(right symmetric)" \
	"relayed@$INTERNET.1:3478,relayed@$INTERNET.19:3478,relayed@$INTERNET.1:3478" 3 8000
ok "of two relays the nearer one carries the data" within 30 reached nearest "relayed@$INTERNET.1:3478" 1
end $NEAR KILL
ok "when it has gone the other one does" within 30 reached nearest "relayed@$INTERNET.19:3478" 1
start_relay
finished nearest "when it is back, it again"
end $FAR

# ---- tickets that end ----
TICKET_S=6 pair tickets "$(left symmetric)" "$(right symmetric)" relayed 15 500

# ---- from the direct path to the relay and back ----
ROUTER=$(left_router port)
pair moved "$(left port)" "$(right port)" direct,relayed,direct 5 6000
within 30 reached moved direct 1
sleep 1
in_space "$ROUTER" nft add rule ip filter forward ip saddr $INTERNET.$((10 + 2 * NUMBER[port] + 2)) drop
ok "when the direct path dies the relay takes over" within 30 reached moved relayed 1
in_space "$ROUTER" nft flush chain ip filter forward
finished moved "when it works again the direct path does, and at most 6 s of frames were lost"

# ---- a seller's endpoint, as the daemon starts it ----
endpoint 1 "$(left symmetric)"
endpoint 2 "$(right symmetric)"
ok "it reports what the STUN servers said" within 10 has_candidate 1 reflexive
ok "the other one too" within 10 has_candidate 2 reflexive
own_port() { ask 1 '{"ask":"status"}' | jq -e --arg a $INTERNET.11 '.candidates | (map(select(.kind == "host"))[0].address | sub(".*:"; ":")) as $port | any(.kind == "reflexive" and .address == $a + $port)'; }
ok "behind a NAT that maps by destination its own port there is a candidate as well" within 10 own_port
is "$(introduce 1 2)$(introduce 2 1)" '{}{}' "they are introduced"
ok "and meet at the relay" within 10 path_is 1 relayed
ok "both of them" within 10 path_is 2 relayed

# ---- what the owner opened by hand ----
endpoint 3 "$(left symmetric)" --port 41641 --address $INTERNET.11
ok "the address that the owner opened is a candidate" within 10 has_candidate 3 fixed
like "$(ask 3 '{"ask":"status"}')" "\"$INTERNET.11:41641\"" "with the port that is bound"
endpoint 4 "$(left symmetric)" --port 41641 --address $INTERNET.11
ok "a second endpoint has one, too" within 10 has_candidate 4 fixed
like "$(ask 4 '{"ask":"status"}')" "\"$INTERNET.11:41642\"" "with the next port"
# Both NATs map by destination: only the opened port lets the other one in.
in_space "$(left_router symmetric)" nft add rule ip nat pre iifname wan udp dport 41641-41656 dnat to 192.168.1.2
endpoint 5 "$(right symmetric)"
within 10 has_candidate 5 reflexive
is "$(introduce 5 3)$(introduce 3 5)" '{}{}' "it is introduced to one behind such a NAT"
ok "which reaches it directly" within 10 path_is 5 direct
finished tickets "a relay carries on while tickets end and are replaced"
done_testing
