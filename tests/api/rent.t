#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rent.t - one rented hour over the API: enrol, match, run, charge, pause, end, mark; the machine is made of curl
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set timing.settle_interval=1ms --set limits.signups_burst=100 --set timing.busy_interval=200ms --set timing.lost_contact=20s --set timing.end_grace=3s \
	--set fees.settlement_bp=1000 --set "relay.relays=192.0.2.9:3478/192.0.2.9:443/$(printf '%064d' 0)" --set 'relay.stun=192.0.2.9:3478 192.0.2.9:3479'
signup seller && SELLER=$TOKEN
new_buyer buyer 20000000 && BUYER=$TOKEN
ok "a machine enrols" new_machine desk "$SELLER"
new_machine desk "$SELLER"
is "$STATUS" 201 "again: the same machine, another token"
report desk
is "$STATUS" 200 "it reports"
is "$(field .interval_ms)" 500 "and hears when to report next"
api GET /v1/offers
is "$(field '.items[0].machine_name')" desk "it is offered"
is "$(field '.items[0].cores_free')" 4 "with all of its cores"
ok "an image is uploaded" new_image "$BUYER"
api GET "/v1/images/$IMAGE" "" "$BUYER"
is "$(field .state)" ready "it is ready"
api POST /v1/orders/quote "$(order_body)" "$BUYER"
is "$(field .fits)" 1 "a quote finds one ask that fits"
is "$(field .per_hour_micro)" 2100000 "and knows the most it can cost an hour"
api GET "/v1/orders" "" "$BUYER"
is "$(field '.items | length')" 0 "and changed nothing"

ok "an order" new_order "$BUYER"
HELD=$(field .held_micro)
is "$HELD" 175000 "it holds five minutes at the highest price"
api GET /v1/balance "" "$BUYER"
is "$(field .available_micro)" $((20000000 - HELD)) "out of the balance"
matched() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ]; }
ok "it is matched" within 20 matched
LEASE=$(field '.items[0].id')
is "$(field '.items[0].price_per_core_hour_micro')" 1000000 "at the seller's price"
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field .state)" filled "the order is filled"
api GET /v1/offers
is "$(field '.items[0].cores_free')" 3 "a core less is offered"

report desk
is "$(field '.leases[0].lease + .leases[0].state')" "${LEASE}running" "the machine hears of its lease"
is "$(field .interval_ms)" 200 "and reports more often now"
api GET "/v1/leases/$LEASE/spec" "" "${M_TOKEN[desk]}"
is "$(field .image)" "$IMAGE" "it reads what to start"
is "$(field .network.subnet)" 10.77.0.0 "and the network"
STATUS=$(curl -ks -o "$WORK/got" -w '%{http_code}' -H "Authorization: Bearer ${M_TOKEN[desk]}" "$URL/v1/images/$IMAGE/pieces/1")
is "$STATUS $(sha256sum <"$WORK/got" | cut -c1-64)" "200 $(sha256sum <"$WORK/piece.0001" | cut -c1-64)" "and the image's pieces"
report desk "[$(said "$LEASE" preparing '' null '{"progress_permille":420}')]"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field '.state + " " + .detail')" "preparing fetching the image: 42 %" "the buyer sees it prepare"

# Two seconds of a busy core.
U1=$(usage desk "$LEASE" 1 2000000000 2000000 0 0 $NO_HASH) H1=$(<"$WORK/usage_hash")
report desk "[$(said "$LEASE" running '' "$U1")]"
is "$(field '.leases[0].ack_seq')" 1 "the usage record is acknowledged"
is "$(field '.leases[0].ack_hash')" "$H1" "by its hash"
# 1000000 * 2 / 3600 = 556, 100000 * 0.5 * 2 / 3600 = 28
api GET "/v1/leases/$LEASE" "" "$SELLER"
is "$(field .charged_micro)" 584 "it is charged"
is "$(field .commission_micro)" 58 "a tenth of it is the market's"
api GET /v1/balance "" "$SELLER"
is "$(field .available_micro)" 526 "the rest is the seller's at once"
report desk "[$(said "$LEASE" running '' "$U1")]"
report desk "[$(said "$LEASE" running '' "$U1")]"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .charged_micro)" 584 "the same record again charges nothing"

U2=$(usage desk "$LEASE" 2 2500000000 2500000 1048576 1048576 "$H1") H2=$(<"$WORK/usage_hash")
BAD=$(jq -c '.vcpu_ns = 60000000000' <<<"$U2")
report desk "[$(said "$LEASE" running '' "$BAD")]"
is "$(field '.leases[0].ack_seq')" 1 "a record with a wrong signature is not taken"
BROKEN=$(usage desk "$LEASE" 2 2500000000 2500000 0 0 "$H2")
report desk "[$(said "$LEASE" running '' "$BROKEN")]"
is "$(field '.leases[0].ack_seq')" 1 "nor one that follows another record"
GAP=$(usage desk "$LEASE" 3 2500000000 2500000 0 0 "$H1")
report desk "[$(said "$LEASE" running '' "$GAP")]"
is "$(field '.leases[0].ack_seq')" 1 "nor one behind a gap"
report desk "[$(said "$LEASE" running '' "$U2")]"
is "$(field '.leases[0].ack_seq')" 2 "the right one is"
SEQ=${M_SEQ[desk]} M_SEQ[desk]=1
report desk "[$(said "$LEASE" ended completed)]"
M_SEQ[desk]=$SEQ
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .state)" running "a report that comes late says nothing"
U3=$(usage desk "$LEASE" 3 99000000000000 2500001 1048576 1048576 "$H2") H3=$(<"$WORK/usage_hash")
report desk "[$(said "$LEASE" running '' "$U3")]"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .usage_cut)" true "counters that grow faster than time are cut, and flagged"
ok "and charged no more than was possible" [ "$(field .charged_micro)" -lt 40000 ]

api GET /v1/outcomes
is "$(field '.outcomes.running | tojson')" '[{"bucket":1,"leases":1}]' "it counts among those that live"

# The console, while somebody reads it.
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field .state)" running "it runs"
report desk "[$(said "$LEASE" running)]"
is "$(field '.leases[0].console_from')" -1 "nobody reads the console"
api GET "/v1/leases/$LEASE/console?from=0" "" "$BUYER"
is "$(field '.live')" false "the buyer asks for it"
report desk "[$(said "$LEASE" running)]"
is "$(field '.leases[0].console_from')" 0 "so the machine is asked"
api POST "/v1/leases/$LEASE/console" "{\"from\":0,\"end\":6,\"data\":\"$(printf 'login:' | base64)\",\"live\":true}" "${M_TOKEN[desk]}"
is "$STATUS $(field .data)" "200 " "and sends; nothing was typed"
api GET "/v1/leases/$LEASE/console?from=0" "" "$BUYER"
is "$(field '.data' | base64 -d)" login: "the buyer reads it"
is "$(field .live)" true "live"

# What the buyer types is handed to the machine until it says that it has it.
said_console() { api POST "/v1/leases/$LEASE/console" "{\"from\":6,\"end\":6,\"data\":\"\",\"typed\":$1}" "${M_TOKEN[desk]}"; }
type_in() { api POST "/v1/leases/$LEASE/console/input" "{\"data\":\"$(printf "$1" | base64 -w 0)\"}" "${2:-$BUYER}"; }
type_in 'root'
is "$STATUS" 204 "the buyer types"
said_console 0
is "$(field .from) $(field .data | base64 -d)" "0 root" "what was typed is in the answer to the machine"
type_in '\n'
said_console 0
is "$(field .from) $(field .data | base64 -d | od -An -tx1 | tr -d ' ')" "0 726f6f740a" "and again, as long as it has not said that it has it"
said_console 2
is "$(field .from) $(field .data | base64 -d)" "2 ot" "then only the rest"
said_console 5
is "$(field .from) $(field .data)" "5 " "then nothing"
said_console 0
is "$(field .from) $(field .data)" "5 " "a chunk that comes late takes nothing back"
type_in "$(printf 'x%.0s' {1..600})"
type_in "$(printf 'x%.0s' {1..600})"
is "$STATUS $(field .code)" "429 too_many" "more than can wait is refused"
said_console 5
is "$(field .data | base64 -d | wc -c)" 600 "whole"
type_in x "$SELLER"
is "$STATUS" 404 "nobody else types"

# The network: the VM's peer and the buyer's are introduced to each other.
PIN1=$(printf a | sha256sum | cut -c1-64) PIN2=$(printf b | sha256sum | cut -c1-64) PEER=$(cat /proc/sys/kernel/random/uuid)
report desk "[$(said "$LEASE" running '' null "{\"pin\":\"$PIN1\",\"candidates\":[{\"kind\":\"host\",\"address\":\"192.0.2.7:41641\"}]}")]"
JOIN="{\"id\":\"$PEER\",\"name\":\"laptop\",\"pin\":\"$PIN2\",\"candidates\":[{\"kind\":\"host\",\"address\":\"192.0.2.8:41641\"}],\"peers_version\":0}"
api POST "/v1/orders/$ORDER/peers" "$JOIN" "$BUYER"
is "$STATUS" 200 "the buyer's machine joins"
is "$(field .self.ip)" 10.77.0.1 "and gets an address"
is "$(field '.network.stun | join(" ")')" "192.0.2.9:3478 192.0.2.9:3479" "and the STUN servers"
is "$(field '.network.relays[0].address')" 192.0.2.9:3478 "and the relay"
# ticket_holds TICKET PEER PIN: the order's, of that peer and its key, signed with the key that the relay knows (openssl checks it)
unhex() { perl -ne 'chomp; print pack "H*", $_'; }
ticket_holds() {
	[[ $1 == 02000000${ORDER//-/}${2//-/}$3* ]] || return 1
	{ printf 'cpushare relay ticket v2\0' && unhex <<<"${1:0:168}"; } >"$WORK/said"
	unhex <<<"${1:168}" >"$WORK/signature"
	unhex <<<"302a300506032b6570032100$(<"$MARKET_DATA/relay/ticket.pub")" >"$WORK/key.der"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$WORK/key.der" -rawin -in "$WORK/said" -sigfile "$WORK/signature"
}
TICKET=$(field '.network.relays[0].ticket')
ok "with a ticket that the relay will take" ticket_holds "$TICKET" "$PEER" "$PIN2"
api POST "/v1/orders/$ORDER/peers" "$JOIN" "$BUYER"
is "$(field '.network.relays[0].ticket')" "$TICKET" "who asks again gets the same ticket"
is "$(field '.peers[0].pin')" "$PIN1" "and hears of the VM's peer"
VERSION=$(field .peers_version)
report desk "[$(said "$LEASE" running '' null "{\"pin\":\"$PIN1\",\"candidates\":[{\"kind\":\"host\",\"address\":\"192.0.2.7:41641\"}],\"peers_version\":1}")]"
is "$(field '.leases[0].peers[0].pin')" "$PIN2" "the VM's peer hears of the buyer's"
ok "and has a ticket for the relay as well" ticket_holds "$(field '.leases[0].relays[0].ticket')" "$LEASE" "$PIN1"
is "$(field '.leases[0].relays[0] | .tls + " " + .tls_pin')" "192.0.2.9:443 $NO_HASH" "and the relay's place and key for TLS"
api POST "/v1/orders/$ORDER/peers" "$(jq -c --arg id "$ORDER" --arg pin "$PIN1" '.id = $id | .pin = $pin' <<<"$JOIN")" "$BUYER"
is "$STATUS $(field .code)" "409 key_taken" "a machine with the VM's key does not join"
report desk "[$(said "$LEASE" running '' null "{\"pin\":\"$PIN2\",\"candidates\":[]}")]"
api POST "/v1/orders/$ORDER/peers" "$JOIN" "$BUYER"
is "$(field '.peers | length')" 0 "nor is a VM's endpoint introduced that has the buyer's"
report desk "[$(said "$LEASE" running '' null "{\"pin\":\"$PIN1\",\"candidates\":[]}")]"
api POST "/v1/orders/$ORDER/peers" "$JOIN" "$BUYER"
is "$(field '.peers[0].pin')" "$PIN1" "until it has one of its own"
VERSION=$(field .peers_version)
api GET "/v1/leases/$LEASE/spec" "" "${M_TOKEN[desk]}"
is "$(field '.network | has("relays")')" false "before its key is known there is none"
api POST "/v1/orders/$ORDER/peers" "$(jq -c ".peers_version = $VERSION" <<<"$JOIN")" "$BUYER"
is "$(field 'has("peers")')" false "nothing is repeated to who has it"
api DELETE "/v1/orders/$ORDER/peers/$PEER" "" "$BUYER"
is "$STATUS" 204 "it leaves"
api DELETE "/v1/orders/$ORDER/peers/$PEER" "" "$BUYER"
is "$STATUS" 404 "once"

# The end.
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
is "$STATUS $(field .state)" "200 cancelled" "the buyer cancels"
report desk "[$(said "$LEASE" running)]"
is "$(field '.leases[0].state + " " + .leases[0].reason')" "ended cancelled_by_buyer" "the machine is told to end it"
U4=$(usage desk "$LEASE" 4 99000000000000 2500002 2097152 2097152 "$H3")
report desk "[$(said "$LEASE" ended completed "$U4")]"
is "$(field '.leases | length')" 0 "and then to forget it"
api GET "/v1/leases/$LEASE" "" "$BUYER"
is "$(field '.state + " " + .reason')" "ended cancelled_by_buyer" "it has ended, for the reason the market gave"
is "$(field .held_micro)" 0 "nothing is held for it"
api GET "/v1/orders/$ORDER/receipt" "" "$BUYER"
is "$(field '.totals.charged_micro == .leases[0].charged_micro and .totals.charged_micro == .order.charged_micro')" true "the receipt adds up"
CHARGED=$(field .totals.charged_micro)
echo "$BODY" >"$WORK/receipt"
api GET /v1/market
KEY=$(field .receipt_key)
checked() { cpushare order receipt --verify "$WORK/receipt" --key "$KEY" -o json >"$WORK/checked" 2>&1; }
ok "it is proven without asking anybody" checked
is "$(jq -r '"\(.charged_micro) \(.leases[0].record)"' "$WORK/checked")" "$CHARGED 4" "with the machine's last record"
is "$(CPUSHARE_MARKET=$URL CPUSHARE_PIN=$PIN CPUSHARE_TOKEN=$BUYER cpushare order create --image "$IMAGE" --max-price 1 --dry-run -o json | jq .commission_basis_points)" 1000 \
	"what the market keeps of it is shown before an order is placed"
SUM=$(jq -c .leases "$WORK/receipt")
for side in BUYER SELLER; do
	api GET "/v1/leases/$LEASE/receipt" "" "${!side}"
	is "$(field '.leases | tojson')" "$SUM" "of one VM alone, ${side,,}: the same"
	is "$(field '.order | tojson')" "{\"id\":\"$ORDER\",\"charged_micro\":$CHARGED}" "with no more of the order than its id"
	echo "$BODY" >"$WORK/receipt"
	ok "and proven without asking anybody" checked
done
is "$(CPUSHARE_MARKET=$URL CPUSHARE_PIN=$PIN CPUSHARE_TOKEN=$BUYER cpushare order receipt "$ORDER" -o csv --columns name,charged_micro)" "name,charged_micro
vm1,$CHARGED" "also as CSV"
sed -i 's/"charged_micro":'"$CHARGED"'/"charged_micro":'$((CHARGED - 1))'/g' "$WORK/receipt"
unproven() { ! checked && grep -q "not true" "$WORK/checked"; }
ok "and with other numbers it is not" unproven
api GET /v1/balance "" "$BUYER"
is "$(field '"\(.available_micro) \(.held_micro)"')" "$((20000000 - CHARGED)) 0" "and the balance"
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
is "$STATUS" 200 "cancelling again is fine"

# Marks.
api POST "/v1/leases/$LEASE/feedback" '{"good":true,"comment":"quick"}' "$BUYER"
is "$STATUS" 201 "the buyer marks the seller"
api POST "/v1/leases/$LEASE/feedback" '{"good":false}' "$BUYER"
is "$STATUS $(field .code)" "409 already_marked" "once"
counted() { api GET /v1/sellers && [ "$(field '.items[0].good')" = 1 ]; }
ok "the mark counts" within 20 counted
report desk
offered_rating() { api GET /v1/offers && [ "$(field '.items[0].rating_ppm')" -gt 0 ]; }
ok "and stands in the offer" within 20 offered_rating

# A machine that does not answer.
ok "another order" new_order "$BUYER"
ok "is matched" within 20 matched
LEASE=$(field '.items[0].id')
report desk
report desk "[$(said "$LEASE" running '' "$(usage desk "$LEASE" 1 1000000000 1000000 0 0 $NO_HASH)")]"
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
ended() { api GET "/v1/leases/$LEASE" "" "$BUYER" && [ "$(field .state)" = ended ]; }
ok "a lease that its machine does not end is ended without it" within 20 ended
is "$(field .reason)" cancelled_by_buyer "for the same reason"
report desk "[$(said "$LEASE" running)]"
is "$(field '.leases | length')" 0 "the machine is told nothing of it any more"

api GET /v1/balance "" "$BUYER"
is "$(field .held_micro)" 0 "nothing is held"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
kill -TERM $MARKET_PID
wait $MARKET_PID
is $? 0 "the market stops cleanly" || note "$(tail -n 40 "$WORK/market.log")"
done_testing
