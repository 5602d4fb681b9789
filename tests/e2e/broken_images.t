#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# broken_images.t - images that are cut, nonsense or too large end their lease with a reason, start no machine, and the seller goes on
#
# What bytes that do not hash to their list come to is asked by ends.t; what a BIOS makes of nonsense that looks bootable, by vmrun.t.
. "$(dirname "$0")/../lib.sh"

start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 5 && new_seller desk --cache 64M'
start_seller desk
reason() { as buyer cpushare node show "$order/vm1" -o json | jq -r .reason; }
ended() { [ -n "$(reason)" ]; }
# ends FILE REASON DETAIL: as the image of an order
ends() {
	as buyer cpushare image upload "$WORK/$1.iso" -q >/dev/null || bail "$1 is not uploaded"
	order=$(as buyer cpushare order create --image "$1.iso" --memory 160M --max-price 1 -o name)
	ok "$1: the lease ends" within 60 ended
	is "$(reason)" "$2" "$1: $2"
	like "$(as buyer cpushare node show "$order/vm1" -o json | jq -r .detail)" "$3" "$1: the buyer is told why"
}
# byte FILE OFFSET VALUE: changes one of a copy of the smallest that boots
byte() {
	head -c $((36 * 2048)) "$TINY" >"$WORK/$1.iso"
	# shellcheck disable=SC2059 # the value is an escape
	printf "$3" | dd of="$WORK/$1.iso" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
catalog=$(dd if="$TINY" bs=1 skip=$((17 * 2048 + 71)) count=2 2>/dev/null | od -An -tu2)
head -c 70000 "$TINY" | head -c $((33 * 2048)) >"$WORK/cut.iso"
byte lost $((17 * 2048 + 73)) '\377\177'
byte keyless $((catalog * 2048 + 30)) 'XX'
byte nothing $((catalog * 2048 + 32)) '\0'
byte beyond $((catalog * 2048 + 40)) '\377\377\377\377'
head -c 300000 /dev/urandom >"$WORK/noise.iso"
printf x >"$WORK/byte.iso"
truncate -s 65M "$WORK/huge.iso"
ends cut boot_failed 'boot catalog is none'
ends lost boot_failed 'boot catalog is none'
ends keyless boot_failed 'boot catalog is none'
ends nothing boot_failed 'nothing to boot'
ends beyond boot_failed 'beyond its end'
ends noise boot_failed 'no bootable CD'
ends byte boot_failed 'no bootable CD'
# One that no machine has room for is not let start there.
as buyer cpushare image upload "$WORK/huge.iso" -q >/dev/null || bail "huge is not uploaded"
order=$(as buyer cpushare order create --image huge.iso --memory 160M --max-price 1 -o name)
is "$(as buyer cpushare order explain "$order" -o json | jq -c '[.filled, .removed.image]')" '[0,1]' "huge: the buyer is told that it does not fit"
ok "huge: its order is cancelled" as buyer cpushare order cancel "$order"
is "$(pgrep -f "cpushare-vmrun $WORK/desk" | wc -l)" 0 "no machine was started for any of them"
nothing_here() { [ -z "$(ls "$WORK/desk/leases")" ]; }
ok "nothing of them is left" within 20 nothing_here
is "$(as buyer cpushare funds balance -o json | jq .held_micro)" 0 "nor held"
ok "the seller is well" cpushare-seller status --state "$WORK/desk" -o json
done_testing
