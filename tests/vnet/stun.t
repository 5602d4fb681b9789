#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stun.t - the relay's STUN server, asked by other people's clients: coturn's and Debian's stun-client
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
for c in turnutils_stunclient turnutils_natdiscovery stun; do command -v $c >/dev/null || skip_all "needs $c"; done
. "$(dirname "$0")/pairs.sh"

sites public port
HOST=$(left port) OUTSIDE=$INTERNET.$((10 + 2 * NUMBER[port] + 1))
# at HOST COMMAND...: its output, at most 15 s
at() {
	local n=$1
	shift
	timeout 15 ip netns exec "$n" "$@" 2>&1
}

like "$(at "$(left public)" turnutils_stunclient -p 3478 $INTERNET.1)" "reflexive addr: $INTERNET.11:" "coturn's client hears of its own address"
like "$(at "$HOST" turnutils_stunclient -p 3478 $INTERNET.1)" "reflexive addr: $OUTSIDE:" "behind a NAT of the NAT's"
like "$(at "$HOST" turnutils_natdiscovery -m -p 3478 $INTERNET.1)" "$OUTSIDE:[0-9]+" "coturn's NAT discovery does too"
# It speaks RFC 3489, which RFC 8489 no longer is: it gets no answer, and does no harm.
like "$(at "$HOST" stun $INTERNET.1:3478 1 -v)" "About to send" "a client of RFC 3489 asks"
like "$(at "$HOST" turnutils_stunclient -p 3478 $INTERNET.2)" "reflexive addr: $OUTSIDE:" "others are answered after it, at the second address"
ok "the relay is there still" kill -0 $RELAY
done_testing
