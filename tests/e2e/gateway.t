#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gateway.t - the buyer's machine leads the LAN into the world, or a bridge onto it
#
# An order that nobody fills has a network, too: its members here are the buyer's machines, each in a namespace. "gate" has a way to the
# world (203.0.113.5, and a name server there), a private LAN with a neighbour, and is the gateway; "desk" is what a VM would be.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip_all "network namespaces need root"
RUN=gw$$
world=$RUN-world gate=$RUN-gate desk=$RUN-desk near=$RUN-near
for ns in $world $gate $desk $near; do
	ip netns add $ns && cleanup "ip netns del $ns"
	ip -n $ns link set lo up
done
wire() { # NAMESPACE INTERFACE ADDRESS NAMESPACE INTERFACE ADDRESS
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
	ip -n "$1" addr add "$3" dev "$2" && ip -n "$1" link set "$2" up
	ip -n "$4" addr add "$6" dev "$5" && ip -n "$4" link set "$5" up
}
wire $world to-gate 198.51.100.1/29 $gate eth0 198.51.100.2/29
wire $world to-desk 198.51.100.9/29 $desk eth0 198.51.100.10/29
wire $gate lan 192.168.7.2/24 $near eth0 192.168.7.1/24
ip -n $world addr add 203.0.113.5/32 dev lo
ip netns exec $world sysctl -qw net.ipv4.ip_forward=1
ip -n $gate addr add 203.0.113.99/32 dev lo
ip -n $gate route add default via 198.51.100.1
ip -n $desk route add 198.51.100.0/24 via 198.51.100.9
ip -n $near route add default via 192.168.7.2
ip netns exec $gate sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=1
ip -n $world addr add 2001:db8:1::1/64 dev to-gate nodad && ip -n $gate addr add 2001:db8:1::2/64 dev eth0 nodad
ip -n $world addr add 2001:db8:5::5/128 dev lo nodad && ip -n $gate -6 route add default via 2001:db8:1::1
mkdir -p /etc/netns/$gate && cleanup "rm -r /etc/netns/$gate"
echo "nameserver 203.0.113.5" >/etc/netns/$gate/resolv.conf
listen() { # NAMESPACE ADDRESS: says who came
	ip netns exec "$1" socat "TCP-LISTEN:7777,bind=$2,fork,reuseaddr" SYSTEM:'echo from $SOCAT_PEERADDR' 2>/dev/null &
	cleanup "end $!"
}
listen $world 203.0.113.5
listen $gate 192.168.7.2
listen $gate 203.0.113.99
listen $near 192.168.7.1
ip netns exec $world socat TCP6-LISTEN:7776,bind='[2001:db8:5::5]',fork,reuseaddr SYSTEM:'echo from $SOCAT_PEERADDR' 2>/dev/null &
cleanup "end $!"
ip netns exec $world dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --listen-address=203.0.113.5 \
	--bind-interfaces --address=/example.org/203.0.113.5 --user=root 2>"$WORK/dnsmasq.log" &
cleanup "end $!"

IN="ip netns exec $world" MARKET_LISTEN=198.51.100.1:8443
start_market
# at NAMESPACE USER COMMAND...: each user has a home of his own, as machines have, with the buyer's credentials
at() {
	local ns=$1 user=$2
	shift 2
	mkdir -p "$WORK/home/$user"
	[ -d "$WORK/home/$user/.config" ] || [ ! -d "$WORK/home/buyer/.config" ] || cp -r "$WORK/home/buyer/.config" "$WORK/home/$user"
	as "$user" ip netns exec "$ns" "$@"
}
sign_up() { at $world "$1" cpushare signup --market "$URL" --pin "$PIN" --email "$1@example.org" --name "$1" -q; }
ok "the buyer signs up" sign_up buyer
ok "has funds" eval 'sign_up operator && cpushare-market operator grant operator@example.org --data "$MARKET_DATA" &&
	at $world operator cpushare login --email operator@example.org -q &&
	d=$(at $world buyer cpushare funds add 10 -o name) && at $world operator cpushare funds confirm "$d" -q'
ok "and an image" at $world buyer cpushare image upload "$TINY" -q
ok "and an order, that nobody fills" at $world buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --name job -q

up() { # NAMESPACE USER OPTION...
	local ns=$1 user=$2
	shift 2
	at "$ns" "$user" cpushare net up job --name "$user" "$@"
}
down() { at "$1" "$2" cpushare net down job -q; }
cleanup 'down $gate gate; down $desk desk'
address() { ip -n "$1" -o -4 addr show dev cpu0 | awk '{ sub("/.*", "", $4); print $4 }'; }
reached() { timeout 6 ip netns exec "${2:-$desk}" socat -u "TCP:$1:7777,connect-timeout=4" - 2>/dev/null; }
rules() { ip netns exec $gate nft list tables | grep -c cpushare; }
forwarding() { ip netns exec $gate cat /proc/sys/net/ipv4/conf/eth0/forwarding; }
cat >"$WORK/lease" <<'EOS'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip route del default 2>/dev/null
[ -n "$router" ] && ip route add default via $router
printf %s "$router" >"$LEASE_FILE"
EOS
chmod 755 "$WORK/lease"
ask_dhcp() { LEASE_FILE=$WORK/router ip netns exec $desk busybox udhcpc -i cpu0 -n -q -f -t 5 -T 1 -s "$WORK/lease"; }
has_router() { ask_dhcp && [ -s "$WORK/router" ]; }
has_no_router() { ask_dhcp && [ ! -s "$WORK/router" ]; }

is "$(reached 203.0.113.5 $gate)" "from 198.51.100.2" "the gateway's machine itself reaches the world"
is "$(reached 192.168.7.1 $gate)" "from 192.168.7.2" "and its neighbour"
ok "a machine joins" up $desk desk
ok "without a gateway it has no router" has_no_router
ok "another joins as gateway" up $gate gate --gateway
ok "they meet" within 20 ip netns exec $desk ping -c 1 -W 1 "$(address $gate)"
ok "DHCP has a router now" within 20 has_router
is "$(reached 203.0.113.5)" "from 198.51.100.2" "the machine reaches the world, from the gateway's address"
resolves() { ip netns exec $desk busybox nslookup -type=a "$1" 10.77.255.254 | grep -q 203.0.113.5; }
ok "and finds its names" within 10 resolves www.example.org
ok "the LAN's own names as before" eval 'ip netns exec $desk busybox nslookup -type=a gate.lan 10.77.255.254'
is "$(reached 192.168.7.1)" "" "it does not reach the gateway's neighbour"
is "$(reached 192.168.7.2)" "" "nor the gateway's address there"
is "$(reached 203.0.113.99)" "" "nor another of its addresses"
ok "IPv6 has a default router too" eval 'within 20 eval "ip -n $desk -6 route show default | grep -q via"'
is "$(timeout 6 ip netns exec $desk socat -u 'TCP6:[2001:db8:5::5]:7776,connect-timeout=4' -)" "from [2001:0db8:0001:0000:0000:0000:0000:0002]" \
	"and by it the world"
ok "the neighbour gets no way through it" eval '[ -z "$(reached 203.0.113.5 $near)" ]'
is "$(rules) $(forwarding)" "1 1" "one table, and forwarding"
down $gate gate
gone() { [ "$(rules) $(forwarding)" = "0 0" ]; }
ok "net down undoes both" within 10 gone
ok "and the router goes" within 20 has_no_router

ok "it joins again, with its private addresses" up $gate gate --gateway --allow-private
ok "DHCP has a router" within 20 has_router
ok "now the neighbour is reached" within 10 eval '[ "$(reached 192.168.7.1)" = "from 192.168.7.2" ]'
is "$(reached 192.168.7.2)" "" "but not the gateway's own address there"
pid=$(pgrep -f "^cpushare net up job --name gate" | head -n 1)
kill -KILL "$pid"
sleep 0.5
is "$(rules)" 1 "killed, it leaves its table"
ok "the next one" up $gate gate
ok "undoes what it left" gone
down $gate gate

# ---- in a namespace of its own ----
inside='within() { for i in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; return 1; }; within ip addr show world0 && echo ready; sleep 60'
as pasta true
cp -r "$WORK/home/buyer/.config" "$WORK/home/pasta"
chmod 755 "$WORK" "$WORK/home" && chown -R 65534:65534 "$WORK/home/pasta"
mkdir -p "$WORK/bin" && cp "$BUILD/bin/cpushare" "$WORK/bin" && chmod 755 "$WORK/bin" "$WORK/bin/cpushare"
if setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urn true 2>/dev/null; then
	HOME=$WORK/home/pasta XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' ip netns exec $gate setpriv --reuid=65534 --regid=65534 \
		--clear-groups "$WORK/bin/cpushare" net up job --name rootless --gateway -- sh -c "$inside" >"$WORK/rootless.out" 2>&1 </dev/null &
	rootless=$!
	cleanup "end $rootless"
	ok "without root pasta is the way out" within 40 grep -q ready "$WORK/rootless.out" || note "$(cat "$WORK/rootless.out")"
	ok "DHCP has a router" within 20 has_router
	ok "the world is reached" within 15 eval '[ "$(reached 203.0.113.5)" = "from 198.51.100.2" ]'
	ok "and its names found" within 15 resolves mail.example.org
	is "$(reached 192.168.7.1)" "" "the neighbour is not"
	end $rootless
fi

# ---- a bridge ----
down $desk desk
ok "the gateway's machine joins as any other" up $gate gate
ip -n $near link add br0 type bridge
ip -n $near link set br0 up
ip netns add $RUN-behind && cleanup "ip netns del $RUN-behind"
ip -n $near link add port type veth peer name eth0 netns $RUN-behind
ip -n $near link set port master br0 up
ip -n $RUN-behind link set eth0 up
ip -n $RUN-behind addr add 10.77.200.5/16 dev eth0
mac=$(ip netns exec $near cat /sys/class/net/br0/address)
ip -n $near route replace 198.51.100.0/24 via 192.168.7.2
ip netns exec $gate sysctl -qw net.ipv4.ip_forward=1
ip -n $world route add 192.168.7.0/24 via 198.51.100.2
ok "a third joins with a bridge" up $near near --bridge br0
like "$(tr '\n' ';' <"$WORK/ok.out")" 'interface +cpu0;bridge +br0;subnet +10\.77\.0\.0/16;address +-;.*10\.77\.128\.0 and above' \
	"and says that no address is its own"
cleanup 'down $near near'
like "$(ip -n $near -o link show master br0)" cpu0 "whose port the LAN is"
is "$(ip netns exec $near cat /sys/class/net/br0/address)" "$mac" "and which keeps its address"
ok "what is behind it is reached" within 20 ip netns exec $gate ping -c 1 -W 1 10.77.200.5
ok "and reaches the members" ip netns exec $RUN-behind ping -c 2 -W 2 "$(address $gate)"
ok "it gets no address from us" eval '! ip netns exec $RUN-behind busybox udhcpc -i eth0 -n -q -f -t 2 -T 1 -s /bin/true'
is "$(ip -n $RUN-behind -6 -o addr show scope global)" "" "nor a prefix"
ok "a bridge that is not there is refused" eval '! up $desk desk --bridge br9'
ok "nor does it go with --gateway" eval '! up $desk desk --bridge br0 --gateway'
done_testing
