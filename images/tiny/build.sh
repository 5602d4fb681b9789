#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT.iso - a live image of Debian's cloud kernel and busybox that runs the lease's user-data
#
# Needs the packages linux-image-cloud-amd64, busybox-static, isolinux, syslinux-common, xorriso, cpio, gcc and libc6-dev. MODULES_TOO names more modules, EXTRA a folder of more
# files, IMAGE_NAME what it is called.
out=${1:?usage: build.sh OUT.iso}
here=$(dirname "$(readlink -f "$0")")
. "$here/../live.sh"

root=$dir/root
# What the kernel keeps in modules and a leased VM has: the disc, the network card, the random number device, the power
# button. AHCI and e1000 do not exist in this kernel. Which device gets its driver when: devices.
wanted=(qemu_fw_cfg virtio_pci virtio-rng virtio_net virtio_blk virtio_scsi sr_mod isofs button evdev ${MODULES_TOO:-})

mkdir -p "$root"/{bin,dev,etc/acpi/PWRF,lib/modules,media/cidata,proc,root,run,sys,tmp,usr,var} "$dir/cd"
ln -s bin "$root/sbin"
ln -s ../bin "$root/usr/bin"
ln -s ../bin "$root/usr/sbin"
ln -s ../run "$root/var/run"
ln -s ../run "$root/var/log"
ln -s ../tmp "$root/var/tmp"

install -m 755 "$busybox" "$root/bin/busybox"
"$busybox" --list | while read -r applet; do
	[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
# The kernel starts /init; by that name busybox is its own init, which reads /etc/inittab.
ln -s bin/busybox "$root/init"

load_order "${wanted[@]}" >"$dir/order"
while read -r path; do
	install -m 644 "$modules/$path" "$root/lib/modules/"
	basename "$path"
done <"$dir/order" >"$root/lib/modules/order"

install -m 755 "$here"/{boot,console,dhcp} "$root/etc/"
compile_warm "$root/bin/warm"
install -m 644 "$here"/{devices,inittab,passwd,group,profile} "$root/etc/"
echo "${IMAGE_NAME:-tiny}" >"$root/etc/image"
[ -z "${EXTRA:-}" ] || cp -r "$EXTRA/." "$root/"
# The name by which busybox's acpid looks for what to do.
install -m 755 "$here/power-button" "$root/etc/acpi/PWRF/00000080"
initrd "$root" "$dir/cd/initrd"
make_cd "$dir/cd" CPUSHARE_TINY "$out"
