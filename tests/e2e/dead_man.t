#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dead_man.t [N] - when vmrun is killed, its jail and its QEMU are gone; 10 times, or N: make dead-man N=100
#
# Each time at another moment of its life: while the jail is built, while libvirt starts QEMU, while the guest boots.
. "$(dirname "$0")/../lib.sh"
N=${1:-10}
UNPRIVILEGED=64995
VMRUN=$BUILD/bin/cpushare-vmrun
[ "$(id -u)" = 0 ] || UNPRIVILEGED=0

tree() { # PID: its descendants
	local child
	for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		echo "$child"
		tree "$child"
	done
}
lives() { # PID...: any of them, but for the dead that wait for a slow init
	local pid
	for pid; do case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in '' | Z* | X*) ;; *) return 0 ;; esac; done
	return 1
}
gone() { ! lives $pids; }
has_jail() { [ -n "$(tree "$outer")" ]; }
is_qemu() { local p; for p in $(tree "$outer"); do [ "$(cat /proc/"$p"/comm 2>/dev/null)" != qemu-system-x86 ] || return 0; done; return 1; }
cut=0 with_qemu=0 slowest_ms=0
for ((i = 0; i < N; i++)); do
	dir=$WORK/lease$i
	mkdir -m 0700 "$dir"
	ln "$TINY" "$dir/image.iso" 2>/dev/null || cp "$TINY" "$dir/image.iso"
	cat >"$dir/vm.json" <<-END
		{ "lease": "0193f0a0-1111-7222-8333-444455556666", "name": "vm1", "cores": 1, "memory_mib": 96,
		  "mac": "52:54:00:12:34:56", "accel": "tcg", "uid": $UNPRIVILEGED, "cdrom_bus": "scsi", "port": "dgram" }
	END
	setsid "$VMRUN" "$dir" >"$WORK/log" 2>&1 &
	outer=$!
	disown
	cleanup "kill -KILL $outer"
	# Mostly once QEMU is there; else as soon as there is a jail.
	if ((i % 5)); then within 60 is_qemu && with_qemu=$((with_qemu + 1)); else within 60 has_jail; fi
	pids=$(tree "$outer")
	kill -KILL "$outer"
	killed_ms=$(date +%s%3N)
	while lives $pids && [ $(($(date +%s%3N) - killed_ms)) -lt 10000 ]; do sleep 0.01; done
	ms=$(($(date +%s%3N) - killed_ms))
	[ $ms -le $slowest_ms ] || slowest_ms=$ms
	gone && [ -n "$pids" ] && cut=$((cut + 1))
	rm -rf "$dir"
done
is "$cut" "$N" "each time all of the jail was gone"
[ $with_qemu -ge $((N * 4 / 5)) ]
is $? 0 "$with_qemu times QEMU was in it"
note "the slowest took $slowest_ms ms, with what asking takes"
done_testing
