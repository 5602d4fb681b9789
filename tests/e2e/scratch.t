#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scratch.t - a guest's scratch disk: there when asked for, as large as asked and no larger, noise to its seller, gone with the lease
. "$(dirname "$0")/../lib.sh"

start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 5 && new_seller desk'
printf '[limits]\nscratch = 100M\n' >>"$WORK/desk/seller.conf"
start_seller desk
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
cat >"$WORK/user-data" <<'G'
#!/bin/sh
exec >/dev/console 2>&1
echo "DISK $(cat /sys/block/vda/size) sectors"
yes PLAINTEXT-MARKER | head -c 4194304 >/dev/vda
sync
echo 3 >/proc/sys/vm/drop_caches
echo "READ $(head -c 16 /dev/vda)"
dd if=/dev/zero of=/dev/vda bs=1M seek=63 count=2 2>/dev/null && echo "BEYOND taken" || echo "BEYOND refused"
echo "DONE"
G
create() { as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --user-data "$WORK/user-data" -o name "$@"; }
order=$(create --scratch 64M)
running() { [ "$(as buyer cpushare node show "$order/vm1" -o json | jq -r .state)" = running ]; }
ok "a guest with a scratch disk runs" within 120 running
other=$(create --scratch 64M)
no_room() { [ "$(as buyer cpushare order explain "$other" -o json | jq '.removed.scratch')" = 1 ]; }
ok "another one of that size has no place there" within 20 no_room
lease=$(echo "$WORK"/desk/leases/*/)
file=$lease/scratch.img
said() { tr -d '\r' <"$lease/console.log" | grep -a "^$1"; }
ok "the guest has tried it" within 180 said DONE
like "$(said DISK)" '^DISK 131072 sectors$' "it is as large as was asked for"
is "$(said READ)" "READ PLAINTEXT-MARKER" "it keeps what is written"
is "$(said BEYOND)" "BEYOND refused" "nothing is written beyond its end"
is "$(head -c 4 "$file")" LUKS "to the seller it is a LUKS container"
is "$(grep -ac PLAINTEXT-MARKER "$file")" 0 "which has nothing of what was written"
size=$(stat -c %s "$file")
[ "$size" -le $((68 << 20)) ] && [ "$(du -k "$file" | cut -f1)" -lt $((32 << 10)) ]
is $? 0 "no larger than asked and a header, and what was not written takes no room"
if [ "$(id -u)" = 0 ]; then
	# Other machines' guests may have the same user.
	qemu=$(for pid in $(pgrep -u "$(stat -c %u "$file")" -x qemu-system-x86); do [ "/proc/$pid/root/lease/scratch.img" -ef "$file" ] && echo $pid; done)
	is "$(stat -c %a "$file") $(stat -c %u "$file")" "600 $(stat -c %u "/proc/$qemu")" "only its own jail's user can read it"
	is "$(ls "/proc/$qemu/root/lease/state")" libvirt "the key's file is gone"
	is "$(tr '\0' '\n' <"/proc/$qemu/cmdline" | grep -cE '[0-9a-f]{64}')" 0 "and no command line has the key"
	is "$(grep -rlE '^[0-9a-f]{64}$' "$lease" --include='*' 2>/dev/null)" "" "nor a file of the lease's"
fi
ok "the orders end" eval 'as buyer cpushare order cancel "$other" -q && as buyer cpushare order cancel "$order" --wait --timeout 2m'
gone() { [ -z "$(find "$WORK/desk/leases" -name scratch.img)" ]; }
ok "the disk is gone" within 20 gone
done_testing
