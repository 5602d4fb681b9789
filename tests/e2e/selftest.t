#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# selftest.t - `cpushare-seller selftest` names what is missing and what mends it; each layer that is taken away is missed
. "$(dirname "$0")/../lib.sh"

# Where PATH has only what is named, and the machine is not set up.
selftest() { "${AS[@]}" cpushare-seller selftest --state "$WORK/none" -o json 2>/dev/null; }
line() { jq -r --arg n "$1" '.checks[] | select(.name == $n) | .state'; }
AS=()
all=$(selftest)
is $? 1 "a machine that is not set up is told so"
is "$(jq -r '.checks | map(.name) | join(" ")' <<<"$all")" \
	"kvm qemu libvirt namespaces landlock seccomp cgroups politeness disk clock market nat" "every layer and condition has its line"
is "$(jq -r '[.checks[] | select((.state == "ok") != (.fix == ""))] | length' <<<"$all")" 0 "what is not well, and nothing else, has what mends it"
is "$(line market <<<"$all")" bad "it has no market"
for name in qemu libvirt namespaces seccomp; do is "$(line "$name" <<<"$all")" ok "$name is there"; done
like "$(jq -r '.checks[] | select(.name == "politeness") | .detail' <<<"$all")" 'gets [0-9]+\.[0-9]+ % of a processor' "politeness is measured"

mkdir "$WORK/bin"
for program in true env; do ln -s "$(command -v $program)" "$WORK/bin/"; done
AS=(env "PATH=$WORK/bin:$BUILD/bin")
bare=$(selftest)
is "$(line qemu <<<"$bare") $(line namespaces <<<"$bare")" "bad bad" "QEMU and bubblewrap are missed where they are not installed"
if [ "$(id -u)" = 0 ]; then
	AS=(unshare -m sh -c 'mount -t tmpfs none /sys/fs/cgroup && mount -t tmpfs none /proc/sys/kernel/seccomp && exec "$@"' sh)
	hidden=$(selftest)
	is "$(line cgroups <<<"$hidden") $(line seccomp <<<"$hidden")" "less bad" "so are control groups, and system call filters"
	AS=(unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' sh)
	is "$(selftest | line namespaces)" bad "and further namespaces, where none may be made"
fi
table=$(cpushare-seller selftest --state "$WORK/none")
like "$table" 'bad +market .*mend it: cpushare-seller setup' "the same in words"
[ -z "$(find /sys/fs/cgroup -name 'selftest-*' 2>/dev/null)" ]
is $? 0 "nothing is left of it"
done_testing
