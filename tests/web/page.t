#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# page.t - the pages in a browser, against a running market: what they show, how they fit, keys, refreshes, outages
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/browser.sh"
. "$(dirname "$0")/scene.sh"

# A market with one seller, one machine that reports, and one order that waits.
start_market
start_browser
new_operator_token

screen 1200 1600
visit "$URL/market"
like "$(js "document.getElementById('status').textContent")" '^Live' "the page is live"
like "$(js "document.querySelector('#depth').textContent")" 'The book is empty' "an empty book says so"
is "$(js "document.querySelectorAll('#asks-box .empty, #bids-box .empty, #offers-box .empty').length")" 3 "and so do its tables"
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
is "$(row asks-box)" "0.008 4 1" "its ask"
is "$(row bids-box)" "0.005 6 1" "the order's bid"
is "$(js "document.querySelectorAll('#depth polygon').length")" 2 "both sides of the depth"
like "$(js "document.getElementById('depth-text').textContent")" '4 cores offered from 0.008 [A-Z]+; 6 cores wanted at up to 0.005 [A-Z]+' "the picture in words"

# What the reader holds stays theirs over a refresh.
js "document.querySelector('#offers-box tbody a').focus()" >/dev/null
report 9000 8
ok "a new price arrives" within 15 js_is "document.querySelector('#asks-box tbody td').textContent" 0.009
is "$(js "document.activeElement.textContent")" '<b>Bench & Lab</b>' "and the focus stayed on its link"

# ---- the front page, the sellers ----
visit "$URL/"
is "$(figure 'Cores free')" 8 "the front page has the cores"
like "$(row offers-box)" '<b>Bench & Lab</b> attic' "and the cheapest offers"
visit "$URL/sellers"
like "$(row sellers-box)" '<b>Bench & Lab</b> 0.000 0 0 0 1 of 1 0 0 20' "the sellers' page has its seller"

# ---- every width, both colours ----
FITS="document.documentElement.scrollWidth <= innerWidth"
for page in / /market /sellers /reputation /docs/api; do
	visit "$URL$page"
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
js "document.querySelector('#sellers-box tbody a').click()" >/dev/null
ok "the link leads to the seller's page" within 15 js_is "document.getElementById('title')?.textContent" '<b>Bench & Lab</b>'
within 10 js_is "!!document.getElementById('sum')" true
like "$(js "document.getElementById('sum').textContent")" 'No marks yet' "which says that nothing is known"
is "$(row offers-box)" 'attic online DE KVM 8 of 8 4 GiB of 4 GiB 412 0.009 0.001 0.005' "and has its offer"
screen 360 1200
ok "it fits 360 px" within 5 js_is "$FITS" true
visit "$URL/sellers/$(uuid)"
like "$(js "document.getElementById('status').textContent")" 'no such thing' "an unknown seller is said to be unknown"
visit "$URL/sellers/no-uuid"
like "$(js "document.getElementById('status').textContent")" 'names no seller' "what is no id is not asked for"

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
is "$(grep -viE 'status of 404|ERR_CONNECTION' "$WORK/console")" "" "the browser complained of nothing"

# ---- an outage ----
screen 1200 1200
visit "$URL/sellers"
end "$MARKET_PID" KILL
ok "a market that is gone is said to be gone" within 20 js_is "document.getElementById('status').textContent" 'The market cannot be reached. Trying again.'
isnt "$(row sellers-box)" "" "what was known stays on the page"
restart_market
ok "and its return is noticed" within 20 js_is "document.getElementById('status').className" status

done_testing
