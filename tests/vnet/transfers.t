#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# transfers.t - TCP over the ethernet arrives whole: over paths that lose, delay, reorder, swallow what is large, and change under it
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
for c in socat perl ss; do command -v $c >/dev/null || skip_all "needs $c"; done
. "$(dirname "$0")/pairs.sh"

# Each pair has a site of its own, as each has a TAP.
site 1 port # loses
site 2 port
LINE=slow_line site 3 port
site 4 port
site 5 port # narrow from the start
site 6 port
site 7 port # becomes narrow
site 8 port
site 9 port # its direct path comes and goes
site 10 port

# narrow NUMBER: packets of more than 1280 bytes are swallowed between that site and the internet
narrow() {
	local side=${P}i
	[ $(($1 % 2)) = 1 ] || side=${P}j
	for ns in ${P}r$1 $side; do
		in_space $ns nft -f - <<-END
			table ip silent {
				chain output { type filter hook output priority 0; icmp type destination-unreachable drop;
				}
			}
		END
	done
	ip -n ${P}r$1 link set wan mtu 1280
	ip -n $side link set p$((10 + $1)) mtu 1280
}
ROUTER=${P}r9
cut_direct() { in_space $ROUTER nft add rule ip filter forward ip saddr $INTERNET.20 drop; }

in_space ${P}r1 nft add rule ip filter forward meta l4proto udp numgen random mod 100 \< 5 drop
narrow 5
cut_direct
join lossy ${P}h1 ${P}h2 direct 10 3000
join slow ${P}h3 ${P}h4 direct 10 3000
join narrow ${P}h5 ${P}h6 direct 15 3000
join narrows ${P}h7 ${P}h8 direct 30 3000
join moved ${P}h9 ${P}h10 relayed,direct,relayed 30 6000 # TCP may wait for 13 s after the cut, and has then all the rest to send

within 20 reached moved relayed 1
KIB_S=100 send moved ${P}h9 ${P}h10 2000
within 10 reached lossy direct 1
send lossy ${P}h1 ${P}h2 2048
within 10 reached slow direct 1
send slow ${P}h4 ${P}h3 4096
within 10 reached narrow direct 1
send narrow ${P}h5 ${P}h6 4096
within 10 reached narrows direct 1
sleep 2
KIB_S=300 send narrows ${P}h7 ${P}h8 2400 # and TCP waits twice as long each time, 7 s or 13: all within what the pair lives
in_space $ROUTER nft flush chain ip filter forward
sleep 1
narrow 7

ok "5 % of the packets are lost each way: all arrives" arrived lossy 40
finished lossy "and the path stays direct"
ok "packets overtake each other: all arrives" arrived slow 40
finished slow "and the path stays direct"
ok "more than 1280 bytes are swallowed: all arrives" arrived narrow 40
finished narrow "and the path stays direct"
like "$(grep vm0 "$WORK/narrow.out")" 'datagram=1200 ' "with a datagram size that fits"
ok "from the relay to the direct path" within 40 reached moved direct 1
cut_direct
ok "and back" within 20 reached moved relayed 2
ok "a connection lives on, and all arrives" arrived moved 40
finished moved "at most 6 s of frames were lost"
ok "a path that begins to swallow what is large: all arrives" arrived narrows 120
finished narrows "and the path stays direct"
like "$(grep vm0 "$WORK/narrows.out")" 'datagram=1200 ' "the datagram size went down"
done_testing
