#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isolation.t - from inside a real guest the seller's loopback, its LAN, the internet and others' guests are not there
#
# The seller lives in a namespace with a LAN, where a listener waits on its loopback, on its LAN address, on a neighbour's and on an
# "internet" address behind its default route. Two buyers' guests run side by side: one tries to reach the listeners with what any
# image has, the other is images/hostile. What came of it is looked at from outside. That the listeners can be reached at all is shown from
# the seller itself, and by the hostile program in a machine that has not our guests' network.
. "$(dirname "$0")/../lib.sh"
RUN=iso$$
NS=$RUN-seller

in_seller() { ip netns exec "$NS" "$@"; }
listen() { # NAMESPACE ADDRESS
	ip netns exec "$1" socat "TCP-LISTEN:7777,bind=$2,fork,reuseaddr" SYSTEM:'echo reached' 2>/dev/null &
	cleanup "end $!"
}
for ns in "$NS" "$RUN-lan"; do ip netns add "$ns" && cleanup "ip netns del $ns"; done
ip link add eth0 netns "$NS" type veth peer name eth0 netns "$RUN-lan"
ip -n "$NS" addr add 192.168.7.2/24 dev eth0
ip -n "$RUN-lan" addr add 192.168.7.1/24 dev eth0
ip -n "$RUN-lan" addr add 203.0.113.5/32 dev lo
for ns in "$NS" "$RUN-lan"; do ip -n "$ns" link set lo up && ip -n "$ns" link set eth0 up; done
ip -n "$NS" route add default via 192.168.7.1
listen "$NS" 127.0.0.1
listen "$NS" 192.168.7.2
listen "$RUN-lan" 192.168.7.1
listen "$RUN-lan" 203.0.113.5
reach() { [ "$(in_seller timeout 3 socat -u "TCP:$1:7777,connect-timeout=2" - 2>/dev/null)" = reached ]; }
for address in 127.0.0.1 192.168.7.2 192.168.7.1 203.0.113.5; do
	ok "the seller itself reaches $address" within 20 reach "$address"
done

[ -r "$BUILD/images/hostile.iso" ] || bail "the hostile image is not built: make $BUILD/images/hostile.iso"
cp "$BUILD/images/hostile.iso" "$WORK/hostile.iso"
xorriso -osirrox on -indev "$WORK/hostile.iso" -extract /vmlinuz "$WORK/vmlinuz" -extract /initrd "$WORK/initrd" 2>/dev/null
mkdir "$WORK/seed"
printf 'instance-id: open\nlocal-hostname: open\n' >"$WORK/seed/meta-data"
printf '#!/bin/sh\nhostile connections >/dev/console 2>&1; sleep 1; poweroff -f\n' >"$WORK/seed/user-data"
xorriso -as mkisofs -quiet -V cidata -R -o "$WORK/open.iso" "$WORK/seed" 2>/dev/null
in_seller timeout 400 qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m 192 -display none -nodefaults -no-user-config -serial "file:$WORK/open" \
	-kernel "$WORK/vmlinuz" -initrd "$WORK/initrd" -append "console=ttyS0 quiet loglevel=3 panic=-1 cryptomgr.notests no_timer_check" \
	-device virtio-scsi-pci -drive "file=$WORK/open.iso,format=raw,if=none,id=b,readonly=on" -device scsi-cd,drive=b \
	-netdev user,id=n -device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci &
cleanup "end $!"
# What leaves the seller's machine by others than root, who runs the open machine; but for its asking the router for a port (PCP, NAT-PMP).
in_seller nft -f - <<'N'
table inet watch {
	chain out {
		type filter hook output priority 0
		meta skuid != 0 oifname "eth0" udp dport != 5351 counter
		meta skuid != 0 oifname "eth0" meta l4proto { tcp, icmp } counter
	}
}
N
left() { in_seller nft list chain inet watch out | grep -o 'packets [0-9]*' | awk '{n += $2} END {print n}'; }

IN="ip netns exec $NS" MARKET_LISTEN=127.0.0.1:8443
export IN
start_market
as_there() { as "$1" ip netns exec "$NS" "${@:2}"; }
sign_up() { as_there "$1" cpushare signup --market "$URL" --pin "$PIN" --email "$1@example.org" --name "$1" -q; }
pay_in() { local d; d=$(as_there "$1" cpushare funds add 10 -o name) && as_there operator cpushare funds confirm "$d" -q; }
ok "operator, two buyers and a seller sign up" eval 'sign_up operator && sign_up buyer && sign_up other && sign_up seller'
ok "the operator is made one" eval 'cpushare-market operator grant operator@example.org --data "$MARKET_DATA" && as_there operator cpushare login --email operator@example.org -q'
ok "the buyers have funds" eval 'pay_in buyer && pay_in other'
as_there seller cpushare token create --scope machines --name m -o name >"$WORK/token"
ok "the seller's machine is set up" in_seller cpushare-seller setup --state "$WORK/seller" --market "$URL" --pin "$PIN" \
	--token-file "$WORK/token" --name m --accel tcg --cores 2 --memory 1G
equal_share seller
start_seller seller

cat >"$WORK/tiny-data" <<'G'
#!/bin/sh
# Everything that a guest could hope to reach of its host's world. Each line says what came back.
say() { echo "$*" >/dev/console; }
try() { say "PROBE $1 tcp $2: $(echo | timeout 4 nc -w 3 "$2" 7777 2>/dev/null | head -n 1 | grep -c reached)"; }
for address in 127.0.0.1 10.77.0.1 10.77.255.254 192.168.7.2 192.168.7.1 203.0.113.5 10.0.2.2 169.254.169.254; do try plain $address & done
wait
# The same with a route that the guest makes itself, through its own LAN's responder.
ip route add default via 10.77.255.254 dev eth0 2>/dev/null || ip route add default dev eth0
for address in 192.168.7.2 192.168.7.1 203.0.113.5; do try routed $address & done
ping -c 1 -W 2 192.168.7.1 >/dev/null 2>&1 && say "PROBE routed ping: 1" || say "PROBE routed ping: 0"
wait
# The seller's LAN addresses taken for its own, so that it can ARP for the neighbours directly.
ip addr add 192.168.7.77/24 dev eth0
for address in 192.168.7.2 192.168.7.1; do try neighbour $address & done
ping -c 1 -W 2 192.168.7.1 >/dev/null 2>&1 && say "PROBE neighbour ping: 1" || say "PROBE neighbour ping: 0"
wait
say "PROBE end: $(ls /sys/class/net | grep -vc '^lo$') interface"
n=0
while :; do say "ALIVE $((n += 1)) $(cat /sys/class/net/eth0/statistics/rx_packets)"; sleep 1; done
G
printf '#!/bin/sh\nhostile >/dev/console 2>&1\n' >"$WORK/hostile-data"
ok "the images are uploaded" eval 'as_there buyer cpushare image upload "$WORK/hostile.iso" -q && as_there other cpushare image upload "$TINY" -q'
rent() { # USER IMAGE [OPTION...]
	as_there "$1" cpushare order create "${@:3}" --image "$2.iso" --memory 160M --max-price 1 --user-data "$WORK/$2-data" -o name
}
order=$(rent other tiny) attack=$(rent buyer hostile --display vga)
runs() { [ "$(as_there "$1" cpushare node show "$2/vm1" -o json | jq -r .state)" = running ]; }
ok "one buyer's guest runs" within 180 runs other "$order"
ok "and beside it the hostile one" within 180 runs buyer "$attack"
lease_of() { dirname "$(grep -l "$1" "$WORK"/seller/leases/*/lease.json)"; }
lease=$(lease_of "$attack") neighbour=$(lease_of "$order")

# The hostile console is flooded at the end: what was printed before is read while it prints, on the seller's disk.
attempts() { { cat "$WORK/attempts"; tr -d '\r' <"$lease/console.log" | grep -a '^ATTEMPT'; } 2>/dev/null | sort -u >"$WORK/more"; mv "$WORK/more" "$WORK/attempts"; }
# Its screen is looked at all the while: QEMU draws whatever it has made of its VGA card.
pictures=0
look() { api GET "/v1/leases/${lease##*/}/screen" "" "$(user_token buyer)" && [ "$STATUS" = 200 ] && pictures=$((pictures + 1)); }
attempted() { attempts; look; grep -q 'ATTEMPTS END' "$WORK/attempts"; }
ok "the hostile guest has tried everything" within 240 attempted
tried=$(grep -c '^ATTEMPT ' "$WORK/attempts")
[ "$tried" -ge 80 ]
is $? 0 "at least 80 attempts: $tried"
[ "$pictures" -gt 0 ]
is $? 0 "its screen was seen $pictures times"
# The name server of its own network may answer.
is "$(grep REACHED "$WORK/attempts" | grep -v 'udp 10.77.255.254 53')" "" "it reached nothing"
is "$(grep -E '(write to|writing): taken' "$WORK/attempts")" "" "its disc took nothing"
ok "it goes on, as it is paid for" runs buyer "$attack"
ok "the seller's daemon is well" cpushare-seller status --state "$WORK/seller" -o json
alive() { tr -d '\r' <"$neighbour/console.log" | grep -a '^ALIVE' | tail -n 1; }
finished() { [ -n "$(alive)" ]; }
ok "the other's guest has tried everything, too" within 180 finished
probes=$(tr -d '\r' <"$neighbour/console.log" | grep -a '^PROBE')
is "$(grep -c 'PROBE .* tcp' <<<"$probes")" 13 "thirteen addresses were tried"
is "$(grep -vE ': 0$|end' <<<"$probes")" "" "and none was reached"
like "$probes" 'PROBE end: 1 interface' "the guest has one network card"
before=$(alive | awk '{print $2}')
goes_on() { [ "$(alive | awk '{print $2}')" -gt "$before" ]; }
ok "the other's guest goes on" within 60 goes_on
rx=$(alive | awk '{print $3}')
[ "${rx:-9999}" -lt 1000 ]
is $? 0 "and saw none of seven thousand broadcasts: it received $rx frames in all"
is "$(left)" 0 "nothing left the seller's machine"
is "$(sha256sum <"$lease/image.iso")" "$(sha256sum <"$WORK/hostile.iso")" "the image is as it was"
[ "$(du -sk --exclude='*.iso' "$lease" | cut -f1)" -lt 2048 ]
is $? 0 "on the seller's disk are less than 2 MiB of it"
tree() { local child; for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do echo "$child"; tree "$child"; done; }
processes=$(tree "$(<"$lease/vmrun.pid")")
[ "$(wc -w <<<"$processes")" -lt 10 ]
is $? 0 "its bomb made processes in the guest, and none on the seller's machine"
for qemu in $processes; do [ "$(cat /proc/$qemu/comm)" != qemu-system-x86 ] || break; done
is "$(nsenter -t "$qemu" -n ip -o link 2>/dev/null | grep -vc ' lo:')" 0 "QEMU's own network namespace has nothing but loopback"
as_there buyer cpushare order cancel "$attack" -q
ok "the orders end" eval 'as_there other cpushare order cancel "$order" --wait --timeout 2m && as_there buyer cpushare order cancel "$attack" --wait --timeout 2m'

open_ended() { grep -qa 'ATTEMPTS END' "$WORK/open"; }
ok "without the jail's network the same program runs to its end" within 140 open_ended
for address in 10.0.2.2 192.168.7.1 192.168.7.2 203.0.113.5; do
	like "$(tr -d '\r' <"$WORK/open" | grep -a "tcp $address 7777")" REACHED "and reaches $address"
done
done_testing
