#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT.iso - a live image of Debian's cloud kernel and busybox that runs the lease's user-data
#
# Needs the packages linux-image-cloud-amd64, busybox-static, isolinux, syslinux-common, xorriso and cpio. KERNEL,
# MODULES and BUSYBOX name other files, MODULES_TOO more modules. The same packages give the same bytes: dates come from
# the kernel's file, order from sort.
set -euo pipefail
export LC_ALL=C

here=$(dirname "$(readlink -f "$0")")
out=${1:?usage: build.sh OUT.iso}
kernel=${KERNEL:-$(find /boot -name 'vmlinuz-*-cloud-amd64' | sort -V | tail -n 1)}
release=${kernel#*vmlinuz-}
modules=${MODULES:-/lib/modules/$release}
busybox=${BUSYBOX:-/bin/busybox}
isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32

# What the kernel keeps in modules and a leased VM has: the disc, the network card, the random number device, the power
# button. AHCI and e1000 do not exist in this kernel.
wanted="virtio_pci virtio-rng virtio_net virtio_scsi sr_mod isofs button evdev ${MODULES_TOO:-}"

for file in "$kernel" "$modules/modules.dep" "$busybox" "$isolinux" "$ldlinux"; do
	[ -r "$file" ] || {
		echo "build.sh: cannot read '$file'; is its package installed?" >&2
		exit 1
	}
done
if readelf -l "$busybox" 2>/dev/null | grep -q INTERP; then
	echo "build.sh: $busybox is not static; install busybox-static" >&2
	exit 1
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
root=$dir/root
cd=$dir/cd
SOURCE_DATE_EPOCH=$(stat -c %Y "$kernel")
export SOURCE_DATE_EPOCH

# modules.dep lists a module's needs with the deepest last; load order is the other way round, each once.
load_order() {
	local name line
	for name in $wanted; do
		line=$(grep -E "/$name\.ko: ?|/$name\.ko:$" "$modules/modules.dep") || {
			echo "build.sh: the kernel $release has no module $name" >&2
			return 1
		}
		printf '%s\n' "${line/:/}" | tr -s ' ' '\n' | tac
	done | awk '!seen[$0]++'
}

mkdir -p "$root"/{bin,dev,etc/acpi/PWRF,lib/modules,media/cidata,proc,root,run,sys,tmp,usr,var} "$cd"
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

load_order >"$dir/order"
while read -r path; do
	install -m 644 "$modules/$path" "$root/lib/modules/"
	basename "$path"
done <"$dir/order" >"$root/lib/modules/order"

install -m 755 "$here"/{boot,console,dhcp} "$root/etc/"
install -m 644 "$here"/{inittab,passwd,group,profile} "$root/etc/"
# The name by which busybox's acpid looks for what to do.
install -m 755 "$here/power-button" "$root/etc/acpi/PWRF/00000080"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# gzip: zstd saves 0.2 MB of reading and loses the time again; under emulation none of them differs by what can be measured.
(cd "$root" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) | gzip -9n >"$cd/initrd"

cp "$kernel" "$cd/vmlinuz"
cp "$isolinux" "$ldlinux" "$here/isolinux.cfg" "$cd/"
chmod 644 "$cd"/*
find "$cd" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
xorriso -as mkisofs -quiet -o "$dir/tiny.iso" -V CPUSHARE_TINY -R -no-pad \
	-b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$cd" 2>"$dir/log" || {
	cat "$dir/log" >&2
	exit 1
}
mv "$dir/tiny.iso" "$out"
