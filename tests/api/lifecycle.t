#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lifecycle.t - every way in which a lease or an order ends, with short bounds; and what a killed market or database changes: nothing
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

COMMON=(--set timing.settle_interval=1ms --set limits.signups_burst=1000 --set timing.busy_interval=200ms --set timing.funds_grace=15s --set timing.hold_window=15s
	--set timing.sweep_interval=200ms)
start_market "${COMMON[@]}"
# under OPTION...: the same market with these, too; a bound that is not looked at is long
under() {
	end $MARKET_PID
	MARKET_OPTIONS=("${COMMON[@]}" "$@")
	restart_market || bail "the market does not start again"
}
signup seller && SELLER=$TOKEN
new_machine desk "$SELLER" || bail "$BODY"
new_machine spare "$SELLER" || bail "$BODY"
new_buyer buyer 10000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"

leases() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER"; }
matched() { leases && [ "$(field '.items | length')" = "${1:-1}" ]; }
lease_is() { # STATE [REASON]
	api GET "/v1/leases/$LEASE" "" "$BUYER" && [ "$(field '.state + " " + .reason')" = "$1 ${2:-}" ]
}
# rent [JQ-FILTER]: an order, matched; sets LEASE
rent() { report desk && new_order "$BUYER" "${1:-.}" && within 20 matched && LEASE=$(field '.items[0].id') && U_SEQ=0 U_HASH=$NO_HASH && report desk; }
# uses MS: reports the lease running with so many milliseconds of one busy core
uses() {
	local u
	U_SEQ=$((U_SEQ + 1))
	u=$(usage desk "$LEASE" $U_SEQ $(($1 * 1000000)) $(($1 * 1000)) 0 0 $U_HASH) && U_HASH=$(<"$WORK/usage_hash")
	report desk "[$(said "$LEASE" "${2:-running}" '' "$u")]"
}
# told [STATE]: reports, and sets TOLD to what the market answers
told() { report desk "[$(said "$LEASE" "${1:-running}")]" && TOLD=$(field '.leases[0].state + " " + .leases[0].reason'); }
settled() { # NAME: all that was held is free, and the ledger holds
	api GET /v1/balance "" "$BUYER"
	is "$(field .held_micro)" 0 "$1: nothing is held"
}

note "the guest switches itself off"
ok "rent" rent
uses 100
report desk "[$(said "$LEASE" ended completed)]"
ok "completed" within 20 lease_is ended completed
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field .state)" ended "the order has ended"
settled completed

note "the machine says why it failed"
for reason in image_failed boot_failed withdrawn_by_seller; do
	rent
	report desk "[$(said "$LEASE" ended $reason null '{"detail":"because"}')]"
	ok "$reason" within 20 lease_is ended $reason
	is "$(field .detail)" because "with its words"
	# A machine that failed at an image does not get it again.
	[ $reason != image_failed ] || new_image "$BUYER" 1000 || bail "$BODY"
done
rent
report desk "[$(said "$LEASE" ended expired)]"
ok "a reason that is not the machine's to give" within 20 lease_is ended withdrawn_by_seller
settled failures

note "it never starts"
under --set timing.start_timeout=3s
rent
report desk "[$(said "$LEASE" preparing)]"
never_runs() { told preparing && [ "$TOLD" = "ended boot_failed" ]; }
ok "the market wants it ended" within 20 never_runs
report desk "[$(said "$LEASE" ended withdrawn_by_seller)]"
ok "boot_failed" within 20 lease_is ended boot_failed

note "the machine falls silent"
under --set timing.lost_contact=4s
rent
uses 100
ok "lost_contact" within 20 lease_is ended lost_contact
offline() { api GET "/v1/machines/${M_ID[desk]}" "" "$SELLER" && [ "$(field .state)" = offline ]; }
ok "the machine is offline" within 20 offline
api GET /v1/offers
is "$(field '.items | length')" 0 "and offers nothing"
report desk
api GET "/v1/machines/${M_ID[desk]}" "" "$SELLER"
is "$(field .state)" online "until it reports"
settled "lost contact"

note "the machine reports, and has forgotten the lease"
rent
uses 100
forgets() { report desk && lease_is ended lost_contact; }
ok "lost_contact" within 20 forgets
under

note "its time is over, and not before it was extended to"
rent '.duration_s = 60'
uses 100
extend() { api POST "/v1/orders/$ORDER/extend" "{\"duration_s\":$1}" "$BUYER"; }
older() { sql "UPDATE cpushare.lease SET created_at = created_at - interval '$1', started_at = started_at - interval '$1' WHERE id = '$LEASE'" || bail sql; }
held=$(api GET /v1/balance "" "$BUYER" && field .held_micro)
M_MAX_DURATION=200 report desk "[$(said "$LEASE" running)]"
extend 300
is "$STATUS $(field .code)" "409 wrong_state" "no longer than the machine's owner allows"
like "$(field .detail)" 'vm1 is on desk, which takes no lease longer than 200 seconds' "which is said"
for i in 1 2; do
	extend 200
	is "$STATUS $(field .duration_s)" "200 200" "an order is extended, $i"
done
is "$(api GET /v1/balance "" "$BUYER" && field .held_micro)" "$held" "nothing more is held for it"
older '2 min'
uses 200
told
is "$TOLD" "running " "the lease goes on"
older '2 min'
uses 300
told
is "$TOLD" "ended expired" "the market wants it ended"
uses 400 running
report desk "[$(said "$LEASE" ended completed)]"
ok "expired" within 20 lease_is ended expired
settled expired

note "its buyer resets one of two VMs, and ends the other"
report desk
new_order "$BUYER" '.count = 2'
ok "two VMs" within 20 matched 2
LEASE=$(field '.items[0].id') OTHER=$(field '.items[1].id')
both() { report desk "[$(said "$LEASE" "${1:-running}" "${2:-}"),$(said "$OTHER" running)]"; }
both
both
act() { api POST "/v1/leases/$1/$2" "" "$BUYER" ${3:+"Idempotency-Key: $3"}; } # LEASE WORD [KEY]
wanted() { field ".leases[] | select(.lease == \"$1\") | \"\(.state) \(.reason) \(.resets // 0)\""; } # LEASE
for i in 1 2; do
	act "$OTHER" reset same-reset
	is "$STATUS $(field .name)" "200 vm2" "a reset, $i"
done
both
is "$(wanted "$OTHER"), $(wanted "$LEASE")" "running  1, running  0" "a repeated request is one reset, of one VM"
act "$OTHER" reset next-reset
both
is "$(wanted "$OTHER")" "running  2" "another one is the second"
is "$(sql "SELECT count(*) FROM cpushare.event WHERE lease_id = '$OTHER' AND kind = 'lease.reset' AND account = (SELECT buyer FROM cpushare.lease WHERE id = '$OTHER')")" 2 \
	"the journal has both"
for i in 1 2; do
	act "$LEASE" end
	is "$STATUS $(field .state)" "200 running" "one VM is to end, $i"
done
act "$LEASE" reset late-reset
is "$STATUS $(field .code)" "409 wrong_state" "it is not reset any more"
both
is "$(wanted "$LEASE"), $(wanted "$OTHER")" "ended cancelled_by_buyer 0, running  2" "its machine is told so, and that the other one goes on"
both ended cancelled_by_buyer
ok "cancelled_by_buyer" within 20 lease_is ended cancelled_by_buyer
act "$LEASE" end
is "$STATUS $(field '.state + " " + .reason')" "200 ended cancelled_by_buyer" "once more changes nothing"
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field '"\(.state) \(.filled) \(.ended)"')" "filled 2 1" "the order goes on with the other"
api GET "/v1/leases/$OTHER" "" "$BUYER"
held=$(field .held_micro)
api GET /v1/balance "" "$BUYER"
is "$(field .held_micro)" "$held" "only that one's hold is left"
act "$OTHER" end
report desk "[$(said "$OTHER" ended cancelled_by_buyer)]"
LEASE=$OTHER
ok "that one ends" within 20 lease_is ended cancelled_by_buyer
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field .state)" ended "and with it the order"
settled "VMs that were ended one by one"
new_order "$BUYER"
ok "matched" within 20 matched
LEASE=$(field '.items[0].id')
act "$LEASE" end
ok "a VM that its machine does not know of yet is over at once" lease_is ended cancelled_by_buyer

note "nobody sells so cheaply"
new_order "$BUYER" '.max_price_per_core_hour_micro = 1 | .open_s = 1'
api GET "/v1/orders/$ORDER/explain" "" "$BUYER"
is "$(field '.removed.price')" 1 "it is explained by the price"
expired() { api GET "/v1/orders/$ORDER" "" "$BUYER" && [ "$(field .state)" = expired ]; }
ok "the order expires" within 20 expired
settled "expired order"
new_order "$BUYER" '.max_price_per_core_hour_micro = 1'
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
is "$(field '.state + " " + (.held_micro | tostring)')" "cancelled 0" "an open one is cancelled at once"

note "the money runs out, comes back, and runs out"
api GET /v1/balance "" "$BUYER"
new_buyer poor 20000 && POOR=$TOKEN
RICH=$BUYER BUYER=$POOR
new_image "$BUYER" 1000
ok "rent with little" rent '.duration_s = 2592000'
# 15 s at 1.05 an hour are 4375: what is held, and the most that one record is charged.
sql "UPDATE cpushare.lease SET created_at = created_at - interval '1 h' WHERE id = '$LEASE'"
uses 100
for s in 20000 40000 60000 80000; do
	sql "UPDATE cpushare.lease SET created_at = created_at - interval '1 h', started_at = started_at - interval '1 h' WHERE id = '$LEASE'"
	uses $s
done
told
is "$TOLD" "paused " "without money for the next 15 s it is paused"
report desk "[$(said "$LEASE" paused)]"
api POST /v1/deposits '{"amount_micro":12000,"provider":"manual"}' "$POOR" "$(key)"
cpushare-market deposit confirm "$(field .id)" --data "$MARKET_DATA" >/dev/null
uses 80001 paused
told paused
is "$TOLD" "running " "funds arrive in time: it goes on"
sql "UPDATE cpushare.lease SET created_at = created_at - interval '1 h', started_at = started_at - interval '1 h' WHERE id = '$LEASE'"
for s in 200000 400000 600000; do uses $s; done
told
is "$TOLD" "paused " "until they are gone again"
gone() { told paused && [ "$TOLD" = "ended funds_exhausted" ]; }
ok "and after a while it is ended" within 60 gone
report desk "[$(said "$LEASE" ended)]"
report desk "[$(said "$LEASE" ended completed)]"
ok "funds_exhausted" within 20 lease_is ended funds_exhausted
settled "no funds"
api GET /v1/balance "" "$BUYER"
ok "the buyer is not below zero" [ "$(field .available_micro)" -ge 0 ]
BUYER=$RICH
new_image "$BUYER" 1000

note "a budget is a bound"
ok "rent" rent '.duration_s = 2592000 | .budget_micro = 12000 | .max_price_per_core_hour_micro = 1000000'
uses 100
sql "UPDATE cpushare.lease SET created_at = created_at - interval '1 h', started_at = started_at - interval '1 h' WHERE id = '$LEASE'"
for s in 10000 20000 40000 90000 200000; do uses $s; done
api GET "/v1/orders/$ORDER" "" "$BUYER"
is "$(field .charged_micro)" 12000 "no more than it is charged"
ok "and the lease ends" within 60 gone
report desk "[$(said "$LEASE" ended completed)]"
ok "funds_exhausted" within 20 lease_is ended funds_exhausted
settled budget

note "two machines, three places, one withdrawn by its owner's retirement"
M_CORES=2
report desk
report spare
new_order "$BUYER" '.count = 4 | .cores = 1'
ok "four places on two machines" within 20 matched 4
is "$(field '[.items[].name] | sort | join(" ")')" "vm1 vm2 vm3 vm4" "each has a name"
is "$(field '[.items[].ip] | unique | length')" 4 "and an address of its own"
is "$(field '[.items[].machine] | unique | length')" 2 "no machine has more than it offers"
api DELETE "/v1/machines/${M_ID[spare]}" "" "$SELLER"
is "$STATUS" 204 "a machine is retired"
leases
is "$(field '[.items[] | select(.state == "ended") | .reason] | join(" ")')" "withdrawn_by_seller withdrawn_by_seller" "its leases end"
report spare
is "$STATUS" 401 "and its token"
api POST "/v1/orders/$ORDER/cancel" "" "$BUYER"
leases
is "$(field '[.items[] | select(.state != "ended")] | length')" 0 "leases that no machine knows of are over at once"
settled retired
M_CORES=4

note "the market is killed while a lease runs"
report desk
ok "rent" rent
uses 300
end $MARKET_PID KILL
ok "it starts again" restart_market
uses 600
is "$(field '.leases[0].ack_seq')" 2 "the lease runs on, its counters continue"
ok "no grace is lost" lease_is running

note "the database is killed while a lease runs"
PG=$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid")
kill -KILL "$PG"
report desk "[$(said "$LEASE" running)]"
api GET /v1/balance "" "$BUYER"
like "$STATUS" '^(503|200)$' "requests are refused, or already served by the next server"
back() { api GET /healthz && [ "$STATUS" = 200 ] && api GET /v1/balance "" "$BUYER" && [ "$STATUS" = 200 ]; }
ok "it comes back by itself" within 30 back
uses 900
is "$(field '.leases[0].ack_seq')" 3 "the lease runs on"
report desk "[$(said "$LEASE" ended completed)]"
ok "completed" within 20 lease_is ended completed
settled killed
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
kill -TERM $MARKET_PID
wait $MARKET_PID
is $? 0 "the market stops cleanly" || note "$(tail -n 40 "$WORK/market.log")"
done_testing
