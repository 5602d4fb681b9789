#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# boot.t - a guest starts while its image is still being fetched, and what arrives is the image; a bad piece ends it
#
# In a network namespace of its own, whose loopback is as slow as a link can be. The machine reports once a minute: what happens sooner
# happens because the market woke it.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] && [ -x /usr/sbin/tc ] || skip_all "a slow link needs root and tc"
[ "${1:-}" = inside ] || exec unshare --net "$0" inside
ip link set lo mtu 1500 up

start_market --set timing.report_interval=1m
# What a CD's boot reads lies in its first 16 MiB here; behind them come bytes that nobody reads.
padded() { cat "$TINY" && head -c $(($1 << 20)) /dev/urandom; }
padded 112 >"$WORK/good.iso"
padded 40 >"$WORK/bad.iso"
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 20 && new_seller desk'
start_seller desk
for image in good bad; do ok "$image.iso is uploaded" as buyer cpushare image upload "$WORK/$image.iso" -q; done
rent() { as buyer cpushare order create --image "$1.iso" --memory 160M --max-price 1 --name "$1" -q; }
lease() { echo "$WORK"/desk/leases/*; }
missing() { tr -cd '\0' <"$(lease)/image.map" | wc -c; }
says() { grep -aq "$1" "$(lease)/console.log"; }

# ---- over a slow link ----
tc qdisc add dev lo root tbf rate 10mbit burst 128kb latency 400ms
ok "an image of 128 MiB is ordered over a link of 10 Mbit/s" rent good
started() { [ -d "$(lease)" ]; }
ok "its seller hears of it long before it would have asked" within 30 started
ok "the guest's BIOS starts" within 120 says 'SeaBIOS\|ISOLINUX\|Boot'
isnt "$(missing)" 0 "while pieces are missing"
booting() { as buyer cpushare node show good/vm1 -o json | jq -er '.detail | test("booting, [0-9]+ % of the image fetched")'; }
ok "which its buyer is told" within 60 booting
# A daemon that is killed leaves guest and server of blocks alone; the next one fetches on.
blocks=$(<"$(lease)/blocks.pid")
kill -KILL $SELLER_PID_desk
wait $SELLER_PID_desk 2>/dev/null
start_seller desk
ok "with another daemon it says that it is ready" within 120 says 'cpushare-tiny: ready vm1 10\.77\.'
left=$(missing)
isnt "$left" 0 "still while pieces are missing"
note "$left of $(stat -c %s "$(lease)/image.map") pieces were missing"
is "$(<"$(lease)/blocks.pid")" "$blocks" "the same process serves them"
for what in Uid Seccomp; do note "$(grep $what /proc/$blocks/status)"; done
is "$(awk '/^Uid:/ { print ($2 > 0 && $2 == $3 && $3 == $4) }' /proc/$blocks/status)" 1 "as a user without rights"
is "$(awk '/^Seccomp:/ { print $2 }' /proc/$blocks/status)" 2 "behind a filter"
isnt "$(readlink /proc/$blocks/ns/net)" "$(readlink /proc/self/ns/net)" "without a network"
tc qdisc del dev lo root
whole() { cmp "$WORK/good.iso" "$WORK"/desk/images/*.iso; }
ok "in the end the image is there, byte for byte" within 120 whole
is "$(missing)" 0 "and so its guest sees it"
ok "the buyer cancels" as buyer cpushare order cancel good --wait --timeout 1m
gone() { ! kill -0 "$blocks"; }
ok "nothing of the lease is left" within 20 eval '[ ! -d "$(lease)" ]'
ok "the server of blocks is gone" within 20 gone
ordered() { [ "$(od -An -tu4 --endian=big -N 4 "$WORK"/desk/images/*.order)" -eq 0 ]; }
ok "what libvirt found out of QEMU is kept" [ -s "$WORK/desk/capabilities-tcg.xml" ]
ok "in which order it was read is known for the next time" within 20 ordered

# ---- the same again ----
rent_again() { as buyer cpushare order create --image good.iso --memory 160M --max-price 1 --name again -q; }
ok "the same image is ordered again" rent_again
ok "its guest starts" within 60 says .
is "$(jq -r .image "$(lease)/vm.json")" file "from the file, as the image is whole"
ok "and libvirt had nothing to find out" [ -s "$(lease)/capabilities.xml" -a ! -s "$(lease)/capabilities.new" ]
ok "the buyer cancels that, too" as buyer cpushare order cancel again --wait --timeout 1m

# ---- another seller is told in which order it was read ----
heard() { [ "$(sql "SELECT read_order[1] || ' ' || (cardinality(read_order) > 3) FROM cpushare.image_list WHERE piece_count > 100")" = '0 true' ]; }
ok "the market knows in which order that was" within 20 heard
# One that no boot has, so that it is known again: the last pieces first.
sql "UPDATE cpushare.image_list SET read_order = (SELECT array_agg(i) FROM generate_series(piece_count - 1, piece_count - 6, -1) i) WHERE piece_count > 100"
as desk cpushare-seller pause --state "$WORK/desk" >/dev/null
ok "another machine" new_seller lap
tc qdisc add dev lo root tbf rate 10mbit burst 128kb latency 400ms
start_seller lap
ok "gets the image over that link" eval 'as buyer cpushare order create --image good.iso --memory 160M --max-price 1 --name far -q'
map() { cat "$WORK"/lap/leases/*/image.map; }
last_there() { [ "$(map | tail -c 6 | tr -d '\0' | wc -c)" = 6 ]; }
ok "the pieces that the market named are there" within 120 last_there
like "$(($(map | tr -cd '\0' | wc -c) > 40))" 1 "when most others are still missing"
tc qdisc del dev lo root
ok "the buyer cancels that" as buyer cpushare order cancel far --wait --timeout 1m
as lap cpushare-seller pause --state "$WORK/lap" >/dev/null
as desk cpushare-seller resume --state "$WORK/desk" >/dev/null

# ---- a piece that is not what the list says ----
piece=$(tail -c +$(((52 << 20) + 1)) "$WORK/bad.iso" | head -c $((1 << 20)) | sha256sum | cut -d' ' -f1)
head -c $((1 << 20)) /dev/zero >"$MARKET_DATA/pieces/${piece:0:2}/$piece"
ok "an image with a bad piece is ordered" rent bad
failed() { [ "$(as buyer cpushare node show bad/vm1 -o json | jq -r '"\(.state) \(.reason)"')" = "ended image_failed" ]; }
ok "its lease ends as image_failed" within 120 failed
like "$(as buyer cpushare node show bad/vm1 -o json | jq -r .detail)" 'piece 52 does not hash' "which piece it was is said"
no_process() { ! grep -qas -- "$WORK/desk/leases" /proc/[0-9]*/cmdline; }
ok "nothing is left of it" within 20 no_process
done_testing
