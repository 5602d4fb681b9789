#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# apparmor.t - the AppArmor profile is one that its parser takes, and names what vmrun starts
#
# Whether a kernel enforces it is not asked: the kernels that this runs on need not have AppArmor.
. "$(dirname "$0")/../lib.sh"
PROFILE=$TOP/packaging/apparmor/cpushare-vmrun

ok "the profile compiles" apparmor_parser --skip-kernel-load --skip-cache "$PROFILE"
is "$(apparmor_parser --names "$PROFILE" 2>/dev/null)" cpushare-vmrun "it is one profile"
{ cat "$PROFILE"; echo '}'; } >"$WORK/broken"
apparmor_parser --skip-kernel-load --skip-cache "$WORK/broken" >/dev/null 2>&1
isnt $? 0 "a broken one does not"
for program in $(grep -hoE '#define (BWRAP|JAIL_QEMU|SCRATCH_MAKER) "[^"]*"' "$TOP"/seller/vm/*.[ch] | cut -d'"' -f2); do
	like "$(<"$PROFILE")" "	$program mrix," "it lets vmrun start $program, without a profile of its own"
done
is "$(grep -cE '^	deny network (inet|inet6|packet|vsock),' "$PROFILE")" 4 "it has no network"
is "$(grep -E '(ux|Ux|px|Px|cx|Cx)\b' "$PROFILE" | grep -vE '^#')" "" "nothing leaves the profile"
done_testing
