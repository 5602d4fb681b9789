#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# peers.t - who hears of whom in an order's network: its members of each other, nobody of one whose lease ended, no other order's
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set timing.settle_interval=1ms --set limits.signups_burst=100 --set timing.lost_contact=20s --set timing.sweep_interval=200ms \
	--set "relay.relays=192.0.2.9:3478"
signup seller && SELLER=$TOKEN
for name in desk spare; do
	new_machine $name "$SELLER" && M_CORES=1 report $name || bail "$BODY"
done
new_buyer buyer 20000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"
M_CORES=1 # so that each has one VM

leases() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = "$1" ]; }
declare -A LEASE PIN VERSION
# new_network: an order of two VMs; sets ORDER and LEASE
new_network() {
	local name
	new_order "$BUYER" '.count = 2' && within 20 leases 2 || return 1
	for name in desk spare; do
		LEASE[$name]=$(jq -r --arg m "${M_ID[$name]}" '.items[] | select(.machine == $m).id' <<<"$BODY")
		VERSION[$name]=0
	done
	VERSION[laptop]=0
}
for name in desk spare laptop; do PIN[$name]=$(printf $name | sha256sum | cut -c1-64); done
# speaks NAME [STATE [REASON]]: the machine reports that its VM runs, with its endpoint; sets PEERS, of whom it hears ("none": nothing new), and VERSION
speaks() {
	report "$1" "[$(said "${LEASE[$1]}" "${2:-running}" "${3:-}" null \
		"{\"pin\":\"${PIN[$1]}\",\"candidates\":[],\"peers_version\":${VERSION[$1]}}")]" || return 1
	heard '.leases[0]' "$1"
}
# joins NAME: the buyer's machine does
joins() {
	api POST "/v1/orders/$ORDER/peers" \
		"{\"id\":\"$LAPTOP\",\"name\":\"$1\",\"pin\":\"${PIN[$1]}\",\"candidates\":[],\"peers_version\":${VERSION[$1]}}" "$BUYER"
	heard . "$1"
}
heard() { # WHERE NAME: takes what the market says
	PEERS=$(field "$1 | if .peers then [.peers[].pin] | sort | join(\" \") else \"none\" end")
	VERSION[$2]=$(field "$1 | .peers_version // 0")
}
pins() { for name; do echo "${PIN[$name]}"; done | sort | paste -sd' '; }
LAPTOP=$(cat /proc/sys/kernel/random/uuid)

ok "two VMs in one network" new_network
speaks desk
speaks spare
joins laptop
is "$PEERS" "$(pins desk spare)" "the buyer's machine hears of both"
speaks desk
is "$PEERS" "$(pins spare laptop)" "the one VM of the other and of it"
speaks spare
is "$PEERS" "$(pins desk laptop)" "the other alike"
TICKET=$(field '.leases[0].relays[0].ticket')
speaks desk
is "$PEERS" none "nothing is repeated"
api GET "/v1/orders/$ORDER/network" "" "$BUYER"
is "$(field '.members | length')" 3 "the buyer sees the three"

# An endpoint that gets no list keeps the one it has, so that the others have to be told.
speaks spare ended completed
api GET "/v1/leases/${LEASE[spare]}" "" "$BUYER"
is "$(field .state)" ended "one VM's lease ends"
is "$(report spare && field '.leases | length')" 0 "its machine hears no more of it, nor gets a ticket"
speaks desk
is "$PEERS" "$(pins laptop)" "the other VM gets a list without it"
joins laptop
is "$PEERS" "$(pins desk)" "and the buyer's machine"
api GET "/v1/orders/$ORDER/network" "" "$BUYER"
is "$(field '.members | length')" 2 "the buyer sees two"
speaks spare
is "$(field '.leases[0].peers // [] | length') $(field '.leases[0].relays // [] | length')" "0 0" "who says that it still runs hears of nobody"
is "$(field '.leases[0].state // "none"')" none "and is not believed"
joins laptop
is "$PEERS" none "nor does anybody hear of it"
api GET "/v1/leases/${LEASE[spare]}/spec" "" "${M_TOKEN[spare]}"
isnt "$STATUS" 200 "nor is it told how to start"

# A ticket is not taken back: it says itself until when (docs/RELAY.md), and that is soon.
EXPIRES=$((16#${TICKET:136:16}))
ok "a ticket that it had is good for a day at most" [ $((EXPIRES > $(date +%s) && EXPIRES <= $(date +%s) + 86400)) = 1 ]
FIRST=$ORDER
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
report desk "[$(said "${LEASE[desk]}" ended completed)]"
joins laptop
is "$STATUS $(field .code)" "409 wrong_state" "nobody joins the network of an order that has ended"
report desk
report spare
ok "another order" new_network
speaks desk
is "$PEERS" "" "its VM hears of nobody of the first"
TICKET=$(field '.leases[0].relays[0].ticket')
is "${TICKET:8:32}" "${ORDER//-/}" "and its ticket is for its own network"
isnt "$ORDER" "$FIRST" "which is another"
done_testing
