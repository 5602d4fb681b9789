#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# page.t - the pages in a browser, against a running market: what they show, how they fit, keys, refreshes, outages
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/browser.sh"
. "$(dirname "$0")/scene.sh"

# A market with one seller, one machine that reports, and one order that waits.
start_market --set timing.sample_interval=1s
start_browser
new_operator_token

screen 1200 1600
visit "$URL/market"
like "$(js "document.getElementById('status').textContent")" '^Live' "the page is live"
ok "an empty book says so" within 10 js_is "document.querySelector('#depth').textContent.includes('The book is empty')" true
ok "and so do its tables" within 10 js_is "document.querySelectorAll('#asks-box .empty, #bids-box .empty, #offers-box .empty').length" 3
is "$(js "document.querySelector('nav [aria-current]').textContent")" Market "the menu says where one is"

SELLER=$(sign_up seller@example.org '<b>Bench & Lab</b>')
enrol attic "$SELLER"
report 8000 4
BUYER=$(sign_up buyer@example.org buyer)
pay "$BUYER" 50000000
upload "$BUYER"
api POST /v1/orders "$(jq -nc --arg i "$IMAGE" '{image: $i, count: 3, cores: 2, memory_mib: 512, max_price_per_core_hour_micro: 5000,
	max_price_per_gib_hour_micro: 1000, max_price_per_gib_transferred_micro: 5000}')" "$BUYER" "$(key)"
is "$STATUS" 201 "an order below the only ask waits"

# ---- the market's page ----
row() { js "document.querySelector('#$1 tbody tr')?.innerText.replace(/\\s+/g, ' ') ?? ''"; }
figure() { js "[...document.querySelectorAll('.figures dt')].find((t) => t.textContent === '$1')?.nextSibling.textContent ?? ''"; }
report 8000 4
ok "the page shows the machine without being loaded again" within 15 js_is "document.querySelectorAll('#offers-box tbody tr').length" 1
like "$(row offers-box)" '<b>Bench & Lab</b> attic DE KVM 4 of 4 4 GiB of 4 GiB 412 0.008 0.001 0.005 0.000 \(0\)' "its offer, a hostile name as text"
has_row() { [[ $(row "$1") =~ $2 ]]; }
ok "its ask" within 15 has_row asks-box '^0.008 4 1$'
ok "the order's bid" within 15 has_row bids-box '^0.005 6 1$'
ok "both sides of the depth" within 10 js_is "document.querySelectorAll('#depth polygon').length" 2
like "$(js "document.getElementById('depth-text').textContent")" '4 cores offered from 0.008 [A-Z]+; 6 cores wanted at up to 0.005 [A-Z]+' "the picture in words"

is "$(row trades-box)$(js "document.querySelector('#trades-box .empty').textContent")" 'No lease was made yet.' "no trade yet"
ok "its country" within 15 has_row countries-box '^DE 1 1 4 of 4 0.008$'

# ---- the offers' query, and the command that gives the same list ----
type_into() { js "((i) => { i.value = $(jq -n --arg t "$2" '$t'); i.dispatchEvent(new Event('input', {bubbles: true})); })(document.querySelector('[name=$1]'))" >/dev/null; }
offer_rows() { js "document.querySelectorAll('#offers-box tbody tr').length"; }
command() { js "document.getElementById('command').textContent"; }
commanded() { as walker bash -c "$(command) -o name"; }
new_user walker >/dev/null
is "$(command)" 'cpushare offer list' "without a query the command has none"
report 8000 4
for query in 'cores>=4 country=DE' 'price<=0.008 memory>=4G'; do
	type_into query "$query"
	ok "$query is in the command" within 5 js_is "document.getElementById('command').textContent" "cpushare offer list '$query'"
	ok "and leaves the machine" within 10 js_is "document.querySelectorAll('#offers-box tbody tr').length" 1
	is "$(commanded)" "$MACHINE" "as the command does"
done
type_into query 'cores>=5'
ok "what does not fit is not shown" within 10 js_is "document.querySelector('#offers-box .empty')?.textContent" 'No machine that is online fits.'
is "$(commanded)" '' "nor by the command"
type_into query 'prize<1'
ok "what is no query is said to be none, and where" within 10 js_is "document.getElementById('query-wrong').textContent.includes('column 1')" true
type_into query ''
ok "cleared, all are back" within 10 js_is "document.querySelectorAll('#offers-box tbody tr').length" 1

# ---- pictures have their numbers ----
ok "the market draws its samples" within 40 js_is "document.querySelectorAll('.plot canvas').length >= 2" true
js "[...document.querySelectorAll('.plot button')].find((b) => b.textContent === 'Table').click()" >/dev/null
ok "a picture's numbers are a table" within 5 js_is "document.querySelectorAll('.plot table[role] tbody tr').length > 0" true
is "$(js "import('/js/table.js').then(({ csvOf }) => csvOf([{ label: 'a,b', text: (r) => r }], ['=1+1', '-5', 'say \"x\"', '@x']))")" \
	"$(printf '"a,b"\r\n'"'"'=1+1\r\n-5\r\n"say ""x"""\r\n'"'"'@x\r\n')" "CSV is quoted, and no name is a formula"

# What the reader holds stays theirs over a refresh.
js "document.querySelector('#offers-box tbody a').focus()" >/dev/null
report 9000 8
ok "a new price arrives" within 15 js_is "document.querySelector('#asks-box tbody td').textContent" 0.009
is "$(js "document.activeElement.textContent")" '<b>Bench & Lab</b>' "and the focus stayed on its link"

# ---- the front page, the sellers ----
visit "$URL/"
has_cores() { [ "$(figure 'Cores free')" = "$1" ]; }
ok "the front page has the cores" within 15 has_cores 8
like "$(row offers-box)" '<b>Bench & Lab</b> attic' "and the cheapest offers"
visit "$URL/sellers"
ok "the sellers' page has its seller" within 15 has_row sellers-box '<b>Bench & Lab</b> 0.000 0 0 0 1 of 1 0 0 20'

# ---- every width, both colours ----
FITS="document.documentElement.scrollWidth <= innerWidth"
SELLER_ID=$(sql "SELECT account FROM cpushare.machine")
BUYER_ID=$(sql "SELECT id FROM cpushare.account WHERE name = 'buyer'")
sql "INSERT INTO cpushare.calibration (id, machine, buyer, order_id, lease_id, image, cores, memory_mib, claimed, began_at, ended_at, result, score)
	SELECT gen_random_uuid(), id, '$BUYER_ID', gen_random_uuid(), gen_random_uuid(), decode(repeat('00', 32), 'hex'), 2, 700, 430, now(), now(), 'good', 412
	FROM cpushare.machine"
sql "INSERT INTO cpushare.standing (account, side) VALUES ('$BUYER_ID', 'buyer')"
# Who finds nothing proves nothing.
visit "$URL/"
js "document.getElementById('title').append(document.createElement('button'))" >/dev/null
like "$(axe)" '^button-name: ' "axe finds a button without a name"
for page in / /market /sellers "/sellers/$SELLER_ID" "/buyers/$BUYER_ID" /reputation /docs/api /docs/problems; do
	visit "$URL$page"
	for scheme in light dark; do
		screen 1200 1200 $scheme
		is "$(axe)" "" "$page: axe finds nothing serious ($scheme)"
	done
	for width in 360 768 1200; do
		screen $width 1200
		ok "$page: no sideways scrolling at $width px" within 5 js_is "$FITS" true
	done
done
luminance() { js "(([r, g, b]) => Math.round(0.2126 * r + 0.7152 * g + 0.0722 * b))(getComputedStyle(document.$1).$2.match(/\\d+/g))"; }
screen 1200 1200 dark
[ "$(luminance body backgroundColor)" -lt 60 ] && [ "$(luminance body color)" -gt 190 ]
_tap $? "light on dark where the system is dark"
js "document.getElementById('theme').click()" >/dev/null
[ "$(luminance body backgroundColor)" -gt 190 ] && [ "$(luminance body color)" -lt 60 ]
_tap $? "dark on light once the button said so"

# ---- keys ----
visit "$URL/sellers"
press Tab
is "$(js "document.activeElement.className")" skip "the first Tab reaches the way to the content"
press Enter
is "$(js "document.activeElement.id")" main "which Enter takes"
js "[...document.querySelectorAll('#sellers-box th button')].find((b) => b.textContent === 'Rating').focus()" >/dev/null
press Enter
is "$(js "document.querySelector('#sellers-box th[aria-sort]').textContent + ' ' + document.querySelector('#sellers-box th[aria-sort]').ariaSort")" \
	"Rating ascending" "a heading sorts by Enter"

# ---- the seller's page ----
report 9000 8
js "document.querySelector('#sellers-box tbody a').click()" >/dev/null
ok "the link leads to the seller's page" within 15 js_is "document.getElementById('title')?.textContent" '<b>Bench & Lab</b>'
within 10 js_is "!!document.getElementById('sum')" true
like "$(js "document.getElementById('sum').textContent")" 'No marks yet. A rating of 0' "which says that nothing is known"
is "$(row offers-box)" 'attic online DE KVM 8 of 8 4 GiB of 4 GiB 412 0.009 0.001 0.005' "and has its offer"
ok "and what the market measured" within 15 has_row calibrations-box '^attic .* good 412 430 2 700 MiB$'
screen 360 1200
ok "it fits 360 px" within 5 js_is "$FITS" true
visit "$URL/sellers/$(uuid)"
like "$(js "document.getElementById('status').textContent")" 'no such thing' "an unknown seller is said to be unknown"
visit "$URL/sellers/no-uuid"
like "$(js "document.getElementById('status').textContent")" 'names no seller' "what is no id is not asked for"

# ---- an address without a page ----
visit "$URL/nowhere/at-all"
like "$(js "document.querySelector('h1').textContent")" 'no such page' "a browser gets a page that says so"
api GET /nowhere/at-all "" "" "Accept: application/json"
is "$STATUS $(jq -r .code <<<"$BODY")" "404 no_route" "a program gets a problem"

# ---- the formula that is published is the one that is used ----
api GET /v1/reputation
is "$(grep -oE 'version [0-9]+ of the formula' "$TOP/web/reputation.html")" "version $(jq .version <<<"$BODY") of the formula" "the page tells this version's formula"

# ---- problems ----
api GET /v1/nowhere
type=$(jq -r .type <<<"$BODY")
visit "$URL$type"
is "$(js "document.querySelector(':target')?.id ?? ''")" no_route "a problem's type leads to its explanation"
ok "and fits 360 px" within 5 js_is "$FITS" true

# ---- the reference ----
visit "$URL/docs/api"
is "$(js "document.querySelectorAll('article.operation[id]:not([id^=schema-])').length")" "$(jq '[.paths[][]] | length' "$TOP/web/openapi.json")" "the reference has every operation"
is "$(js "[...document.querySelectorAll('main a[href^=\"#\"]')].filter((a) => !document.getElementById(a.hash.slice(1))).length")" 0 "its links lead somewhere"

# ---- what the market serves beside ----
api GET /v1/openapi.json
is "$STATUS $(cmp "$WORK/body" "$TOP/web/openapi.json" && echo same)" "200 same" "the description is served as it is"
headers=$(curl -ksI "$URL/")
for want in "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'" 'x-content-type-options: nosniff' 'referrer-policy: no-referrer'; do
	like "${headers,,}" "$want" "header $want"
done
packed() { curl -ksI -H 'Accept-Encoding: gzip' "$@" "$URL/js/table.js" | tr -d '\r'; }
like "$(packed)" $'ontent-[Ee]ncoding: gzip' "a browser gets files compressed"
is "$(curl -ks --compressed "$URL/js/table.js" | cmp - "$TOP/web/js/table.js" && curl -ks "$URL/js/table.js" | cmp - "$TOP/web/js/table.js" && echo same)" same \
	"which are the same then, and without"
like "$(packed -H "If-None-Match: $(packed | sed -n 's/^[Ee][Tt]ag: //p')")" '^HTTP/[0-9.]* 304' "what is known is not sent again"
is "$(curl -ksI "$URL/js/table.js" | grep -ci content-encoding)" 0 "who does not ask for it gets no compressed file"
is "$(grep -viE 'status of 404|status of 422.*prize|ERR_CONNECTION' "$WORK/console")" "" "the browser complained of nothing"

# ---- an outage ----
screen 1200 1200
visit "$URL/sellers"
end "$MARKET_PID" KILL
ok "a market that is gone is said to be gone" within 20 js_is "document.getElementById('status').textContent" 'The market cannot be reached. Trying again.'
isnt "$(row sellers-box)" "" "what was known stays on the page"
restart_market
ok "and its return is noticed" within 20 js_is "document.getElementById('status').className" status

done_testing
