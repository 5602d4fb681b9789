#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.t - the demo does all that it shows, leaves a picture, and nothing else
. "$(dirname "$0")/../lib.sh"
before=$(ip netns list | sort)
ours() { pgrep -x 'cpushare-(market|seller|vmrun)|qemu-system-x86|postgres' | wc -l; }
processes=$(ours)
rm -f "$BUILD/demo/picture.png"
"$TOP/tests/demo/run" >"$WORK/out" 2>"$WORK/err"
is $? 0 "it exits 0" || { tail -n 40 "$WORK/out" "$WORK/err" | sed 's/^/#   /'; }
out=$(<"$WORK/out")
like "$out" 'Done in [0-9]+ s' "it says that every step happened"
like "$(file -b "$BUILD/demo/picture.png")" 'PNG image data, 240 x 160' "it leaves the picture"
for n in 1 2 3; do like "$out" "vm$n: ping vm[123] ok" "vm$n reached its neighbour"; done
like "$out" 'total charged [0-9]+\.[0-9]+' "it prints the receipt"
is "$(ip netns list | sort)" "$before" "its namespaces are gone"
ok "and so are its processes" within 20 eval '[ "$(ours)" -le "$processes" ]'
is "$(ls -d /tmp/cpushare-??????/seller1 2>/dev/null | wc -l)" 0 "and so are its folders"
done_testing
