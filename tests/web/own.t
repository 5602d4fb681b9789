#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# own.t - a buyer's, an operator's and a seller's pages in a browser, up to a VM that really runs and is marked
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/browser.sh"
. "$(dirname "$0")/scene.sh"

start_market --set limits.signups_burst=100 --set fees.deposit_bp=250 --set timing.busy_interval=500ms --set timing.settle_interval=1s
start_browser
screen 1200 1000
new_operator_token
ok "a seller's machine runs" eval 'new_seller desk --price-core 1 --price-memory 1 --price-transfer 1 && start_seller desk'

at() { js_is "location.pathname" "$1"; }
shows() { [[ $(says "$1") =~ $2 ]]; } # SELECTOR REGEX
# see NAME SELECTOR REGEX [SECONDS]
see() { ok "$1" within "${4:-15}" shows "$2" "$3" || note "$(says main)"; }

note "who is nobody"
visit "$URL/orders"
ok "is led to the log-in" within 10 at /login
is "$(js "new URLSearchParams(location.search).get('to')")" /orders "which knows where they wanted to go"
is "$(says '.top .own')" "Log in Sign up" "and the menu offers it"
visit "$URL/login?to=https://evil.example/"
fill login-email operator@example.org
fill login-password wrong-password
click "Log in"
see "a wrong password is said to be wrong" '#login [role=alert]' 'email address or the password is wrong'

note "sign up"
visit "$URL/signup"
fill signup-email buyer@example.org
fill signup-name '<i>Buyer</i>'
fill signup-password short
click "Sign up"
see "a short password is named at its field" '#signup-password-error' 'At least 8'
is "$(js "document.activeElement.id + ' ' + document.activeElement.getAttribute('aria-invalid')")" "signup-password true" "which has the focus"
fill signup-password "$PASSWORD"
js "document.getElementById('signup-password').focus()" >/dev/null
press Enter
ok "Enter signs up" within 20 at /orders
see "and the way to begin is shown" main 'Add funds Upload a bootable image Order machines'
is "$(js "document.cookie")" "" "no script can read the session"
is "$(says '.top .own')" "Orders Images Money Selling Account" "the menu has what is theirs"

note "add funds, which an operator confirms"
visit "$URL/money"
fill deposit-amount_micro 40
see "the commission is shown before" '#commission' 'You pay 40.00 EUR; the market keeps 1.00 EUR \(2.5 %\); your balance gets 39.00 EUR'
fill deposit-amount_micro 'forty'
click "Add funds"
see "what is no amount is named" '#deposit-amount_micro-error' 'An amount such as'
fill deposit-amount_micro 40
click "Add funds"
see "the deposit waits" '.cards tbody' 'manual pending 40.00 1.00 39.00'
visit "$URL/account"
click "Log out"
ok "log out" within 10 at /login
visit "$URL/login?to=/operator"
fill login-email operator@example.org
fill login-password "$PASSWORD"
click "Log in"
ok "the operator is led where they wanted to go" within 20 at /operator
see "sees the ledger's check" '#ledger' 'The ledger holds'
see "and the deposit" main '40.00 EUR manual'
shot operator
click "$(js "[...document.querySelectorAll('button')].map((b) => b.getAttribute('aria-label') ?? '').find((l) => l.startsWith('Confirm deposit'))")"
see "confirms it" main 'Deposits to confirm 0 None waits'
see "sees the users, names as texts" main '<i>Buyer</i> buyer@example.org 39.00'
visit "$URL/account"
click "Log out"
within 10 at /login
fill login-email buyer@example.org
fill login-password "$PASSWORD"
click "Log in"
ok "the buyer is back" within 20 at /orders

note "upload"
visit "$URL/images"
click "Upload"
see "a file is asked for" '#upload [role=alert], #upload-file-error' 'Choose a file'
pick upload-file "$TINY"
fill upload-name tiny
click "Upload"
see "the image is sent in pieces, hashed here" main 'tiny is ready' 60
is "$(sql "SELECT count(*) FROM cpushare.image WHERE name = 'tiny' AND missing_count = 0")" 1 "and whole at the market"

note "order"
ok "the machine is online" within 30 eval '[ "$(curl -ks "$URL/v1/offers" | jq ".items | length")" = 1 ]'
visit "$URL/orders/new"
fill order-count 2000
click "See the cost"
see "too many machines are named at their field" '#order-count-error' 'from 1 to'
fill order-count 1
fill order-name job
fill order-memory_mib 160
fill order-duration_s 30min
for kind in core_hour gib_hour gib_transferred; do fill order-max_price_per_${kind}_micro 2; done
fill order-min_rating_ppm 0.9
click "See the cost"
see "nobody is left" '#quote-fits' '^0 of 1$'
see "and the rule that took them out is named" .quote '1 have a lower rating'
fill order-min_rating_ppm ''
fill order-scratch_mib 99
click "See the cost"
see "so is a disk that nobody has room for" .quote '1 have no room for the scratch disk'
fill order-scratch_mib ''
fill order-max_freeze_s 3x
click "See the cost"
see "what is no time is named" '#order-max_freeze_s-error' 'A time such as'
fill order-max_freeze_s 5min
js "document.getElementById('order-display').click()" >/dev/null
js "document.getElementById('order-warm').click()" >/dev/null
click "See the cost"
see "a warm start with a display is refused, where it was asked for" '#order-warm-error' 'goes with neither'
js "document.getElementById('order-warm').click()" >/dev/null
fill order-user_data $'#!/bin/sh\nprintf "\\033[44m%2000s" "" >/dev/tty1\n(while :; do echo hello from the guest; sleep 1; done) &'
click "See the cost"
see "the most that it can cost" '#quote-worst' '^1.15625 EUR$'
see "who is left" '#quote-fits' '^1 of 1$'
shot order-form
js "document.getElementById('order-trusted').click()" >/dev/null
see "the switch tells at once what trust leaves" '#trust' 'leaves 0 machines of 1 that fit, of 0 sellers of 1. Nobody who is trusted offers'
js "document.getElementById('order-trusted').click()" >/dev/null
fill order-count 2
click "Order now"
see "what was changed since is not ordered" '#order [role=alert]' 'see the cost first'
is "$(sql 'SELECT count(*) FROM cpushare.order')" 0 "nothing was"
fill order-count 1
click "See the cost"
within 10 shows '#quote-worst' '^1.15'
click "Order now"
ok "ordered" within 15 js_is "/^\\/orders\\/[0-9a-f-]{36}$/.test(location.pathname)" true
see "the order fills by itself" '#order-state' filled
see "and its machine runs" '.list .state' running 90
is "$(sql "SELECT constraints->>'display' || ' ' || (constraints->>'max_freeze_s') FROM cpushare.order")" "vga 300" "as it was asked for"
# picture SELECTOR: its size, and how much of it is as blue as the guest has made its screen
picture() {
	js "(() => { const i = document.querySelector('$1'); if (!i?.naturalWidth) return ''; const c = document.createElement('canvas');
		c.width = i.naturalWidth; c.height = i.naturalHeight; const g = c.getContext('2d'); g.drawImage(i, 0, 0); const d = g.getImageData(0, 0, c.width, c.height).data;
		let blue = 0; for (let n = 0; n < d.length; n += 4) blue += d[n] < 60 && d[n + 1] < 60 && d[n + 2] > 130; return i.naturalWidth + ' ' + (blue > d.length / 8 ? 'blue' : blue); })()"
}
pictured() { [ "$(picture "$1")" = "$2" ]; }
ok "a thumbnail of its screen shows what the guest draws" within 120 pictured '.screen img' '320 blue' || note "$(picture '.screen img')"
click "Screen of vm1, larger"
ok "a larger one is as wide as the screen" within 30 pictured 'dialog[open] img' '720 blue' || note "$(picture 'dialog[open] img')"
shot screen
click "Back"
ok "and is put away" within 10 js_is "document.querySelectorAll('dialog.large').length" 0
click "Console of vm1"
see "its console talks" '.console pre' 'hello from the guest' 120
click "Type into it"
within 20 shows .terminal 'hello from the guest'
cdp Input.insertText '{"text":"echo $((6*7))typed"}'
press Enter
see "what is typed reaches its shell" .terminal '42typed' 60
shot terminal
see "its events are told" .events 'lease running'
see "cycles delivered are shown beside those reserved" '.list .panel' '[1-9][0-9.]* vCPU s delivered in .* charged' 30
see "the network has its member" '.network' vm1 30
shot order
visit "$URL/money"
see "what runs costs so much an hour" '#burn' 'costs (up to )?1.15625 EUR an hour'
visit "$URL/orders"
click job
within 10 shows '#order-state' filled
click "Cancel the order"
click "Cancel the order" # in the dialog
see "cancelled" main 'Ended: cancelled' 60
click "Show the receipt"
see "the receipt" main 'Total 0.[0-9]+ EUR'
click "vm1 was good"
see "marked" main 'You marked it good'
visit "$URL/sellers"
see "and the seller's reputation has changed" '#sellers-box tbody' 'desk 0[.]0[0-9]+ 1 1 0'
visit "$URL/money"
see "the statement has the charge" main 'charge −0.0'

note "selling"
api POST /v1/sessions "{\"email\":\"desk@example.org\",\"password\":\"$PASSWORD\"}"
cdp Network.setCookie "$(jq -c --arg u "$URL" '{name: "__Host-cpushare", value: .token, url: $u, path: "/", secure: true, httpOnly: true, sameSite: "Strict"}' <<<"$BODY")"
visit "$URL/selling"
see "the machine, and what it earned" main 'desk online .* Today 0.0[0-9]+ EUR'
click "Why is desk not rented?"
fill install-name attic
click "Make the line"
see "a line that sets a machine up" pre "echo cpu_pat_[0-9A-Za-z]{36} \| cpushare-seller setup --market $URL --pin ${PIN//+/\\+} --token-file - --name attic"
shot selling
fill energy-watts 100
fill energy-kwh 0.5
see "the energy of a core hour is reckoned" '#suggestion' 'costs 0[.]05 EUR. Suggested: 1.00 EUR'
see "and stands beside what was earned" main 'Energy, at most 0[.]0'
fill energy-kwh 50
see "a price below it is named" '#suggestion' 'Suggested: 5.00 EUR a core hour. desk asks less than the energy costs'

note "a forgotten password"
visit "$URL/reset"
see "without an address from the operator there is nothing to do" main 'is set anew by an address that the market’s operator hands out'
visit "$(cpushare-market user reset desk@example.org --data "$MARKET_DATA" | head -n 1)"
ok "its field is there, where the page stood open, too" within 15 js_is "Boolean(document.getElementById('reset-new_password'))" true
is "$(js "location.hash")" "" "the token does not stay in the address bar"
fill reset-new_password another-password
click "Set it"
see "a new one is set" main 'Changed. All sessions have ended.' 20
visit "$URL/login?to=/account"
fill login-email desk@example.org
fill login-password another-password
click "Log in"
within 20 at /account

note "the account"
visit "$URL/account"
click "Set up an authenticator app"
see "a QR code" main 'Scan this with an authenticator app, or type [A-Z2-7]{32}'
is "$(js "document.querySelectorAll('.qr path').length")" 1 "is drawn"
fill token-name nightly
click "Make a token"
see "a token is shown once" main 'Shown this once: cpu_pat_'
api POST /v1/device '{"client":"a program"}'
visit "$URL/device?code=$(jq -r .user_code <<<"$BODY")"
DEVICE=$(jq -r .device_code <<<"$BODY")
click "Go on"
see "a program asks" main 'calls itself a program wants to log in'
click "Let it in"
see "and is let in" main 'It is in'
api POST /v1/device/token "{\"device_code\":\"$DEVICE\"}"
is "$STATUS $(jq -r .email <<<"$BODY")" "201 desk@example.org" "with a session"

note "every page at 360 px"
screen 360 800
for page in /orders /images /orders/new /money /selling /account /login /signup /device /reset; do
	visit "$URL$page"
	ok "$page" within 10 js_is "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('main input:not([hidden]), main select, main textarea')].every((e) => e.labels.length === 1)" true
done
is "$(grep -vE 'status of (401|402|404|422)' "$WORK/console" | jq -r '.params | .entry.text // .exceptionDetails.exception.description // (.args | tojson)' | sort -u)" "" "the browser complained of nothing else"
done_testing
