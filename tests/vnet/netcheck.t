#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# netcheck.t - net netcheck where nothing but an HTTP proxy leads out: to a market and a relay that are known by their pins
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
command -v tinyproxy >/dev/null || skip_all "needs tinyproxy"

site 1 walled
site 2 port
cat >"$WORK/proxy.conf" <<-END
	User nobody
	Group nogroup
	Listen 192.168.1.1
	Port 3128
	Allow 192.168.1.0/24
	ConnectPort 443
	ConnectPort 8443
	BasicAuth buyer secret
	LogLevel Error
END
ip netns exec ${P}r1 tinyproxy -d -c "$WORK/proxy.conf" >"$WORK/proxy.log" 2>&1 &
cleanup "end $!"
RELAY=$INTERNET.1:3478 TLS=$INTERNET.1:443
export IN="ip netns exec ${P}i" MARKET_LISTEN=$INTERNET.1:8443
BY_PROXY="env https_proxy=http://buyer:secret@192.168.1.1:3128"
PLACE=([walled]="ip netns exec ${P}h1 $BY_PROXY" [free]="ip netns exec ${P}h2")
start_market --set "relay.relays=$RELAY/$TLS/$(cpushare-relay pin "$WORK/relay.pem")" --set "relay.stun=$RELAY $INTERNET.2:3478"
serve() { # KEY
	$IN cpushare-relay serve --listen $RELAY --listen $INTERNET.2:3478 --listen-tls $TLS --tls-key "$1" \
		--ticket-key "$MARKET_DATA/relay/ticket.pub" >>"$WORK/relay.log" 2>&1 &
	SERVER=$!
}
serve "$WORK/relay.pem"
cleanup 'end $SERVER'

ok "who has only a proxy signs up at the pinned market by it" new_user walled
ok "and another without one" new_user free
# netcheck USER: sets CODE; of what it found, result CHECK and detail CHECK
netcheck() {
	as "$1" cpushare net netcheck -o json >"$WORK/found" 2>/dev/null
	CODE=$?
}
result() { jq -r --arg c "$1" '.items[] | select(.check == $c) | .result' "$WORK/found"; }
detail() { jq -r --arg c "$1" '.items[] | select(.check == $c) | .detail' "$WORK/found"; }
netcheck walled
is "$CODE $(result udp) $(result relay) $(result "relay by tls") $(result clock)" "0 FAIL FAIL ok ok" "netcheck: no UDP, but TLS to the relay"
like "$(detail "relay by tls")" "$TLS answers by the proxy 192.168.1.1:3128" "by the proxy"
like "$(jq -r .verdict "$WORK/found")" "UDP is blocked" "which is the verdict"
netcheck free
is "$CODE $(result udp) $(result nat) $(result "relay by tls")" "0 ok ok ok" "where UDP passes all is well"
end $SERVER
serve "$WORK/other.pem"
within 10 grep -q "pin" "$WORK/relay.log"
netcheck walled
is "$CODE $(result "relay by tls")" "11 FAIL" "a relay with another key than the market names is none"
like "$(detail "relay by tls")" "key is another" "and that is said"
PLACE[walled]="ip netns exec ${P}h1"
netcheck walled
isnt "$CODE" 0 "without the proxy nothing is reached"
PLACE[walled]="ip netns exec ${P}h1 $BY_PROXY"
ok "a market with another key is refused by the proxy too" eval \
	'! as walled cpushare net netcheck --pin "sha256//$(printf "%032d" 0 | base64 -w0)" && as walled cpushare order list'
done_testing
