#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# screen.t - how a picture of a guest's screen goes through the market: asked for by who looks, checked, and shown to nobody else
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=100 --set timing.busy_interval=200ms
signup seller && SELLER=$TOKEN
signup other && OTHER=$TOKEN
new_buyer buyer 20000000 && BUYER=$TOKEN
new_machine desk "$SELLER" && new_machine lap "$SELLER" || bail "$BODY"
M_TERMS='{"display":true}'
report desk
new_image "$BUYER" 1000 || bail "$BODY"
leased() { api GET "/v1/orders/$1/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ] && LEASED=$(field '.items[0].id'); }
new_order "$BUYER" '.constraints = {display: "vga"}' && ok "an order with a display is leased" within 10 leased "$ORDER"
LEASE=$LEASED WITH=$ORDER
api GET "/v1/orders/$WITH" "" "$BUYER"
is "$(field .constraints.display)" vga "and says so"
new_order "$BUYER" && ok "and one without" within 10 leased "$ORDER"
BLANK=$LEASED
report desk
is "$(field ".leases[] | select(.lease == \"$LEASE\") | .screen_width // 0")" 0 "nobody looks: nothing is asked of the machine"
for l in "$LEASE" "$BLANK"; do api GET "/v1/leases/$l/spec" "" "${M_TOKEN[desk]}" && field .display; done >"$WORK/displays"
is "$(xargs <"$WORK/displays")" "vga none" "which hears what to start"

look() { api GET "/v1/leases/$1/screen${3:-}" "" "${2:-$BUYER}"; }
send() { # LEASE FILE [TOKEN]
	STATUS=$(curl -ks -m 20 -X PUT -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer ${3:-${M_TOKEN[desk]}}" -H 'Content-Type: application/octet-stream' \
		--data-binary "@$2" "$URL/v1/leases/$1/screen")
	BODY=$(tr -d '\0' <"$WORK/body")
}
said() { echo "$STATUS $(field .code)"; }
python3 - "$WORK" <<'P'
import struct, sys, zlib
def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
def png(width, height, kind=b'\x08\x02\0\0\0', more=b''):
    rows = zlib.compress(b''.join(b'\0' + bytes(3 * width) for _ in range(height)))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>II', width, height) + kind) + more + chunk(b'IDAT', rows) + chunk(b'IEND', b'')
for name, data in {'good': png(320, 177), 'wide': png(1025, 1), 'high': png(1, 1201), 'grey': png(8, 8, b'\x08\0\0\0\0'), 'trailer': png(8, 8) + b'x',
                   'text': png(8, 8, more=chunk(b'tEXt', b'Comment\0<script>')), 'broken': png(8, 8)[:-1] + b'x', 'svg': b'<svg xmlns="http://www.w3.org/2000/svg"/>'}.items():
    open(sys.argv[1] + '/' + name + '.png', 'wb').write(data)
P
look "$LEASE"
is "$(said)" "409 wrong_state" "there is no picture of a VM that does not run yet"
running() { report desk "[$(said_lease "$LEASE"),$(said_lease "$BLANK")]"; }
said_lease() { jq -cn --arg l "$1" '{lease: $l, state: "running", reason: ""}'; }
running
send "$LEASE" "$WORK/good.png"
is "$(said)" "409 wrong_state" "a picture that nobody asked for is refused"
look "$LEASE"
is "$(said)" "404 no_picture" "the first look finds none"
like "$(curl -ks -D - -o /dev/null -H "Authorization: Bearer $BUYER" "$URL/v1/leases/$LEASE/screen")" 'Retry-After: 1' "and when to look again"
running
is "$(field ".leases[] | select(.lease == \"$LEASE\") | .screen_width")" 320 "so the machine is asked for one"
is "$(field ".leases[] | select(.lease == \"$BLANK\") | .screen_width // 0")" 0 "and for none of the other"
is "$(field .interval_ms)" 200 "and reports more often"
for name in wide high grey trailer text broken svg; do
	send "$LEASE" "$WORK/$name.png"
	is "$(said)" "422 bad_field" "refused: $name"
done
head -c 70000 /dev/zero >"$WORK/large.png"
send "$LEASE" "$WORK/large.png"
is "$(said)" "413 too_large" "refused: more than 64 KiB"
look "$LEASE"
is "$(said)" "404 no_picture" "nobody sees any of these"
send "$LEASE" "$WORK/good.png" "${M_TOKEN[lap]}"
is "$(said)" "404 not_found" "another machine's is refused"
send "$LEASE" "$WORK/good.png" "$BUYER"
is "$(said)" "403 missing_scope" "so is the buyer's own"
send "$LEASE" "$WORK/good.png"
is "$STATUS" 204 "the machine's is taken"
send "$LEASE" "$WORK/good.png"
is "$(said)" "409 wrong_state" "and not a second one at once"
look "$LEASE"
is "$STATUS $(cmp "$WORK/body" "$WORK/good.png" && echo same)" "200 same" "the buyer sees it, byte for byte"
look "$LEASE" "$BUYER" '?width=1024'
is "$(said)" "404 no_picture" "a wider one is not there yet"
wider() { running && [ "$(field ".leases[] | select(.lease == \"$LEASE\") | .screen_width")" = 1024 ]; }
ok "but is asked for when it is time" within 10 wider
for who in "$OTHER" "$SELLER"; do look "$LEASE" "$who" && said; done >"$WORK/others"
is "$(sort -u "$WORK/others")" "404 not_found" "neither a stranger nor the seller sees it"
look "$BLANK"
is "$(said)" "409 no_display" "there is none of a VM without a display"
send "$BLANK" "$WORK/good.png"
is "$(said)" "409 no_display" "nor takes the market one"
for width in 63 1025 x; do look "$LEASE" "$BUYER" "?width=$width" && said; done >"$WORK/widths"
is "$(sort -u "$WORK/widths")" "422 bad_field" "widths have bounds"
api POST "/v1/orders/$WITH/cancel" "" "$BUYER"
ended() { running && report desk "[$(jq -cn --arg l "$LEASE" '{lease: $l, state: "ended", reason: "cancelled_by_buyer"}'),$(said_lease "$BLANK")]" &&
	api GET "/v1/leases/$LEASE" "" "$BUYER" && [ "$(field .state)" = ended ]; }
ok "the VM ends" within 20 ended
look "$LEASE"
is "$(said)" "409 wrong_state" "and its picture with it"
send "$LEASE" "$WORK/good.png"
is "$(said)" "409 wrong_state" "a late one is not taken"
done_testing
