# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# vde2.sh - a VDE switch that both namespaces are plugged into: local, nothing sealed, no UDP
PACKAGES+=(vde2)
start_vde2() {
	local end
	vde_switch -s "$W/vde" -d -p "$W/vde.pid" # on a terminal's end it would end
	PIDS[vde2]=$(cat "$W/vde.pid")
	for end in 0 1; do daemon vde2 $end vde_plug2tap -s "$W/vde" vde$end; done
	interfaces vde2 vde
}
