#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mtu.t - an order says its network's MTU: two VMs and the buyer's machine take it, and full frames go whole between them
. "$(dirname "$0")/../lib.sh"
start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 10 && new_seller desk'
start_seller desk
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
rent=(order create --image tiny.iso --count 2 --memory 160M --max-price 1)
for mtu in 575 9001 much; do
	ok "an MTU of $mtu is refused" eval '! as buyer cpushare "${rent[@]}" --mtu $mtu -q'
done
# Linux sends what fits with "don't fragment"; its counters tell of what did not go whole.
cat >"$WORK/user-data" <<'S'
#!/bin/sh
other=$(hostname | tr 12 21)
until ping -c 1 -W 1 $other >/dev/null 2>&1; do sleep 1; done
# ReasmReqds, FragFails, FragCreates
fragments() { awk '/^Ip: [0-9]/ { print $15 + $19 + $20 }' /proc/net/snmp; }
before=$(fragments)
ping -c 5 -W 5 -A -s 8800 $other >/dev/null && echo "LARGE mtu $(cat /sys/class/net/eth0/mtu) fragments $(($(fragments) - before))"
S
ok "an order with an MTU of 8900" as buyer cpushare "${rent[@]}" --mtu 8900 --name job --user-data "$WORK/user-data" -q
is "$(as buyer cpushare order show job -o json | jq .mtu)" 8900 "which it has"
console() { as buyer cpushare node console "job/$1" | tr -d '\r'; }
large() { console "$1" | grep -aq '^LARGE'; }
for vm in vm1 vm2; do
	ok "$vm sends 8800 bytes to the other" within 240 large $vm || note "$(console $vm | tail -n 20)"
	is "$(console $vm | grep -a '^LARGE')" "LARGE mtu 8900 fragments 0" "$vm: in one piece"
done
if [ -c /dev/net/tun ]; then
	HOME=$WORK/home/buyer XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' timeout 90 cpushare net up job -- sh -c '
		until ping -4 -c 1 -W 1 vm1 >/dev/null 2>&1; do sleep 1; done
		ip -o link show cpu0 | grep -o "mtu [0-9]*"
		ping -4 -c 3 -W 5 -M do -s 8872 vm1 >/dev/null && echo passed' </dev/null >"$WORK/up.out" 2>&1
	is "$(tail -n 2 "$WORK/up.out" | tr '\n' ' ')" "mtu 8900 passed " "the buyer's machine takes it too, and full frames pass"
fi
ok "the order ends" as buyer cpushare order cancel job --wait --timeout 1m -q
ok "another says nothing" as buyer cpushare "${rent[@]}" --name plain -q
is "$(as buyer cpushare order show plain -o json | jq .mtu)" 1400 "and has 1400"
done_testing
