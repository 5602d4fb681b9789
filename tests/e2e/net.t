#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# net.t - what a member sees of its order's ethernet: netcheck, status, ping, capture
#
# Two of the buyer's own machines are members of an order that waits for places: no VM is needed to see a network.
. "$(dirname "$0")/../lib.sh"

[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"
UDP1=127.0.0.1:$(free_port) UDP2=127.0.0.1:$(free_port) TLS=127.0.0.1:$(free_port)
start_market --set relay.stun="$UDP1 $UDP2" --set relay.relays="$UDP1/$TLS/$(cpushare-relay pin "$WORK/relay.pem")"
new_operator >/dev/null && new_user buyer >/dev/null && add_funds buyer 20 >/dev/null
head -c 4096 /dev/zero >"$WORK/blank.iso"
as buyer cpushare image upload "$WORK/blank.iso" >/dev/null || bail "no image"
as buyer cpushare order create --image blank.iso --max-price 0.000001 --name lan >/dev/null || bail "no order"

# on MEMBER COMMAND...: at that one of the buyer's machines. In the background "${A[@]}" or "${B[@]}" in its stead, so that $! is the command.
mkdir "$WORK/run-a" "$WORK/run-b"
A=(env HOME="$WORK/home/buyer" XDG_CONFIG_HOME= XDG_STATE_HOME= XDG_RUNTIME_DIR="$WORK/run-a")
B=("${A[@]}" XDG_RUNTIME_DIR="$WORK/run-b")
on() {
	local member=$1
	shift
	if [ "$member" = a ]; then "${A[@]}" "$@"; else "${B[@]}" "$@"; fi
}
seen() { on "$1" cpushare net status lan -o json | jq -e "$2"; }

"${A[@]}" cpushare net up lan --name a -- sh -c 'while :; do ping -4 -q -c 1 -W 1 b; sleep 0.1; done' >"$WORK/a.log" 2>&1 </dev/null &
MEMBER_A=$!
"${B[@]}" cpushare net up lan --name b -- sleep 1000 >"$WORK/b.log" 2>&1 </dev/null &
MEMBER_B=$!
cleanup 'end $MEMBER_A; end $MEMBER_B'
ok "one member reaches the other directly" within 30 seen a '.items[0] | .name == "b" and .path == "direct" and .why_not_direct == "none"'
ok "and the other way round" within 30 seen b '.items[0] | .name == "a" and .path == "direct"'
ok "its loss is known, and its datagram size" within 10 seen a '.items[0] | .loss_permille == 0 and .datagram_bytes >= 1200'

# ---- the cipher ----
BEST=aes-256-gcm
grep -qw aes /proc/cpuinfo && grep -qw avx /proc/cpuinfo && BEST=aegis-128l
is "$(on a cpushare net peers lan -o json | jq -r '.items[0].cipher')" "$BEST" "the peers' table has the cipher"
on a cpushare net up lan --cipher rot13 -- true 2>"$WORK/refused"
is "$? $(grep -c 'auto or aes-256-gcm' "$WORK/refused")" "2 1" "one that nobody knows is refused"

# ---- netcheck ----
# RESULT CHECK: of the last one
result() { jq -r --arg c "$1" '.items[] | select(.check == $c) | .result' "$WORK/netcheck"; }
netcheck() { # CODE NAME
	on a cpushare net netcheck -o json >"$WORK/netcheck" 2>"$WORK/netcheck.err"
	is "$?" "$1" "$2"
}
netcheck 11 "netcheck without any server that answers"
is "$(result udp) $(result relay) $(result "relay by tls")" "FAIL FAIL FAIL" "it says what failed"
is "$(jq -r '.items[] | select(.result == "FAIL" and .fix == "") | .check' "$WORK/netcheck")" "" "and what to mend, each time"
is "$(jq .exit "$WORK/netcheck.err")" 11 "the error has the exit code"
cpushare-relay serve --listen "$UDP1" --listen "$UDP2" --listen-tls "$TLS" --tls-key "$WORK/relay.pem" --ticket-key "$MARKET_DATA/relay/ticket.pub" >"$WORK/relay.log" 2>&1 &
RELAY=$!
cleanup 'end $RELAY'
within 10 grep -q listening "$WORK/relay.log"
netcheck 0 "netcheck with a relay"
is "$(result udp) $(result ipv4) $(result nat) $(result relay) $(result mtu) $(result clock)" "ok ok ok ok ok ok" "all that can be tried is well"
is "$(result "relay by tls")" ok "TLS too"
like "$(on a cpushare net netcheck)" 'clock +ok .*market.s' "it is a table for people"
end $RELAY

# ---- what the market is told ----
mapped() { on b cpushare net map lan -o json | jq -e '[.paths[] | select(.path == "direct" and .rtt_us > 0) | "\(.from)-\(.to)"] | sort == ["a-b", "b-a"]'; }
ok "the market shows how all reach each other" within 40 mapped
new_user stranger >/dev/null
api GET "/v1/orders/$(as buyer cpushare order show lan -o json | jq -r .id)/network" "" "$(user_token stranger)"
is "$STATUS" 404 "to the order's buyer alone"

# ---- ping ----
OUT=$(on a cpushare net ping lan/b -c 3 --interval 100ms)
is "$?" 0 "pings are answered"
like "$OUT" 'b \(10\.77\.0\.[0-9]+\) 3: [0-9.]+ ms, direct by .*:[0-9]+' "each says its time and its path"
like "$OUT" 'b: 3 of 3 answered' "and at the end how many"
kill -STOP $MEMBER_B
OUT=$(on a cpushare net ping lan/b -c 1 2>&1)
is "$?" 11 "without an answer the exit code says so"
like "$OUT" 'no answer' "and the line"
kill -CONT $MEMBER_B
ok "it comes back" within 30 on a cpushare net ping lan/b -c 1

# ---- a command there, by ssh ----
try() { # CODE NAME [ARGUMENT...]: node exec at a, without a terminal; sets OUT, ERR
	on a timeout 60 cpushare node exec "${@:3}" </dev/null >"$WORK/out" 2>"$WORK/err"
	is "$?" "$1" "$2"
	OUT=$(<"$WORK/out") ERR=$(<"$WORK/err")
}
ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
try 2 "node exec wants a VM of an order" lan
try 3 "one that is there" lan/vm9 -- true
try 3 "a key that is there" lan/b --identity "$WORK/none" -- true
try 11 "nobody answers at it: the exit code says so" lan/b --identity "$WORK/key" -o json -- true
is "$OUT$(jq -c .exit <<<"$ERR")" 11 "and the error, in JSON alone"
if [ "$(id -u)" = 0 ] && command -v dropbear >/dev/null; then
	mkdir -m 0700 "$WORK/root" "$WORK/root/.ssh"
	cp "$WORK/key.pub" "$WORK/root/.ssh/authorized_keys"
	serve() { # HOST-KEY: an ssh server where b is; as root whose home is another
		local space
		[ -z "${SERVER:-}" ] || end "$SERVER"
		dropbearkey -t ed25519 -f "$1" >/dev/null 2>&1
		space=$(ask_socket "$(echo "$WORK"/run-b/cpushare/net/*.sock)" '{"ask":"status"}' | jq .space)
		nsenter -t "$space" -n unshare -m sh -c 'mount --bind "$1" /root && exec dropbear -F -E -s -p 22 -P "$1/pid" -r "$2"' - "$WORK/root" "$1" \
			>"$WORK/ssh.log" 2>&1 &
		SERVER=$!
		within 10 nsenter -t "$space" -n sh -c 'ss -Hltn "sport = 22" | grep -q .'
	}
	cleanup 'end $SERVER'
	ok "b has an ssh server" serve "$WORK/host1"
	OUT=$(echo typed | on a cpushare node exec lan/b --identity "$WORK/key" -- 'echo $((6 * 7)) at $(hostname); cat; echo said >&2; exit 5' 2>"$WORK/err")
	is "$? $OUT $(<"$WORK/err")" "5 42 at $(hostname)"$'\n'"typed said" "a command there has what is piped in, its output and its exit code are its own"
	try 0 "by its address, too" "lan/$(on a cpushare net status lan -o json | jq -r '.items[0].ip')" --identity "$WORK/key" -o json -- true
	is "$OUT$ERR" "" "which says nothing"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/other"
	try 11 "a key that it does not know" lan/b --identity "$WORK/other" -o json -- true
	is "$(jq -c .exit <<<"$ERR")" 11 "is refused, and nothing is asked"
	ok "another one answers in its stead" serve "$WORK/host2"
	try 11 "which has not the host key that b had" lan/b --identity "$WORK/key" -- true
	try 0 "unless it was started anew" lan/b --identity "$WORK/key" --new-host-key -- true
fi

# ---- capture ----
tshark -v >/dev/null 2>&1 && capinfos -v >/dev/null 2>&1 || bail "tshark is missing: make deps"
OUT=$(on a cpushare net capture lan -w "$WORK/a.pcapng" --count 20 -o json)
is "$?" 0 "frames are captured"
is "$(jq -c '[.frames, .dropped]' <<<"$OUT")" '[20,0]' "so many as were asked for"
like "$(capinfos -cEI "$WORK/a.pcapng" 2>&1)" 'Number of packets: *20.*Encapsulation *= *Ethernet' "capinfos reads the file"
like "$(capinfos -I "$WORK/a.pcapng" 2>&1)" 'Name = cpushare' "and the interface's name"
requests=$(tshark -r "$WORK/a.pcapng" -Y 'icmp.type == 8 && frame.packet_flags_direction == 2' 2>/dev/null | wc -l)
replies=$(tshark -r "$WORK/a.pcapng" -Y 'icmp.type == 0 && frame.packet_flags_direction == 1' 2>/dev/null | wc -l)
like "$requests $replies" '^[1-9][0-9]* [1-9]' "both directions, told apart: $requests out, $replies in"
is "$(tshark -r "$WORK/a.pcapng" -Y '_ws.malformed || _ws.expert.severity >= 8388608' 2>/dev/null | wc -l)" 0 "nothing in it is malformed"
is "$(stat -c %a "$WORK/a.pcapng")" 600 "the file is its owner's alone"
is "$(on a cpushare net capture lan --count 5 --snaplen 60 2>/dev/null | tshark -r - -T fields -e frame.cap_len 2>/dev/null | sort -n | tail -n 1)" 60 \
	"it streams to a reader at a pipe, cut to the length that was asked for"
"${A[@]}" cpushare net capture lan -w "$WORK/term.pcapng" >/dev/null 2>&1 &
capturing=$!
cleanup "end $capturing"
has_frames() { [ "$(stat -c %s "$WORK/term.pcapng")" -gt 1000 ]; }
ok "a capture goes on" within 20 has_frames
on a cpushare net capture lan -w "$WORK/second.pcapng" >/dev/null 2>&1
is "$?" 5 "a second one is refused"
ok "and made no file" test ! -e "$WORK/second.pcapng"
kill -TERM $capturing
wait $capturing
is "$?" 0 "told to end, it ends well"
like "$(capinfos -c "$WORK/term.pcapng" 2>&1)" 'Number of packets: *[1-9]' "and leaves a whole file"
on a cpushare net capture lan -w "$WORK/bound.pcapng" --max-size 2K >/dev/null
ok "the file keeps its bound" test "$(stat -c %s "$WORK/bound.pcapng")" -le 2400
mkfifo "$WORK/fifo"
exec 9<>"$WORK/fifo" # a reader that reads nothing
"${A[@]}" cpushare net capture lan -w "$WORK/fifo" >/dev/null 2>&1 &
capturing=$!
cleanup "end $capturing KILL"
on a cpushare net ping lan/b -c 2 --interval 100ms >/dev/null
is "$?" 0 "while nobody reads a capture the LAN goes on"
kill -KILL $capturing
wait $capturing 2>/dev/null
exec 9>&-
captures() { on a cpushare net capture lan -w "$WORK/after.pcapng" --count 1; }
ok "one that was killed is forgotten" within 10 captures
on a cpushare net capture lan -o json >"$WORK/out" 2>/dev/null
is "$?" 2 "frames and JSON do not share standard output"

# ---- a member that wants AES-256-GCM alone ----
on b cpushare net down lan >/dev/null
wait $MEMBER_B
"${B[@]}" cpushare net up lan --name b --cipher aes-256-gcm -- sleep 1000 >"$WORK/b.log" 2>&1 </dev/null &
MEMBER_B=$!
cleanup 'end $MEMBER_B'
ok "it is reached like any other" within 30 seen a '.items[0] | .name == "b" and .path == "direct" and .cipher == "aes-256-gcm"'
ok "and answers" within 30 on a cpushare net ping lan/b -c 1

# A guest's port is not its seller's to look at.
mkdir -p "$WORK/lease/net"
cat >"$WORK/lease/net.json" <<-END
	{"network": {"id": "00000000-0000-4000-8000-000000000001", "subnet": "10.77.0.0", "prefix_len": 16, "mtu": 1400},
	 "self": {"id": "00000000-0000-4000-8000-000000000011", "name": "vm1", "mac": "52:54:00:00:00:01", "ip": "10.77.1.1"}, "port": "dgram", "uid": 0}
END
cpushare-seller endpoint "$WORK/lease" >"$WORK/endpoint.log" 2>&1 &
cleanup "end $!"
# ask REQUEST
ask() { ask_socket "$WORK/lease/net.sock" "$1"; }
answers() { [ -n "$(ask '{"ask":"status"}')" ]; }
ok "a guest's endpoint answers" within 10 answers
cpushare-seller endpoint "$WORK/lease" --cipher rot13 >"$WORK/cipher.log" 2>&1
isnt "$?" 0 "another cipher than the two does not start one"
is "$(ask "{\"ask\":\"capture\",\"path\":\"$WORK/x\",\"snaplen\":100}")" "" "but knows of no capture"

on a cpushare net down lan >/dev/null
on b cpushare net down lan >/dev/null
wait $MEMBER_A $MEMBER_B
is "$(find "$WORK"/run-* -type s | wc -l)" 0 "no socket is left behind"
done_testing
