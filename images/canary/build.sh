#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT.iso - the canary: a CD whose boot sector writes one byte to a port and halts
#
# Whether an accelerator really runs guests is found out by booting this under it:
#   qemu-system-x86_64 -machine q35,accel=X -m 64 -nodefaults -no-user-config -display none \
#       -device isa-debug-exit,iobase=0xf4,iosize=1 -cdrom OUT.iso
# QEMU's isa-debug-exit ends QEMU with (byte << 1) | 1, so the status is 33 for 0x10. Anything else, a deadline included,
# means that guests do not run. The boot is El Torito without emulation: a bare 512-byte disk would not boot on q35.
set -euo pipefail

out=${1:?usage: build.sh OUT.iso}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/cd"

# The sector, as the BIOS loads it to 0000:7c00 in real mode:
#   ba f4 00    mov dx, 0x00f4
#   b0 10       mov al, 0x10
#   ee          out dx, al
#   fa          cli                 reached only where no isa-debug-exit device is there: sleep for good
#   f4          hlt
#   eb fd       jmp back to hlt
{
	printf '\xba\xf4\x00\xb0\x10\xee\xfa\xf4\xeb\xfd'
	head -c 500 /dev/zero
	printf '\x55\xaa'
} >"$dir/cd/boot.bin"
[ "$(stat -c %s "$dir/cd/boot.bin")" = 512 ]

# All dates come from here, so that two builds give the same bytes.
export SOURCE_DATE_EPOCH=1700000000
touch -d "@$SOURCE_DATE_EPOCH" "$dir/cd/boot.bin" "$dir/cd"
xorriso -as mkisofs -quiet -o "$dir/canary.iso" -V CPUSHARE_CANARY -no-pad \
	-b boot.bin -c boot.cat -no-emul-boot -boot-load-size 1 "$dir/cd" 2>"$dir/log" || {
	cat "$dir/log" >&2
	exit 1
}
mv "$dir/canary.iso" "$out"
