#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pxe.t - VMs whose image is iPXE start over the LAN: told where by their own endpoints, from another member, from another VM
#
# The first starts what the buyer's member serves by TFTP, and then serves it by HTTP itself; only after the buyer's server has gone the
# second is let start.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip_all "network namespaces need root"
mkdir -p "$WORK/cd" "$WORK/tftp" && chmod 755 "$WORK" "$WORK/tftp"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$WORK/cd"
cp /boot/ipxe.lkrn "$WORK/cd/ipxe"
printf 'serial 0\nDEFAULT ipxe\nLABEL ipxe\n LINUX ipxe\n' >"$WORK/cd/isolinux.cfg"
ok "an image of nothing but iPXE is made" xorriso -as mkisofs -quiet -o "$WORK/ipxe.iso" -b isolinux.bin -c boot.cat -no-emul-boot \
	-boot-load-size 4 -boot-info-table "$WORK/cd"
ok "what it shall start is taken out of another" xorriso -osirrox on -indev "$TINY" -extract / "$WORK/tiny"
chmod -R u+w "$WORK/tiny"
find "$WORK/tiny" -type f \( -name 'vmlinuz*' -o -name 'linux*' \) -exec cp {} "$WORK/tftp/kernel" \;
find "$WORK/tiny" -type f -name 'initr*' -exec cp {} "$WORK/tftp/initrd" \;
# What the second does with the buyer's file: it waits for another, as iPXE's own prompt would wait for ever.
cat >"$WORK/tftp/boot.ipxe" <<'S'
#!ipxe
iseq ${hostname} vm1 && goto first ||
:again
sleep 5
dhcp || goto again
iseq ${filename} boot.ipxe && goto again ||
chain ${filename} || goto again
:first
kernel kernel console=ttyS0 initrd=initrd panic=-1 no_timer_check over-the-lan
initrd initrd
boot
S
printf '#!ipxe\nkernel kernel console=ttyS0 initrd=initrd panic=-1 no_timer_check from-a-guest\ninitrd initrd\nboot\n' >"$WORK/tftp/guest.ipxe"
chmod 644 "$WORK"/tftp/*

start_market
ok "a buyer and a seller sign up" eval 'new_operator && new_user buyer && new_seller desk --memory 1G'
ok "the buyer has funds" add_funds buyer 10
start_seller desk
ok "the image is uploaded" as buyer cpushare image upload "$WORK/ipxe.iso" -q
cat >"$WORK/user-data" <<'S'
#!/bin/sh
echo "STARTED $(grep -oE 'over-the-lan|from-a-guest' /proc/cmdline) as $(hostname)"
[ "$(hostname)" = vm1 ] || exit 0
mkdir /tmp/shelf && cd /tmp/shelf
for file in kernel initrd guest.ipxe; do
	tftp -g -b 1024 -r $file shelf || exit 1
done
httpd -h /tmp/shelf -p 80 && echo SERVING
S
ok "an order" as buyer cpushare order create --image ipxe.iso --count 2 --memory 256M --max-price 1 --name job --user-data "$WORK/user-data" -q
up() { # OPTION...
	HOME=$WORK/home/buyer XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' exec cpushare net up job "$@" </dev/null
}
up --name shelf --boot-file boot.ipxe -- \
	dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --enable-tftp --tftp-root="$WORK/tftp" --tftp-mtu=1400 --user=root \
	--pid-file= --log-facility="$WORK/dnsmasq.log" >"$WORK/up.out" 2>&1 &
up=$!
cleanup "end $up"
console() { as buyer cpushare node console "job/${1:-vm1}" | tr -d '\r'; }
started() { console "$@" | grep -aq '^STARTED'; }
serving() { console | grep -aq '^SERVING'; }
ok "the VM starts what the other member serves" within 240 started || note "$(cat "$WORK/up.out" "$WORK/dnsmasq.log"; console | tail -n 20)"
is "$(console | grep -a '^STARTED')" "STARTED over-the-lan as vm1" "with the settings from there, and its own name"
like "$(<"$WORK/dnsmasq.log")" 'sent .*/initrd' "all of it over the LAN"
ok "it serves that to others" within 120 serving || note "$(console | tail -n 20)"
ok "the second VM has not started yet" eval '! started vm2'
end $up

# The URL's host comes from the answer too: the machine that --boot-server names.
up --name other --boot-server vm1 --boot-file 'http://${next-server}/guest.ipxe' -- sleep 600 >"$WORK/up.out" 2>&1 &
up=$!
cleanup "end $up"
ok "the second VM starts what the first serves" within 240 started vm2 || note "$(cat "$WORK/up.out"; console vm2 | tail -n 20)"
is "$(console vm2 | grep -a '^STARTED')" "STARTED from-a-guest as vm2" "with the settings from there, and its own name"
end $up
ok "the order ends" as buyer cpushare order cancel job --wait --timeout 2m -q
done_testing
