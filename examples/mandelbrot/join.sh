#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# join.sh TILE.ppm ... >PICTURE.ppm - puts bands of one width, the topmost first, one below the other
#
# Each is binary PPM as user-data writes it: the lines "P6", "WIDTH HEIGHT" and "255", then the pixels.
set -euo pipefail

[ $# -gt 0 ] || {
	echo "usage: join.sh TILE.ppm ... >PICTURE.ppm" >&2
	exit 2
}
width='' height=0
for tile; do
	magic='' depth=''
	[ ! -r "$tile" ] || { read -r magic && read -r w h && read -r depth; } <"$tile" || magic=''
	if [[ "$magic $depth" != 'P6 255' || ! "$w $h" =~ ^[1-9][0-9]{0,4}\ [1-9][0-9]{0,4}$ || $w != "${width:=$w}" ]] ||
		[ "$(tail -n +4 "$tile" | wc -c)" != $((3 * w * h)) ]; then
		echo "join.sh: $tile is not a whole band of ${width:-?} pixels" >&2
		exit 1
	fi
	height=$((height + h))
done
printf 'P6\n%d %d\n255\n' "$width" "$height"
for tile; do
	tail -n +4 "$tile"
done
