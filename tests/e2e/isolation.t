#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isolation.t - from inside a real guest the seller's loopback, its LAN and the internet are not there
#
# The seller lives in a namespace with a LAN, where a listener waits on its loopback, on its LAN address, on a neighbour's and on an
# "internet" address behind its default route. The guest tries them all. That the listeners can be reached at all is shown from the
# seller itself.
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
	ok "the seller itself reaches $address" within 5 reach "$address"
done

IN="ip netns exec $NS" MARKET_LISTEN=127.0.0.1:8443
export IN
start_market
as_there() { as "$1" ip netns exec "$NS" "${@:2}"; }
sign_up() { as_there "$1" cpushare signup --market "$URL" --pin "$PIN" --email "$1@example.org" --name "$1" -q; }
ok "operator, buyer and seller sign up" eval 'sign_up operator && sign_up buyer && sign_up seller'
ok "the operator is made one" eval 'cpushare-market operator grant operator@example.org --data "$MARKET_DATA" && as_there operator cpushare login --email operator@example.org -q'
ok "the buyer has funds" eval 'd=$(as_there buyer cpushare funds add 10 -o name) && as_there operator cpushare funds confirm "$d" -q'
as_there seller cpushare token create --scope machines --name m -o name >"$WORK/token"
ok "the seller's machine is set up" in_seller cpushare-seller setup --state "$WORK/seller" --market "$URL" --pin "$PIN" \
	--token-file "$WORK/token" --name m --accel tcg --cores 1 --memory 512M
equal_share seller
start_seller seller

cat >"$WORK/user-data" <<'G'
#!/bin/sh
# Everything that a guest could hope to reach of its host's world. Each line says what came back.
try() { echo "PROBE tcp $1 $2: $(echo | timeout 4 nc -w 3 "$1" "$2" 2>/dev/null | head -n 1 | grep -c reached)"; }
for address in 127.0.0.1 10.77.0.1 10.77.255.254 192.168.7.2 192.168.7.1 203.0.113.5 10.0.2.2 169.254.169.254; do try $address 7777; done
# The same with a route that the guest makes itself, through its own LAN's responder.
ip route add default via 10.77.255.254 dev eth0 2>/dev/null || ip route add default dev eth0
for address in 192.168.7.2 192.168.7.1 203.0.113.5; do try $address 7777; done
ping -c 1 -W 2 192.168.7.1 >/dev/null 2>&1 && echo "PROBE ping lan: 1" || echo "PROBE ping lan: 0"
# The seller's LAN addresses taken for its own, so that it can ARP for the neighbours directly.
ip addr add 192.168.7.77/24 dev eth0
for address in 192.168.7.2 192.168.7.1; do try $address 7777; done
ping -c 1 -W 2 192.168.7.1 >/dev/null 2>&1 && echo "PROBE ping neighbour: 1" || echo "PROBE ping neighbour: 0"
echo "PROBE end: $(ls /sys/class/net | grep -vc '^lo$') interface"
G
ok "the image is uploaded" as_there buyer cpushare image upload "$TINY" -q
order=$(as_there buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --user-data "$WORK/user-data" --wait \
	--timeout 3m -o name)
is "$?" 0 "the guest runs"
console() { as_there buyer cpushare node console "$order/vm1" | tr -d '\r'; }
finished() { console | grep -q 'PROBE end'; }
ok "the guest has tried everything" within 180 finished
probes=$(console | grep -a '^PROBE')
is "$(grep -c 'PROBE tcp' <<<"$probes")" 13 "thirteen addresses were tried"
is "$(grep -vE ': 0$|end' <<<"$probes")" "" "and none was reached"
like "$probes" 'PROBE end: 1 interface' "the guest has one network card"
qemu=$(pgrep -f -- "-name .*guest=.*vm1|-netdev dgram" | head -n 1)
[ -n "$qemu" ] && is "$(nsenter -t "$qemu" -n ip -o link 2>/dev/null | grep -vc ' lo:')" 0 "QEMU's own network namespace has nothing but loopback"
ok "the order ends" as_there buyer cpushare order cancel "$order" --wait --timeout 2m
done_testing
