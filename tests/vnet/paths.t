#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# paths.t - two endpoints whose paths change under them: relays and NATs that fail and come back
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
. "$(dirname "$0")/pairs.sh"

sites symmetric port

# ---- the relay is killed ----
pair killed "$(left symmetric)" "$(right symmetric)" relayed 20 6000
within 30 reached killed relayed 1
sleep 2
kill -KILL $RELAY
wait $RELAY 2>/dev/null
sleep 1
start_relay
finished killed "a relay that was killed and started anew loses at most 6 s"

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
is "$(introduce 1 2)$(introduce 2 1)" '{}{}' "they are introduced"
ok "and meet at the relay" within 10 path_is 1 relayed
ok "both of them" within 10 path_is 2 relayed
done_testing
