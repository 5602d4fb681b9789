#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pxe.t - a VM whose image is iPXE starts over the LAN: told where by its own endpoint, from another member's TFTP server
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
cat >"$WORK/tftp/boot.ipxe" <<'S'
#!ipxe
kernel kernel console=ttyS0 initrd=initrd over-the-lan
initrd initrd
boot
S
chmod 644 "$WORK"/tftp/*

start_market
ok "a buyer and a seller sign up" eval 'new_operator && new_user buyer && new_seller desk --cores 1 --memory 1G'
ok "the buyer has funds" add_funds buyer 10
start_seller desk
ok "the image is uploaded" as buyer cpushare image upload "$WORK/ipxe.iso" -q
printf '#!/bin/sh\necho "STARTED $(grep -o over-the-lan /proc/cmdline) as $(hostname)"\n' >"$WORK/user-data"
ok "an order" as buyer cpushare order create --image ipxe.iso --memory 256M --max-price 1 --name job --user-data "$WORK/user-data" -q
HOME=$WORK/home/buyer XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' cpushare net up job --name shelf --boot-file boot.ipxe -- \
	dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --enable-tftp --tftp-root="$WORK/tftp" --tftp-mtu=1400 --user=root \
	--pid-file= --log-facility="$WORK/dnsmasq.log" </dev/null >"$WORK/up.out" 2>&1 &
up=$!
cleanup "end $up"
console() { as buyer cpushare node console job/vm1 | tr -d '\r'; }
started() { console | grep -aq '^STARTED'; }
ok "the VM starts what the other member serves" within 180 started || note "$(cat "$WORK/up.out" "$WORK/dnsmasq.log"; console | tail -n 20)"
is "$(console | grep -a '^STARTED')" "STARTED over-the-lan as vm1" "with the settings from there, and its own name"
like "$(<"$WORK/dnsmasq.log")" 'sent .*/initrd' "all of it over the LAN"
end $up
ok "the order ends" as buyer cpushare order cancel job --wait --timeout 2m -q
done_testing
