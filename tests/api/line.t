#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# line.t - the market measures machines' lines by its own clock: what it has not measured nobody is told, and bytes that could be known before count for nothing
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=1000 --set timing.lost_contact=1h --set limits.buffered=16M
signup seller && OWNER=$TOKEN
for name in desk lap idle gone full; do new_machine $name "$OWNER" || bail "$BODY"; done
new_buyer buyer 50000000 && BUYER=$TOKEN
new_image "$BUYER" 1000 || bail "$BODY"

# down NAME: asks for bytes; sets STATUS, PROOF
down() {
	api GET "/v1/machines/${M_ID[$1]}/line" "" "${M_TOKEN[$1]}"
	PROOF=$(sha256sum <"$WORK/body" | jq -Rc '{sha256: .[:64]}')
}
# prove NAME [PROOF]; up NAME [FILE]: what follows; sets STATUS, BODY
prove() { api POST "/v1/machines/${M_ID[$1]}/line" "${2:-$PROOF}" "${M_TOKEN[$1]}"; }
up() {
	[ -n "${2:-}" ] || perl -e 'my $s = pack("H*", $ARGV[0]); print substr($s x ($ARGV[1] / 32 + 1), 0, $ARGV[1])' "$(field .seed)" "$(field .bytes)" >"$WORK/up"
	STATUS=$(curl -ks -m 60 -X PUT -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer ${M_TOKEN[$1]}" -H 'Content-Type: application/octet-stream' \
		--data-binary "@${2:-$WORK/up}" "$URL/v1/machines/${M_ID[$1]}/line")
	BODY=$(<"$WORK/body")
}
# rate NAME: what the offers say of it
rate() { api GET /v1/offers && jq -c --arg n "$1" '.items[] | select(.machine_name == $n) | [.up_kbit_s, .down_kbit_s]' <<<"$BODY"; }

M_TERMS='{"up_kbit_s":9,"down_kbit_s":0}'
report desk
M_TERMS='{"up_kbit_s":900000,"down_kbit_s":900000}'
report idle
is "$(rate desk) $(rate idle)" "[0,0] [0,0]" "what a machine says of its line is not what it is"
down gone
is "$STATUS" 200 "a machine asks, and is not heard of any more"
GONE=$PROOF GONE_AT=$SECONDS
down lap
is "$STATUS" 200 "bytes to hash"
is "$(stat -c %s "$WORK/body")" 131072 "not many at first"
FIRST=$PROOF
api GET "/v1/machines/${M_ID[lap]}/line" "" "${M_TOKEN[desk]}"
is "$STATUS" 404 "for this machine alone"
api GET "/v1/machines/${M_ID[lap]}/line" "" "$OWNER"
is "$STATUS" 403 "not for its owner"
echo x >"$WORK/x"
up lap "$WORK/x"
is "$STATUS" 409 "nothing is taken before the hash was there"
prove lap "{\"sha256\":\"$NO_HASH\"}"
is "$STATUS $(field '.errors[0].field')" "422 sha256" "which must be that of these bytes"
prove lap "$FIRST"
is "$STATUS" 409 "and there is one try"
down lap
is "$STATUS" 429 "with a pause behind it"

rounds=0
measure() {
	rounds=0
	while :; do
		down "$1" && prove "$1" && [ "$STATUS" = 200 ] || return 1
		local more=$(field .more)
		up "$1"
		[ "$STATUS" = 204 ] || return 1
		rounds=$((rounds + 1))
		[ "$more" = true ] || break
	done
}
ok "a machine goes all rounds" measure desk
like "$rounds" '^[123]$' "which are at most three"
like "$(rate desk)" '^\[9,[1-9][0-9]*\]$' "the offer has what was measured, and no more than its owner offers"
down desk
is "$STATUS" 409 "and is not measured again so soon"
down idle && prove idle && head -c "$(field .bytes)" /dev/zero >"$WORK/zero" && up idle "$WORK/zero"
is "$STATUS" 400 "other bytes than those that were asked for are refused"
is "$(rate idle)" "[0,0]" "and measure nothing"

# What a slow reader has not taken yet is memory of ours, and counts like bodies that are being sent: of these 16 MiB are announced here.
announce() { # TOKEN PATH BYTES COUNT: sets ANNOUNCES
	python3 - "$URL" "$@" >"$WORK/announced" <<'P' &
import socket, ssl, sys, time
host, port = sys.argv[1].removeprefix('https://').split(':')
tls, open_ones = ssl._create_unverified_context(), []
for _ in range(int(sys.argv[5])):
    one = tls.wrap_socket(socket.create_connection((host, int(port))))
    one.sendall(f'PUT {sys.argv[3]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sys.argv[2]}\r\nContent-Type: application/octet-stream\r\n'
                f'Content-Length: {sys.argv[4]}\r\n\r\nx'.encode())
    open_ones.append(one)
print('sent', flush=True)
time.sleep(60)
P
	ANNOUNCES=$!
}
announce "${M_TOKEN[full]}" "/v1/machines/${M_ID[full]}/line" 4194304 4
cleanup 'end $ANNOUNCES'
ok "bodies that nobody asked for are announced" within 10 grep -q sent "$WORK/announced"
sleep 1
api POST /v1/orders/quote "$(order_body)" "$BUYER"
is "$STATUS" 200 "and none is waited for"
end "$ANNOUNCES" KILL
announce "$BUYER" "/v1/images/$IMAGE/pieces/0" 1048576 16
ok "bodies are announced" within 10 grep -q sent "$WORK/announced"
taken() { api POST /v1/orders/quote "$(order_body)" "$BUYER" && [ "$STATUS" = 503 ]; }
ok "until there is no memory for more" within 10 taken
down full
is "$STATUS" 429 "then no machine gets bytes to hash"
end "$ANNOUNCES" KILL
there_is() { ! taken; }
ok "who is gone needs none" within 20 there_is
down full
is "$STATUS" 200 "and it does"

quote() { api POST /v1/orders/quote "$(order_body ".constraints = $1")" "$BUYER" && jq -r '"\(.fits) \(.removed.bandwidth)"' <<<"$BODY"; }
is "$(quote '{min_up_kbit_s: 9}') $(quote '{min_up_kbit_s: 10}')" "1 1 0 2" "orders go by it"
LINE=$(rate desk)
while [ $((SECONDS - GONE_AT)) -lt 32 ]; do sleep 1; done
down gone
is "$STATUS" 429 "who is silent for half a minute does not go on where it was, but begins anew after the pause"
prove gone "$GONE"
is "$STATUS" 409 "and what it was sent then counts no more"
end "$MARKET_PID" KILL
ok "a market that was killed is back" restart_market
M_TERMS='{"up_kbit_s":9}'
report desk
is "$(rate desk)" "$LINE" "and knows it still"
done_testing
