#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# polite.t - the owner comes first: limits throttle, pause and at last end a real guest, and status says which and why
. "$(dirname "$0")/../lib.sh"

start_market --set timing.busy_interval=500ms
ok "operator, buyer" eval 'new_operator && new_user buyer && add_funds buyer 50'
ok "the seller's machine is set up" new_seller desk --price-core 0.1
cp "$WORK/desk/seller.conf" "$WORK/plain.conf"
# limits LINE...: the daemon anew, with these at the end of its settings
limits() {
	[ -z "${SELLER_PID_desk:-}" ] || end "$SELLER_PID_desk"
	printf '%s\n' "$(<"$WORK/plain.conf")" "$@" >"$WORK/desk/seller.conf"
	start_seller desk
	within 30 online_or_not
}
status() { cpushare-seller status --state "$WORK/desk" "$@"; }
online_or_not() { status -o json | jq -e .market_answers; }
state_is() { [ "$(status -o json | jq -r .state)" = "$1" ]; }
because() { status -o json | jq -e --arg r "$1" '.governor.reasons | any(.reason == $r)'; }
vmrun() { ask_socket "$WORK"/desk/leases/*/vmrun.sock '{"ask":"status"}'; }
throttled_to() { [ "$(vmrun | jq .throttle_percent)" = "$1" ]; }
node() { as buyer cpushare node show "$ORDER/vm1" -o json | jq -r ".$1"; }
node_is() { [ "$(node "$1")" = "$2" ]; }

ok "without a limit that applies" limits '[limits]' 'user = run'
ok "it is online" within 20 state_is online
like "$(status)" 'limits +none applies' "and says that none does"
printf '#!/bin/sh\nwhile :; do :; done\n' >"$WORK/user-data"
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
ORDER=$(as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --user-data "$WORK/user-data" --wait --timeout 2m -o name)
is $? 0 "a guest runs"
ok "as fast as it can" throttled_to 100
groups() { find /sys/fs/cgroup -type d -name "$(basename "$WORK"/desk/leases/*)" 2>/dev/null | wc -l; }
if [ "$(id -u)" = 0 ] && [ "$(groups)" -gt 0 ]; then # as root, where any hierarchy is mounted for us
	lease=$(basename "$WORK"/desk/leases/*) outer=$(<"$WORK"/desk/leases/*/vmrun.pid)
	jail=$(cat /proc/"$outer"/task/*/children | awk '{print $1}')
	ok "its jail is in control groups of its own" grep -q "/cpushare/$lease" /proc/"$jail"/cgroup
	is "$(grep -c "$lease" /proc/"$outer"/cgroup)" 0 "who pauses it is not: it needs its turn when the guest gets none"
fi
like "$(status)" 'earned 0\.[0-9]*[1-9]|earned 0.00' "and its earnings are told"
is "$(status --watch -o json | grep -m 2 -c '"machine"')" 2 "status --watch tells again and again"

# A program that keeps a processor busy: the test's own.
while :; do :; done &
BUSY=$!
cleanup 'kill -KILL $BUSY'
ok "the owner lets others' work throttle guests" limits '[limits]' 'cpu_throttle = 1' 'throttle = 10' 'react = 200ms' 'calm = 1s'
ok "it does" within 30 because cpu
ok "the guest gets a tenth of the time" within 10 throttled_to 10
like "$(status)" 'throttled since [0-9]+ s: other programs use [0-9]+ % of the processors \(cpu\)' "status says why"
is "$(status -o json | jq -r .state)" throttled "and what it is"
kill -KILL $BUSY

ok "the owner does not" limits '[limits]' 'user = run'
ok "and the guest is as fast as ever" within 20 throttled_to 100

ok "outside of the hours" limits '[limits]' "hours = $(LC_ALL=C date -d '3 days' +%a | tr '[:upper:]' '[:lower:]') 00:00-00:01"
ok "guests are paused" within 20 node_is state paused
like "$(status)" 'paused since [0-9]+ s: it is outside of the hours \(hours\)' "status says why"

ok "where the internet is paid by the byte" limits '[network]' 'metered = yes' '[limits]' 'freeze = 2s'
ok "because of that" within 10 because metered
ok "a guest that is paused for too long is given back" within 30 node_is reason withdrawn_by_seller
gone() { [ -z "$(find /sys/fs/cgroup -type d -name "$lease" 2>/dev/null)" ]; }
[ -z "${lease:-}" ] || ok "nothing is left of its control groups" within 20 gone
like "$(node detail)" 'paused for too long: the internet is paid by the byte' "and its buyer is told why"

ok "electricity costs more than the price" limits '[energy]' 'price_kwh = 2' 'watts_core = 400'
price_is() { [ "$(cpushare offer list --market "$URL" --pin "$PIN" -o json | jq -r '.. | .price_per_core_hour_micro? // empty')" = "$1" ]; }
ok "so the price is what it burns" within 20 price_is 800000
printf '[limits]\nhours = always\n' >>"$WORK/desk/seller.conf"
end "$SELLER_PID_desk"
like "$(cpushare-seller run --state "$WORK/desk" 2>&1)" 'limits.hours must be' "settings that cannot be are refused"
printf '%s\n' "$(<"$WORK/plain.conf")" '[network]' 'cipher = rot13' >"$WORK/desk/seller.conf"
like "$(cpushare-seller run --state "$WORK/desk" 2>&1)" 'network.cipher must be' "so is a cipher that nobody has"
done_testing
