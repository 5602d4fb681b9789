# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# n2n.sh - n2n, layer 2, its supernode on the one side
PACKAGES+=(n2n)
start_n2n() {
	local end
	exec_in supernode -l 7654 >"$W/supernode.log" 2>&1 &
	for end in 0 1; do
		daemon n2n $end edge -d n2n$end -a 10.$NUMBER.1.$((end + 1)) -s 255.255.0.0 -c bench -k bench -l 192.0.2.1:7654 -M $MTU
	done
	interfaces n2n n2n
}
