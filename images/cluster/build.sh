#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT.iso - a live image of a small Debian with OpenMPI, ssh, NFS, Slurm and iperf3, made for VMs that work together
#
# Debian's packages come from the mirrors of this machine (SOURCES names another list). They become one squashfs on the CD, which the
# initrd mounts below a tmpfs; from there on it is the tiny image's way of booting. Needs, beyond what tiny needs, mmdebstrap,
# squashfs-tools, kmod, gcc and libc6-dev.
out=${1:?usage: build.sh OUT.iso}
here=$(dirname "$(readlink -f "$0")")
. "$here/../live.sh"

sources=${SOURCES:-/etc/apt/sources.list.d/debian.sources}
[ -r "$sources" ] || sources=/etc/apt/sources.list
# The initrd loads what finds the root; the root's own boot the rest; these are for whoever mounts or routes something.
early=(virtio_pci virtio_scsi sr_mod isofs loop squashfs overlay)
late=(qemu_fw_cfg virtio-rng virtio_net button evdev fuse tun)
wanted=(nfsv4 nfsv3 nfsd)

# ---- the root ----
mkdir -p "$dir/cd" "$dir/modules/lib/modules/$release"
load_order "${early[@]}" >"$dir/early"
load_order "${late[@]}" | grep -vxFf "$dir/early" >"$dir/late"
load_order "${early[@]}" "${late[@]}" "${wanted[@]}" | while read -r path; do
	install -D -m 644 "$modules/$path" "$dir/modules/lib/modules/$release/$path"
done
cp "$modules"/modules.{builtin,order}* "$dir/modules/lib/modules/$release/"
depmod -b "$dir/modules" "$release"
sed "s|^|$release/|" "$dir/late" >"$dir/modules/lib/modules/order"

compile_warm "$dir/warm"
compile "$dir/listen" "$here/listen.c"
export RECIPE=$here WARM_FILE=$dir/warm LISTEN_FILE=$dir/listen BUSYBOX_FILE=$busybox MODULES_ROOT=$dir/modules
mmdebstrap --quiet --variant=essential --include="$(grep -v '^#' "$here/packages" | paste -sd,)" \
	--aptopt='APT::Install-Recommends "false"' --dpkgopt="$here/dpkg.cfg" --customize-hook="$here/customize" \
	bookworm - "$sources" 2>"$dir/log" |
	mksquashfs - "$dir/cd/root.squashfs" -tar -exports -comp lz4 -Xhc -noappend -no-progress -quiet >>"$dir/log" 2>&1 || {
	tail -n 30 "$dir/log" >&2
	exit 1
}

# ---- the initrd ----
first=$dir/first
mkdir -p "$first"/{bin,cd,dev,lib,lower,proc,root,sys,upper}
install -m 755 "$busybox" "$first/bin/busybox"
while read -r path; do
	install -m 644 "$modules/$path" "$first/lib/"
	basename "$path"
done <"$dir/early" >"$first/lib/order"
install -m 755 "$here/init" "$first/init"
install -m 644 "$here/../tiny/devices" "$first/lib/"
initrd "$first" "$dir/cd/initrd"
make_cd "$dir/cd" CPUSHARE_CLUSTER "$out"
