#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stays_up.t - what a seller lives through: its disk full, libvirt gone, its clock set, another address, no market, no turn, a long sleep, no libvirt at all
#
# Market and seller are in network namespaces of their own, the seller's folder on a disk of its own (tmpfs), its wall clock in a file
# (libfaketime). Sleep is SIGSTOP for all of the seller's processes: clock_mono() goes on in a real one, too.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root for namespaces"
for c in ip tc unshare nsenter; do command -v $c >/dev/null || skip_all "needs $c"; done
DRIVER=$(ls /usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so) || skip_all "needs libvirt's QEMU driver"
P=cs$$
ip netns add ${P}m 2>/dev/null || skip_all "no network namespaces here"
ip netns add ${P}s
cleanup "ip netns del ${P}m; ip netns del ${P}s"
ip link add market netns ${P}s type veth peer name seller netns ${P}m
ip -n ${P}m addr add 10.9.0.1/24 dev seller
ip -n ${P}s addr add 10.9.0.2/24 dev market
for n in "${P}m lo" "${P}m seller" "${P}s lo" "${P}s market"; do ip -n ${n% *} link set ${n#* } up; done
mkdir "$WORK/desk"
mount -t tmpfs -o size=12m,mode=0711 desk "$WORK/desk" || bail "no tmpfs"
cleanup 'umount -l $WORK/desk'
disk() { mount -o remount,size="$1" "$WORK/desk"; }

IN="ip netns exec ${P}m" MARKET_LISTEN=10.9.0.1:8443
PLACE=([operator]=$IN [buyer]=$IN [desk]="ip netns exec ${P}s")
start_market --set timing.lost_contact=10s --set timing.busy_interval=500ms --set timing.trial_pause=1s
ok "operator, buyer" eval 'new_operator && new_user buyer && add_funds buyer 50'
ok "the seller's machine is set up" new_seller desk --price-core 1 --price-memory 1 --price-transfer 1
sed -i 's/^#* *disk_free = .*/disk_free = 2M/' "$WORK/desk/seller.conf"
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
echo +0 >"$WORK/clock"
case $BUILD in
*/san) note "the sanitizers do not go with libfaketime: the clock stays as it is" ;;
*) PLACE[desk]+=" env LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1) FAKETIME_TIMESTAMP_FILE=$WORK/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1" ;;
esac
clock() { echo "$1" >"$WORK/clock.new" && mv "$WORK/clock.new" "$WORK/clock"; }

owner() { cpushare-seller "$@" --state "$WORK/desk"; }
status_is() { owner status -o json | jq -e "$1"; }
create() { as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --max-price-memory 1 --max-price-transfer 1 "$@"; }
rent() { ORDER=$(create --count "$1" -o name); } # COUNT: sets ORDER
nodes_are() { [ "$(as buyer cpushare node list "$ORDER" -o json | jq -r '[.items[].state] | unique | join(" ")')" = "$1" ]; }
node() { as buyer cpushare node show "$ORDER/$1" -o json | jq -r ".$2"; }
node_is() { [ "$(node "$1" "$2")" = "$3" ]; }
goes_on() { # what vm1 has counted grows
	local before
	before=$(node vm1 vcpu_ns) && within 40 eval "[ \"\$(node vm1 vcpu_ns)\" -gt $before ]"
}
tree() { # PID: it and its descendants
	local child
	echo "$1"
	for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}
lease_dir() { echo "$WORK/desk/leases/$(node "$1" id)"; }
named() { # VM NAME: of its processes, the one of that name
	local pid
	for pid in $(tree "$(<"$(lease_dir "$1")/vmrun.pid")"); do [ "$(cat /proc/"$pid"/comm)" != "$2" ] || echo "$pid"; done
}
full() { dd if=/dev/zero of="$WORK/desk/filler" bs=64k >/dev/null 2>&1; rm -f "$WORK/desk/filler.*"; [ "$(df --output=avail "$WORK/desk" | tail -n 1)" -lt 64 ]; }
images() { find "$WORK/desk/images" -type f 2>/dev/null | wc -l; }

# ---- the disk ----
start_seller desk
ok "a machine whose disk is small" within 30 status_is .market_answers
ok "and an image that does not fit on it" rent 1
no_room() { [ "$(as buyer cpushare order explain "$ORDER" -o json | jq '.removed.image')" = 1 ]; }
ok "are not for each other" within 10 no_room
disk 64m
as buyer cpushare order cancel "$ORDER" -q
disk 64m
fits() { [ "$(create --dry-run -o json | jq .fits)" = 1 ]; }
ok "they are once there is room" within 10 fits
kill -STOP "$SELLER_PID_desk"
disk 12m
ok "it is rented, and its disk small again before it hears of that" eval 'rent 1 && within 10 node_is vm1 state matched'
kill -CONT "$SELLER_PID_desk"
ok "image_failed" within 30 node_is vm1 reason image_failed
like "$(node vm1 detail)" "the seller's disk has no room for the image: [0-9]+ of 15 MiB" "with the reason"
is "$(images)" 0 "nothing of it was fetched"
disk 64m
tc -n ${P}m qdisc add dev seller root tbf rate 8mbit burst 128kb latency 400ms
ok "on a larger disk it is fetched" rent 1 # also by who failed at it when there was less room
fetching() { [ "$(du -sm "$WORK/desk/images" | cut -f1)" -ge 2 ]; }
ok "slowly" within 40 fetching
ok "and the disk fills meanwhile" within 20 full
ok "image_failed" within 40 node_is vm1 reason image_failed
like "$(node vm1 detail)" "the seller's disk: No space left on device" "with the reason"
is "$(images)" 0 "no half image is left"
ok "the machine says why it takes nobody" within 10 status_is '.governor.reasons | any(.reason == "disk")'
rm "$WORK/desk/filler"
tc -n ${P}m qdisc del dev seller root

disk 200m
sed -i 's/^#* *calm = .*/calm = 1s/' "$WORK/desk/seller.conf"
end "$SELLER_PID_desk"
start_seller desk
ok "with room again two VMs are rented" rent 2
ok "and run" within 60 nodes_are running
VM1=$(node vm1 id)
ok "the disk is full" full
ok "they go on, and are paid for" goes_on
ok "the machine is closed" within 10 status_is '.state == "closed"'
ok "and its log says so, and not each time" [ "$(grep -c 'usage not written' "$WORK/desk.log")" -le 10 ]
rm "$WORK/desk/filler"
ok "until there is room" within 20 status_is '.state == "online"'

# ---- libvirt ----
kill -KILL "$(named vm2 vmrun-inside)"
ok "where libvirt dies with one VM" within 20 node_is vm2 reason boot_failed
like "$(node vm2 detail)" 'the jail ended' "it is said"
ok "the other one goes on" goes_on

# ---- the clock ----
for by in +3600 -3600 +0; do
	clock $by
	ok "the clock is set by $by s: it goes on" goes_on
done

# ---- the network ----
ip -n ${P}s addr add 10.9.0.7/24 dev market
ip -n ${P}s addr del 10.9.0.2/24 dev market
ip -n ${P}s addr replace 10.9.0.7/24 dev market # what went with the first one
ok "the machine has another address: it goes on" goes_on
at_new_address() { ask_socket "$(lease_dir vm1)/net.sock" '{"ask":"status"}' | jq -e '[.candidates[].address] | (any(startswith("10.9.0.7")) and (any(startswith("10.9.0.2")) | not))'; }
ok "and so does its ethernet" within 30 at_new_address

# ---- the market, and meanwhile no turn ----
end "$MARKET_PID"
gone_at=$SECONDS pid=$(<"$WORK/desk/leases/$VM1/vmrun.pid")
end "$SELLER_PID_desk" KILL
kill -STOP "$pid"
start_seller desk
ok "a VM that is too busy to answer the daemon that starts anew" within 20 status_is '.leases | length == 1'
kill -CONT "$pid"
ok "is not taken for dead" within 20 status_is '.leases[0] | .state == "running" and .vcpu_ns > 0'
while [ $((SECONDS - gone_at)) -lt 12 ]; do sleep 0.5; done
ok "the market comes back after longer than lost_contact" restart_market
ok "the VM goes on" goes_on
is "$(node vm1 state)" running "its lease was not ended"
is "$(ls "$WORK/desk/leases")" "$VM1" "and is the same"

# ---- sleep ----
dir=$(lease_dir vm1) qemu=$(named vm1 qemu-system-x86)
asleep="$SELLER_PID_desk $(tree "$(<"$dir/vmrun.pid")") $(<"$dir/net.pid")"
cleanup "kill -CONT $asleep"
kill -STOP $asleep
ok "the machine sleeps: lost_contact" within 40 node_is vm1 reason lost_contact
kill -CONT $asleep
nothing_here() { [ -z "$(ls "$WORK/desk/leases")" ] && ! kill -0 "$qemu"; }
ok "it wakes, and ends its VM" within 30 nothing_here
ok "and is online" within 20 status_is '.state == "online" and .market_answers'

# ---- no libvirt ----
end "$SELLER_PID_desk"
ip netns exec ${P}s sh -c "mount --bind /dev/null $DRIVER && exec cpushare-seller run --state $WORK/desk" >>"$WORK/desk.log" 2>&1 &
SELLER_PID_desk=$!
ok "a machine without libvirt's driver" within 30 status_is .market_answers
ok "is rented" rent 1
ok "boot_failed" within 60 node_is vm1 reason boot_failed
like "$(node vm1 detail)" 'libvirt|driver' "the buyer is told why"
ok "the seller goes on" within 20 status_is '.market_answers and (.leases | length == 0)'
nsenter -t "$SELLER_PID_desk" -m umount "$DRIVER"
ok "libvirt is installed, and the machine rented" rent 1
ok "the VM runs" within 60 nodes_are running

# ---- what it cost ----
as buyer cpushare order cancel "$ORDER" -q
ok "nothing is held" within 30 eval '[ "$(as buyer cpushare funds balance -o json | jq .held_micro)" = 0 ]'
ok "the ledger sums to zero" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
