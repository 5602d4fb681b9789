#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cgroup.t - a guest's control groups on a machine that has nothing but the unified hierarchy: one of its own, started for it
. "$(dirname "$0")/../lib.sh"
PROGRAM=$BUILD/tests/unit/seller/cgroup.t
[ -x "$PROGRAM" ] || make -s -C "$TOP" "$PROGRAM" >/dev/null 2>&1 || bail "the unit test is not built"

# The second disc has the program, its libraries, and the script that runs it.
mkdir "$WORK/seed"
cp "$PROGRAM" "$WORK/seed/test"
ldd "$PROGRAM" | grep -o '/[^ ]*' | xargs -I{} cp {} "$WORK/seed/"
printf 'instance-id: cgroup\nlocal-hostname: cgroup\n' >"$WORK/seed/meta-data"
cat >"$WORK/seed/user-data" <<'G'
#!/bin/sh
mount -t cgroup2 none /sys/fs/cgroup || echo "no unified hierarchy"
cd /media/cidata
CGROUP_ALL=1 ./ld-linux-x86-64.so.2 --library-path . ./test >/run/out 2>&1
echo "exit $?" >>/run/out
ls /sys/fs/cgroup | grep cpushare >>/run/out
sed 's/^/GUEST /' /run/out >/dev/console
sleep 1
poweroff -f
G
xorriso -as mkisofs -quiet -V cidata -R -o "$WORK/cidata.iso" "$WORK/seed" 2>/dev/null
xorriso -osirrox on -indev "$TINY" -extract /vmlinuz "$WORK/vmlinuz" -extract /initrd "$WORK/initrd" 2>/dev/null
timeout 120 qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m 256 -display none -nodefaults -no-user-config -serial "file:$WORK/console" \
	-kernel "$WORK/vmlinuz" -initrd "$WORK/initrd" -append "console=ttyS0 quiet loglevel=3 panic=-1 cryptomgr.notests no_timer_check" \
	-device virtio-scsi-pci -drive "file=$WORK/cidata.iso,format=raw,if=none,id=b,readonly=on" -device scsi-cd,drive=b \
	-device virtio-rng-pci &
cleanup "end $!"
said() { tr -d '\r' <"$WORK/console" | sed -n 's/^GUEST //p'; }
finished() { said | grep -q '^exit'; }
ok "the machine has run the test" within 110 finished
note "$(said)"
is "$(said | grep '^exit')" "exit 0" "which holds on the unified hierarchy alone"
is "$(said | grep -c '^ok')" "$(said | sed -n 's/^1\.\.//p')" "in every claim"
like "$(said)" 'cpu 1 \(unified 1, idle 1\) memory 1 pids 1: nothing is missing' "with all of its controllers"
like "$(said | tail -n 1)" '^exit' "and nothing is left of the groups"
done_testing
