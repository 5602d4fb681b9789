# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# vnet-gcm.sh - our own, sealing by AES-256-GCM as it does where a processor or an owner wants it so
start_vnet-gcm() {
	local end
	mkdir "$W/vnet-gcm"
	for end in 0 1; do
		daemon vnet-gcm $end env CPUSHARE_VNET_WITHOUT=aegis-128l \
			"$BUILD/tests/bench/endpoint" "$W/vnet-gcm" $end 192.0.2.$((2 - end)) gcm$end 41643 $NUMBER
	done
	interfaces vnet-gcm gcm
}
