#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ends.t - each way in which a rented VM ends, on real VMs: what the buyer is told, what is paid, what is left behind
#
# The seller is a plain user, not root; so is the buyer's machine that joins a LAN.
. "$(dirname "$0")/../lib.sh"
USER_ID=61234

start_market --set timing.lost_contact=6s --set timing.funds_grace=3s --set timing.hold_window=15s --set timing.busy_interval=500ms \
	--set timing.end_grace=10s --set timing.drain_notice=1s
ok "operator, buyer" eval 'new_operator && new_user buyer && add_funds buyer 50'
ok "the seller's machine is set up" new_seller desk --price-core 1 --price-memory 1 --price-transfer 1 --unreachable 8s
chown -R $USER_ID:$USER_ID "$WORK/desk"
run_seller() {
	setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups env HOME="$WORK/desk" \
		"$BUILD/bin/cpushare-seller" run --state "$WORK/desk" >>"$WORK/desk.log" 2>&1 &
	DESK=$!
}
owner() { cpushare-seller "$@" --state "$WORK/desk"; }
run_seller
cleanup 'end $DESK; end_leases desk'
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q

script() { printf '#!/bin/sh\n%s\n' "$1" >"$WORK/user-data"; }
# rent USER-DATA [OPTION...]: one VM that runs; sets ORDER
rent() {
	script "$1"
	shift
	ORDER=$(as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --max-price-memory 1 --max-price-transfer 1 \
		--user-data "$WORK/user-data" --wait --timeout 2m -o name "$@")
}
node() { as buyer cpushare node show "$ORDER/vm1" -o json | jq -r ".$1"; }
node_is() { [ "$(node "$1")" = "$2" ]; }
guests() { pgrep -u $USER_ID -x qemu-system-x86 -f 'qemu-system' 2>/dev/null | wc -l; }
nothing_here() { [ -z "$(ls "$WORK/desk/leases")" ] && ! pgrep -u $USER_ID qemu-system >/dev/null; }
held() { as buyer cpushare funds balance -o json | jq .held_micro; }
nothing_held() { [ "$(held)" = 0 ]; }

ok "a VM that switches itself off is rented" rent 'sleep 4; poweroff'
ok "completed: it switched itself off" within 60 eval 'node_is reason completed'
ok "and nothing of it is left at the seller's" within 20 nothing_here
ok "nor held" within 10 nothing_held
ok "it was paid for" eval '[ "$(node charged_micro)" -gt 0 ]'
ok "order wait says that it ended well" as buyer cpushare order wait "$ORDER" --timeout 10s

failed() { as buyer cpushare seller list -o json | jq '.items[0] | .leases * 1000 + .leases_failed'; }
ok "a VM that must not be paused for long is rented" rent 'while :; do :; done' --max-freeze 2s
ok "its owner announces that the machine is to be free" owner drain
ok "the buyer is told from when on it may be withdrawn" within 20 eval '[ "$(node withdrawable_at)" != null ] && [[ "$(node withdrawable_at)" < "$(date -u +%FT%TZ)" ]]'
ok "then he pauses the machine" owner pause
ok "longer than the buyer allows: withdrawn_by_seller" within 30 node_is reason withdrawn_by_seller
like "$(node detail)" 'paused for too long' "the buyer is told why"
ok "without blame: no lease of his failed" within 20 eval '[ "$(failed)" = 2000 ]'
ok "the owner resumes" owner resume
ok "a VM is rented" rent 'while :; do :; done'
ok "its owner pauses the machine" owner pause
ok "the buyer sees it paused" within 20 node_is state paused
frozen=$(node vcpu_ns)
sleep 2
is "$(node vcpu_ns)" "$frozen" "a paused VM's counters stand still"
ok "the owner resumes" owner resume
ok "it runs again" within 20 node_is state running
ok "the owner withdraws the machine" owner drain --now --wait
ok "withdrawn_by_seller" within 20 node_is reason withdrawn_by_seller
ok "nothing is left" within 20 nothing_here
as buyer cpushare order wait "$ORDER" --timeout 10s >/dev/null 2>&1
is $? 10 "order wait says with exit code 10 that it ended badly"
ok "the machine is on the market again" owner resume

ok "a VM is rented" rent 'while :; do :; done'
kill -KILL $DESK
wait $DESK 2>/dev/null
ok "lost_contact: its machine fell silent" within 40 node_is reason lost_contact
is "$(pgrep -u $USER_ID qemu-system | wc -l)" 1 "the VM itself goes on for now"
run_seller
ok "until its machine is back, and is told to end it" within 40 nothing_here

ok "a VM is rented" rent 'while :; do :; done'
end $MARKET_PID
ok "the market is gone: the machine stops its guest after a while" within 60 eval '! pgrep -u $USER_ID qemu-system'
ok "the market is back" restart_market
ok "the lease has ended with a reason" within 40 node_is state ended
like "$(node reason)" 'lost_contact|withdrawn_by_seller' "which is that"
ok "nothing is held" within 20 nothing_held

ok "a VM that ends well" rent 'sleep 4; poweroff'
ok "ends its machine's time on trial, in which it has one at a time" within 60 eval 'node_is reason completed'
ok "a VM is rented for a minute" rent 'while :; do :; done' --duration 60s
deadline=$((SECONDS + 90))

# Meanwhile: bytes that do not hash to what the image's list says.
head -c 3000000 /dev/urandom >"$WORK/noise.iso"
ok "an image of noise is uploaded" as buyer cpushare image upload "$WORK/noise.iso" -q
noise=$(as buyer cpushare image show noise.iso -o json | jq -r .id)
piece=$(as buyer cpushare image list -o json >/dev/null; sha256sum < <(head -c 1048576 "$WORK/noise.iso") | cut -d' ' -f1)
file=$(find "$MARKET_DATA" -name "*$piece*" -type f | head -n 1)
ok "a piece goes bad on the market's disk" eval 'tail -c +8 "$file" | head -c 1 | tr "\000-\377" "\001-\377\000" >"$WORK/byte" && dd if="$WORK/byte" of="$file" conv=notrunc bs=1 seek=7'
bad=$(as buyer cpushare order create --image "$noise" --memory 160M --max-price 1 --max-price-memory 1 --max-price-transfer 1 -o name)
bad_is() { [ "$(as buyer cpushare node show "$bad/vm1" -o json | jq -r "$1")" = "$2" ]; }
ok "image_failed: the seller finds it out" within 60 bad_is .reason image_failed
ok "and nothing is charged" bad_is .charged_micro 0

# A LAN that is joined without root, by name.
chmod 711 "$WORK/home" "$WORK/home/buyer" 2>/dev/null
mkdir -p "$WORK/plain" && cp -r "$WORK/home/buyer/.config" "$WORK/plain/" && chown -R $USER_ID:$USER_ID "$WORK/plain"
plainly() { setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups env -i HOME="$WORK/plain" PATH="$PATH" "$@"; }
out=$(plainly "$BUILD/bin/cpushare" net up "$ORDER" -- sh -c 'ip -br addr; for i in $(seq 40); do ping -c 1 -W 1 vm1 && break; done; ip route; exit 7' 2>&1)
is $? 7 "net up without root runs a command on the LAN, and ends as it does"
like "$out" '10\.77\.0\.1/16' "which has an address there"
like "$out" '1 received' "and reaches the VM by name"
is "$(grep -c default <<<"$out")" 0 "and nothing else"

within $((deadline - SECONDS)) node_is state ended
is "$(node reason)" expired "expired: the minute is over"

ok "a poor buyer" eval 'new_user poor && add_funds poor 0.012'
ok "has an image" as poor cpushare image upload "$TINY" -q
poor=$(as poor cpushare order create --image tiny.iso --memory 160M --max-price 1 --max-price-memory 1 --max-price-transfer 1 \
	--user-data "$WORK/user-data" --wait --timeout 2m -o name)
poor_is() { [ "$(as poor cpushare node show "$poor/vm1" -o json | jq -r ".$1")" = "$2" ]; }
ok "funds_exhausted: first it is paused" within 120 poor_is state paused
ok "then ended" within 40 poor_is reason funds_exhausted
balance=$(as poor cpushare funds balance -o json)
is "$(jq .held_micro <<<"$balance")" 0 "nothing is held of the poor buyer"
ok "and the balance is not below zero" jq -e '.available_micro >= 0' <<<"$balance"
ok "nothing is left at the seller's" within 20 nothing_here
ok "the ledger sums to zero" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
