#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.t - the demo does all that it shows, leaves a picture, and nothing else
. "$(dirname "$0")/../lib.sh"
rm -f "$BUILD/demo/picture.png"
"$TOP/tests/demo/run" >"$WORK/out" 2>"$WORK/err"
is $? 0 "it exits 0" || { tail -n 40 "$WORK/out" "$WORK/err" | sed 's/^/#   /'; }
out=$(<"$WORK/out")
like "$out" 'Done in [0-9]+ s' "it says that every step happened"
like "$(file -b "$BUILD/demo/picture.png")" 'PNG image data, 240 x 160' "it leaves the picture"
for n in 1 2 3; do like "$out" "vm$n: ping vm[123] ok" "vm$n reached its neighbour"; done
like "$out" 'total charged [0-9]+\.[0-9]+' "it prints the receipt"
folder=$(grep -o '/tmp/cpushare-[A-Za-z0-9]*' "$WORK/out" | head -n 1)
like "$folder" '^/tmp/cpushare-' "it worked in a folder of its own"
run=$(basename "$folder" | tr -dc A-Za-z0-9 | tail -c 5)
like "$out" "five network namespaces" "in namespaces of its own"
is "$(ip netns list | grep "^$run-")" "" "none of them is left"
is "$(grep -la -- "$folder" /proc/[0-9]*/cmdline 2>/dev/null)" "" "none of its processes is left"
is "$(ls -d "$folder" 2>/dev/null)" "" "nor is the folder"
done_testing
