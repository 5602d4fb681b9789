#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# foreign.t - an image that nobody made for us: Debian's memtest86+ boots as it is, is metered, and ends without a trace
. "$(dirname "$0")/../lib.sh"
ISO=/usr/lib/memtest86+/memtest86+x64.iso
[ -r $ISO ] || skip_all "Debian's memtest86+ is not installed"

start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 20 &&
	new_seller desk --price-core 1 --price-memory 1 --price-transfer 1'
start_seller desk
ok "the image is uploaded" as buyer cpushare image upload $ISO -q
ok "it runs" as buyer cpushare order create --image memtest86+x64.iso --memory 128M --max-price 1 --max-price-memory 1 \
	--max-price-transfer 1 --name memtest --wait --timeout 300s
vcpu_ns() { as buyer cpushare node show memtest/vm1 -o json | jq .vcpu_ns; }
booting() { as buyer cpushare node console memtest/vm1 | grep -q 'Booting from DVD/CD'; }
ok "its BIOS found the CD" within 60 booting
# A BIOS that found nothing to boot would sleep; memory tests do not.
more_than() { [ "$(vcpu_ns)" -gt "$1" ]; }
first=$(vcpu_ns)
ok "a second of CPU time goes by" within 60 more_than $((first + 1000000000))
second=$(vcpu_ns)
ok "and another" within 60 more_than $((second + 1000000000))
is "$(as buyer cpushare node show memtest/vm1 -o json | jq -r .state)" running "it still runs"

ok "the buyer cancels" as buyer cpushare order cancel memtest --wait --timeout 300s
is "$(as buyer cpushare node show memtest/vm1 -o json | jq -r '.state, .reason' | xargs)" "ended cancelled_by_buyer" "it ended as the buyer wished"
last=$(vcpu_ns)
charged=$(as buyer cpushare node show memtest/vm1 -o json | jq .charged_micro)
# A core hour costs 1000000 millionths, and the memory comes on top.
ok "and was paid for by the CPU time it took ($charged for $last ns)" [ "$charged" -ge $((last / 3600000)) ]
is "$(as buyer cpushare funds balance -o json | jq .held_micro)" 0 "nothing is held"
empty() { [ -z "$(ls -A "$WORK/desk/leases")" ]; }
ok "nothing is left at the seller" within 20 empty
no_process() { ! grep -qas -- "$WORK/desk/leases" /proc/[0-9]*/cmdline; }
ok "no process either" within 20 no_process
ok "the ledger adds up" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
