# SPDX-License-Identifier: Apache-2.0
# live.sh - what the recipes of live images share: Debian's cloud kernel, its modules, busybox, and the CD
#
# A recipe sources it. KERNEL, MODULES and BUSYBOX name other files. It sets $dir, a folder that goes with the recipe, and
# SOURCE_DATE_EPOCH, the kernel's date: the same packages give the same bytes, since dates come from there and order from sort.
set -euo pipefail
export LC_ALL=C

kernel=${KERNEL:-$(find /boot -name 'vmlinuz-*-cloud-amd64' | sort -V | tail -n 1)}
release=${kernel#*vmlinuz-}
modules=${MODULES:-/lib/modules/$release}
busybox=${BUSYBOX:-/bin/busybox}
isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32
live=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

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
SOURCE_DATE_EPOCH=$(stat -c %Y "$kernel")
export SOURCE_DATE_EPOCH

# load_order MODULE...: the files of these modules and of what they need, each once, in the order in which they load.
# modules.dep lists a module's needs with the deepest last; load order is the other way round.
load_order() {
	local name line
	for name; do
		line=$(grep -E "/$name\.ko: ?|/$name\.ko:$" "$modules/modules.dep") || {
			echo "build.sh: the kernel $release has no module $name" >&2
			return 1
		}
		printf '%s\n' "${line/:/}" | tr -s ' ' '\n' | tac
	done | awk '!seen[$0]++'
}

# compile FILE SOURCE...: a static program; no path of this machine in it, so that the same packages give the same bytes.
compile() {
	gcc -Os -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -static -s -Wl,--build-id=none -o "$@"
}
compile_warm() {
	compile "$1" "$live"/tiny/{warm,own,address,dhcp_answer}.c
}

# initrd ROOT FILE: packs the folder.
# gzip: zstd saves 0.2 MB of reading and loses the time again; under emulation none of them differs by what can be measured.
initrd() {
	find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$1" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) | gzip -9n >"$2"
}

# make_cd FOLDER LABEL OUT.iso: the folder, which has an initrd, becomes a CD that boots by the BIOS.
make_cd() {
	cp "$kernel" "$1/vmlinuz"
	cp "$isolinux" "$ldlinux" "$live/tiny/isolinux.cfg" "$1/"
	chmod 644 "$1"/*
	find "$1" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
	xorriso -as mkisofs -quiet -o "$dir/cd.iso" -V "$2" -R -no-pad \
		-b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$1" 2>"$dir/log" || {
		cat "$dir/log" >&2
		exit 1
	}
	mv "$dir/cd.iso" "$3"
}
