#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ports.t - a lease's QEMU and endpoint by each kind of port: one guest of each kind on one ethernet, each talking to all others
#
# Real jails and guests, no market: the test writes what the daemon would and introduces the endpoints to each other. MTU 8900, so that
# the largest frames are ten times the usual. At the end all endpoints are killed and started anew while the guests run.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root: the endpoints get a network of their own"
if [ -z "${PORTS_INSIDE:-}" ]; then
	PORTS_INSIDE=1 unshare --net "$0"
	exit $?
fi
ip link set lo up
KINDS=(dgram stream vhost-user)
MTU=8900 UID_FIRST=64900
NETWORK=0193f0a0-0000-7222-8333-444455556666
# A VLAN's interface is a module that the tiny image has no use for.
IMAGE=$WORK/tiny-vlan.iso
ok "the image is built" env MODULES_TOO=8021q "$TOP/images/tiny/build.sh" "$IMAGE"
chmod 644 "$IMAGE"

dir() { echo "$WORK/leases/vm$1"; }
ip_of() { echo "10.77.1.$1"; }
member() { # NUMBER: as the market introduces it
	local status=${2:-{\}}
	jq -nc --arg n "$1" --argjson s "$status" '{id: "0193f0a0-\($n)111-7222-8333-444455556666", name: "vm\($n)",
		mac: "52:54:00:00:00:0\($n)", ip: "10.77.1.\($n)"} + ($s | {pin, candidates} | with_entries(select(.value)))'
}

# Tries everything with each other guest, then tells who goes and who comes back.
user_data() { # NUMBER
	cat <<END
#!/bin/sh
me=$1 count=${#KINDS[@]}
END
	cat <<'END'
others=$(for n in $(seq $count); do [ $n = $me ] || echo $n; done)
say() { echo "PORTS $*" >/dev/console; }
say features $(cat /sys/class/net/eth0/device/features) mtu $(cat /sys/class/net/eth0/mtu)
dd if=/dev/urandom of=/tmp/data bs=64k count=48 2>/dev/null
sha256sum </tmp/data >/tmp/sum
nc -ll -p 81 -e cat /tmp/sum &
nc -ll -p 82 -e cat /tmp/data &
get() { timeout "$3" nc -w 5 10.77.1.$1 $2 </dev/null; }
ip link add link eth0 name eth0.5 type vlan id 5 && ip link set eth0.5 up
alive() { ping -c 1 -W 1 10.77.1.$1 >/dev/null 2>&1; }
for n in $others; do
	until alive $n; do sleep 1; done
	ping -c 3 -W 2 -A 10.77.1.$n >/dev/null && say $n ping
	ping -c 3 -W 2 -A -s 8872 10.77.1.$n >/dev/null && say $n jumbo
	until want=$(get $n 81 10) && [ -n "$want" ]; do sleep 1; done
	[ "$(get $n 82 60 | sha256sum)" = "$want" ] && say $n tcp
done
# The member's address on the VLAN too: an endpoint looks through tags.
ip addr add 10.77.1.$me/32 dev eth0.5
for n in $others; do ip route add 10.77.1.$n/32 dev eth0.5 src 10.77.1.$me; done
for n in $others; do
	until ping -c 1 -W 1 -I eth0.5 10.77.1.$n >/dev/null 2>&1; do sleep 1; done
	before=$(cat /sys/class/net/eth0.5/statistics/rx_packets)
	ping -c 3 -W 2 -A -s 8872 -I eth0.5 10.77.1.$n >/dev/null && [ $(cat /sys/class/net/eth0.5/statistics/rx_packets) -ge $((before + 3)) ] &&
		say $n vlan
done
say done
for n in $others; do
	(while :; do
		while alive $n; do sleep 1; done
		say $n lost
		until alive $n; do sleep 1; done
		say $n back
	done) &
done
wait
END
}

lease() { # NUMBER KIND
	local d uid=$((UID_FIRST + $1))
	d=$(dir "$1")
	mkdir -p -m 711 "$WORK/leases"
	mkdir -m 711 "$d" "$d/seed"
	ln "$IMAGE" "$d/image.iso"
	printf 'instance-id: vm%s\nlocal-hostname: vm%s\n' "$1" "$1" >"$d/seed/meta-data"
	user_data "$1" >"$d/seed/user-data"
	xorriso -as mkisofs -quiet -V cidata -o "$d/cidata.iso" "$d/seed" 2>/dev/null
	chmod 644 "$d/cidata.iso"
	install -d -m 700 -o "$uid" -g "$uid" "$d/net"
	jq -n --arg n "$1" --arg port "$2" --argjson uid "$uid" '{lease: "0193f0a0-\($n)111-7222-8333-444455556666", name: "vm\($n)", cores: 1,
		memory_mib: 192, mac: "52:54:00:00:00:0\($n)", accel: "tcg", $uid, cdrom_bus: "scsi", $port}' >"$d/vm.json"
	jq -n --arg id $NETWORK --argjson mtu $MTU --argjson self "$(member "$1")" --arg port "$2" --argjson uid "$uid" \
		'{network: {$id, subnet: "10.77.0.0", prefix_len: 16, $mtu}, $self, $port, $uid}' >"$d/net.json"
}
endpoint() { # NUMBER
	cpushare-seller endpoint "$(dir "$1")" >>"$(dir "$1")/net.log" 2>&1 &
	ENDPOINT[$1]=$!
}
end_endpoints() {
	local n
	for n in "${!ENDPOINT[@]}"; do end "${ENDPOINT[$n]}" KILL; done
}
ask() { printf '%s' "$2" | timeout 5 socat -t 4 -b 100000 - "UNIX-CONNECT:$(dir "$1")/net.sock,type=5" 2>/dev/null; }
status() { ask "$1" '{"ask":"status"}'; }
introduce() {
	local n peers=()
	for n in "${!ENDPOINT[@]}"; do
		within 10 status "$n" || return 1
		peers+=("$(member "$n" "$(status "$n")")")
	done
	peers=$(printf '%s\n' "${peers[@]}" | jq -sc .)
	for n in "${!ENDPOINT[@]}"; do
		[ "$(ask "$n" "{\"ask\":\"peers\",\"peers\":$peers}")" = "{}" ] || return 1
	done
}
console() { tr -d '\r\0' <"$(dir "$1")/console.log" 2>/dev/null; }
says() { console "$1" | grep -aq "^PORTS $2"; }
times() { console "$1" | grep -ac "^PORTS $2"; }

declare -A ENDPOINT VMRUN
cleanup end_endpoints
for i in "${!KINDS[@]}"; do
	lease $((i + 1)) "${KINDS[i]}"
	endpoint $((i + 1))
done
ok "an endpoint by each kind of port: ${KINDS[*]}" introduce
for n in "${!ENDPOINT[@]}"; do
	cpushare-vmrun "$(dir "$n")" >"$(dir "$n")/vmrun.log" 2>&1 &
	VMRUN[$n]=$!
	cleanup "end $! KILL"
done
for n in "${!ENDPOINT[@]}"; do
	ok "the guest by ${KINDS[n - 1]} is done" within 300 says "$n" done || { console "$n"; cat "$(dir "$n")"/*.log; } | tail -n 40 | sed 's/^/# /'
done
for n in "${!ENDPOINT[@]}"; do
	for other in "${!ENDPOINT[@]}"; do
		[ "$n" != "$other" ] || continue
		for what in ping jumbo tcp vlan; do
			ok "${KINDS[n - 1]} to ${KINDS[other - 1]}: $what" says "$n" "$other $what"
		done
	done
	like "$(console "$n" | grep -a '^PORTS features')" "mtu $MTU$" "${KINDS[n - 1]}: the guest has the network's MTU"
	is "$(status "$n" | jq .spoofed)" 0 "${KINDS[n - 1]}: nothing of it was taken for forged"
done

end_endpoints
# A guest looks each second: before it has missed the others it cannot find them again.
misses() { [ "$(times "$1" "$2 lost")" -gt "$(times "$1" "$2 back")" ]; }
regains() { ! misses "$@" && says "$1" "$2 back"; }
for n in "${!ENDPOINT[@]}"; do
	for other in "${!ENDPOINT[@]}"; do
		[ "$n" = "$other" ] || ok "${KINDS[n - 1]} misses ${KINDS[other - 1]} when all endpoints are killed" within 30 misses "$n" "$other"
	done
done
for n in "${!ENDPOINT[@]}"; do
	endpoint "$n"
done
ok "they start anew" introduce
for n in "${!ENDPOINT[@]}"; do
	for other in "${!ENDPOINT[@]}"; do
		[ "$n" = "$other" ] || ok "${KINDS[n - 1]} reaches ${KINDS[other - 1]} again" within 90 regains "$n" "$other"
	done
	kill -0 "${VMRUN[$n]}"
	is $? 0 "${KINDS[n - 1]}: the same machine all the time"
done
done_testing
