#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# screen.t - a picture of a VM's screen: there where the order asked for a display and while the VM runs, and for nobody but its buyer
. "$(dirname "$0")/../lib.sh"

start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && new_user other && add_funds buyer 5 && new_seller desk && new_seller blind'
printf '[limits]\ndisplay = no\n' >>"$WORK/blind/seller.conf"
start_seller desk
start_seller blind
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
cat >"$WORK/user-data" <<'G'
#!/bin/sh
printf '\033[2J\033[H\033[41m%800s\033[42m%800s\033[0m THIS IS THE SCREEN \n' '' '' >/dev/tty1
echo "DEVICES $(cat /sys/bus/pci/devices/*/class | tr '\n' ' ')" >/dev/console
G
create() { as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --user-data "$WORK/user-data" -o name "$@"; }
order=$(create --display vga --count 2)
blank=$(create --display none)
state_is() { [ "$(as buyer cpushare node show "$1" -o json | jq -r .state)" = "$2" ]; }
ok "a VM with a display runs" within 120 state_is "$order/vm1" running
ok "one without runs, too" within 120 state_is "$blank/vm1" running
no_display() { [ "$(as buyer cpushare order explain "$order" -o json | jq '.removed.display')" = 1 ]; }
ok "the machine whose owner lets no guest have a display is ruled out" within 20 no_display

node() { as buyer cpushare node show "$1" -o json | jq -r .id; }
vm=$(node "$order/vm1")
see() { as buyer cpushare node screen "$order/vm1" --file "$WORK/x.png" -q "$@"; }
# drawn FILE: how many pixels are red and green: what the guest has drawn. The PNG is undone with other code than ours.
drawn() {
	python3 - "$1" <<'P'
import sys, struct, zlib
png = open(sys.argv[1], 'rb').read()
width, height, depth, colour, _, _, interlace = struct.unpack('>IIBBBBB', png[16:29])
assert (depth, colour, interlace) == (8, 2, 0)
length = struct.unpack('>I', png[33:37])[0]
rows = zlib.decompress(png[41:41 + length])
assert len(rows) == height * (1 + 3 * width)
red = green = 0
for y in range(height):
    row = rows[y * (1 + 3 * width) + 1:(y + 1) * (1 + 3 * width)]
    for x in range(0, len(row), 3):
        r, g, b = row[x:x + 3]
        red += r > 140 and g < 60 and b < 60
        green += g > 140 and r < 60 and b < 60
print(width, height, int(red > width * height / 20), int(green > width * height / 20))
P
}
is_drawn() { see --width 320 && [ "$(drawn "$WORK/x.png")" = "320 177 1 1" ]; }
ok "its picture is of the right size and has what the guest has drawn" within 180 is_drawn || note "$(drawn "$WORK/x.png")"
is_wide() { see && [ "$(drawn "$WORK/x.png")" = "720 400 1 1" ]; }
ok "a wider one is as wide as the screen" within 180 is_wide || note "$(drawn "$WORK/x.png")"
as buyer cpushare node screen "$order/vm1" --file - >"$WORK/y.png"
is "$(head -c 8 "$WORK/y.png" | xxd -p) $(file -b --mime-type "$WORK/y.png")" "89504e470d0a1a0a image/png" "or goes to standard output"

api GET "/v1/leases/$vm/screen?width=1024" "" "$(user_token buyer)"
is "$STATUS $(file -b --mime-type "$WORK/body") $(drawn "$WORK/body")" "200 image/png 720 400 1 1" "the API's is the same"
headers=$(curl -ks -D - -o "$WORK/z.png" -H "Authorization: Bearer $(user_token buyer)" "$URL/v1/leases/$vm/screen")
like "$headers" 'Content-Type: image/png.*Cache-Control: no-store.*X-Content-Type-Options: nosniff' "nobody keeps it, or takes it for something else"
ok "it is small" test "$(stat -c %s "$WORK/z.png")" -le 65536
devices() { as buyer cpushare node console "$1/vm1" | grep -o 'DEVICES.*' | grep -o '0x[0-9a-f]*' | sort >"$WORK/devices.$2"; [ -s "$WORK/devices.$2" ]; }
ok "the guest tells its devices" within 60 devices "$order" with
ok "so does the one without a display" within 120 devices "$blank" without
is "$(comm -3 "$WORK/devices.with" "$WORK/devices.without")" 0x030000 "a VGA card is all that it has more"
refused() { # STATUS CODE PATH USER NAME
	api GET "$3" "" "$(user_token "$4")"
	is "$STATUS $(jq -r .code <<<"$BODY")" "$1 $2" "$5"
}
refused 404 not_found "/v1/leases/$vm/screen" other "another buyer sees nothing of it"
refused 409 no_display "/v1/leases/$(node "$blank/vm1")/screen" buyer "a VM without a display has no picture"
refused 422 bad_field "/v1/leases/$vm/screen?width=1025" buyer "too wide a one is refused"
as buyer cpushare node screen "$blank/vm1" --file "$WORK/none.png" 2>"$WORK/said"
is "$? $(ls "$WORK/none.png" 2>/dev/null)" "5 " "the command says so by its exit code, and writes no file"

qemu=$(tr '\0' '\n' <"/proc/$(pgrep -x qemu-system-x86 | while read -r pid; do grep -qa "guest=vm1,.*VGA" <(tr '\0' ' ' <"/proc/$pid/cmdline") && grep -qa "$vm" "/proc/$pid/cmdline" && echo "$pid"; done | head -n 1)/cmdline")
is "$(grep -cE '^-(vnc|spice|usbdevice|display)$' <<<"$qemu") $(grep -A1 '^-display$' <<<"$qemu" | tail -n 1)" "1 none" "its QEMU shows the display to nobody"
ok "the orders end" eval 'as buyer cpushare order cancel "$blank" -q && as buyer cpushare order cancel "$order" --wait --timeout 2m'
refused 409 wrong_state "/v1/leases/$vm/screen" buyer "with the VM its picture is gone"
done_testing
