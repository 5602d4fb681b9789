#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rates.t - an owner bounds what guests move by the second: each guest's endpoint is told its part as leases come and go, and keeps it
. "$(dirname "$0")/../lib.sh"

start_market --set timing.busy_interval=500ms
ok "operator, buyer" eval 'new_operator && new_user buyer && add_funds buyer 50'
ok "the seller's machine is set up" new_seller desk --cores 3
cp "$WORK/desk/seller.conf" "$WORK/plain.conf"
# limits LINE...: the daemon anew, with these at the end of its settings
limits() {
	[ -z "${SELLER_PID_desk:-}" ] || end "$SELLER_PID_desk"
	printf '%s\n' "$(<"$WORK/plain.conf")" '[limits]' "$@" >"$WORK/desk/seller.conf"
	start_seller desk
	within 30 status
}
status() { cpushare-seller status --state "$WORK/desk"; }
for bad in 20 20M 1kbit -1Mbit; do
	printf '%s\n' "$(<"$WORK/plain.conf")" '[limits]' "up = $bad" >"$WORK/desk/seller.conf"
	like "$(cpushare-seller run --state "$WORK/desk" 2>&1)" 'limits.up .*must be' "up = $bad is refused"
done

# All that vm2 can send to vm1.
printf '#!/bin/sh\ncase $(hostname) in vm1) while :; do tail -f /dev/null | nc -l -p 9 >/dev/null; done ;;\n*) while :; do nc vm1 9 </dev/zero; sleep 1; done ;; esac\n' >"$WORK/user-data"
ok "the owner bounds both directions" limits 'up = 1600kbit' 'down = 16Mbit'
like "$(status)" 'bounds +1.6 Mbit/s up, 16 Mbit/s down' "status shows it"
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
from=${EPOCHREALTIME/./}
ok "two VMs are rented" as buyer cpushare order create --image tiny.iso --count 2 --memory 160M --max-price 1 --name job --user-data "$WORK/user-data" -q
fetched() { ls "$WORK"/desk/images/*.iso; }
ok "their image is fetched" within 120 fetched
# Half of what the rate says: some of each piece is in the kernel's hands before it is read.
ok "not faster than the owner lets it" test $((${EPOCHREALTIME/./} - from)) -ge $(($(stat -c %s "$TINY") / 4))

ask() { ask_socket "$1/net.sock" "$2"; }
rates() { ask "$1" '{"ask":"status"}' | jq -c '[.up_bytes_s, .down_bytes_s]'; }
all_have() { # COUNT RATES
	local dir
	local -a dirs=("$WORK"/desk/leases/*/)
	[ ${#dirs[@]} = "$1" ] || return 1
	for dir in "${dirs[@]}"; do [ "$(rates "$dir")" = "$2" ] || return 1; done
}
ok "each has half of it" within 120 all_have 2 '[100000,1000000]'
like "$(status)" '1.6 Mbit/s up \(0.8 for each\), 16 Mbit/s down \(8 for each\)' "status shows that, too"

for dir in "$WORK"/desk/leases/*/; do
	[ "$(jq -r .self.name "$dir/net.json")" != vm2 ] || sender=$dir
done
sent() { ask "$sender" '{"ask":"status"}' | jq .tx_bytes; }
sends() { [ "$(sent)" -gt 300000 ]; }
ok "one sends what it can to the other" within 60 sends
# In so many microseconds, the moments of asking included, no more than the rate, the burst and what one turn of reading may take.
from=${EPOCHREALTIME/./} before=$(sent)
sleep 8
after=$(sent) us=$((${EPOCHREALTIME/./} - from))
echo "# $((after - before)) bytes in $us us"
ok "no more than its part goes" test $((after - before)) -le $((us / 10 + 131072 + 131072))
ok "and it goes on" test "$after" -gt "$before"

ok "a third VM is rented" as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --name other -q
ok "now each has a third" within 60 all_have 3 '[66666,666666]'
ok "its order ends" as buyer cpushare order cancel other --wait --timeout 1m -q
ok "the others have half again" within 30 all_have 2 '[100000,1000000]'
kill -KILL "$(<"$sender/net.pid")"
ok "a new endpoint has it, too" within 30 all_have 2 '[100000,1000000]'
like "$(jq -c '[.up_bytes_s, .down_bytes_s]' "$sender/net.json")" '^\[100000,1000000\]$' "from its start"

for bad in '"up_bytes_s":-1,"down_bytes_s":0' '"up_bytes_s":1' '"up_bytes_s":"1","down_bytes_s":0' '"up_bytes_s":1,"down_bytes_s":0,"more":1' \
	'"up_bytes_s":9000000000000,"down_bytes_s":0'; do
	ok "the endpoint refuses $bad" eval "ask '$sender' '{\"ask\":\"rates\",$bad}' | jq -e .error"
done
is "$(rates "$sender")" '[100000,1000000]' "which changes nothing"
ok "the owner takes the bounds away" limits 'user = run'
ok "and the guests have none" within 30 all_have 2 '[0,0]'
like "$(status)" 'limits +none applies' "nothing stands in the way"
ok "the order ends" as buyer cpushare order cancel job --wait --timeout 1m -q
done_testing
