#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# many.t - a hundred thousand sellers: each question reads a bounded number of rows, and the page shows a bounded list
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/browser.sh"

# No sample: nothing else reads what is counted here.
start_market --set timing.sample_interval=1h
sql "SET search_path = cpushare, pg_temp;
	ALTER TABLE machine DISABLE TRIGGER machine_tally;
	INSERT INTO account (id, email, name, password_hash) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
		'u' || n || '@example.org', (CASE WHEN n % 10 = 0 THEN 'Farm ' ELSE 'seller ' END) || n, 'x' FROM generate_series(1, 100000) n;
	INSERT INTO machine (id, account, name, public_key, state) SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
		('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'box', sha256(n::text::bytea), 'offline' FROM generate_series(1, 100000) n;
	INSERT INTO standing (account, side, good, bad, rating_ppm) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'seller',
		n % 50, n % 3, (n * 7919::bigint) % 990000 FROM generate_series(1, 100000) n;
	INSERT INTO mark_day SELECT account, 'seller', current_date, 1, 0 FROM standing WHERE good > 40;
	ALTER TABLE machine ENABLE TRIGGER machine_tally;
	ANALYZE account, machine, standing, mark_day" || bail "no sellers"

# reads: rows that were read so far of standing, machine, account, by any plan
reads() { sql "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname IN ('standing', 'machine', 'account') ORDER BY relname DESC" | tr '\n' ' '; }
# The server's processes tell what they read a second later, or at their next statement.
settled() { local a; a=$(reads); sleep 2.2; [ "$(reads)" = "$a" ]; }
came() { [ "$(reads)" != "$WAS" ]; }
# bounded PATH STANDING MACHINE ACCOUNT: the answer is made of at most so many rows of each
bounded() {
	local before=("$WAS") after read=() i
	api GET "$1"
	within 10 came && within 30 settled
	WAS=$(reads)
	read -ra before <<<"$before"
	read -ra after <<<"$WAS"
	for i in 0 1 2; do read+=($((after[i] - before[i]))); done
	[ "$STATUS" = 200 ] && [ "${read[0]}" -gt 0 ] && [ "${read[0]}" -le "$2" ] && [ "${read[1]}" -le "$3" ] && [ "${read[2]}" -le "$4" ]
	_tap $? "$1 reads at most $2 standings, $3 machines, $4 accounts" || note "$STATUS: ${read[*]}"
}
within 30 settled
WAS=$(reads)

bounded '/v1/sellers?limit=100' 210 210 210
is "$(jq '[.items[].rating_ppm] | . == (sort | reverse)' <<<"$BODY") $(jq '.items | length' <<<"$BODY")" "true 100" "the best rated come first"
FIRST=$(jq -c '[.items[].id]' <<<"$BODY") LAST=$(jq .items[-1].rating_ppm <<<"$BODY")
bounded "/v1/sellers?limit=100&cursor=$(jq -r .next <<<"$BODY")" 210 210 210
is "$(jq --argjson f "$FIRST" '[.items[].id] - $f | length' <<<"$BODY") $(jq --argjson l "$LAST" '[.items[].rating_ppm <= $l] | all' <<<"$BODY")" "100 true" \
	"and the next page goes on behind them"
bounded '/v1/sellers?limit=20&name=FARM' 2100 100 3100
is "$(jq '[.items[].name | startswith("Farm ")] | all' <<<"$BODY") $(jq '.items | length' <<<"$BODY")" "true 20" "those of a name"
bounded '/v1/sellers/00000000-0000-7000-8000-000000000007/history' 10 10 10
api GET /v1/outcomes
is "$(jq .outcomes.sellers <<<"$BODY") $(jq '.improved | length' <<<"$BODY")" "100000 10" "the network's page counts all of them"
[ "${#BODY}" -lt 20000 ]
_tap $? "in an answer of a few KB"

start_browser
screen 1200 1000
visit "$URL/sellers"
rows() { js "document.querySelectorAll('#sellers-box tbody tr').length"; }
first() { js "document.querySelector('#sellers-box tbody a')?.textContent"; }
is "$(rows)" 50 "the page shows one page"
BEST=$(first)
press_button() { js "[...document.querySelectorAll('.pages button')].find((b) => b.textContent === '$1').click()" >/dev/null; }
moved() { [ "$(first)" != "$1" ]; }
press_button Next
ok "Next leads on" within 10 moved "$BEST"
press_button Previous
ok "Previous leads back" within 10 js_is "document.querySelector('#sellers-box tbody a')?.textContent" "$BEST"
js "((i) => { i.value = 'farm 1000'; i.dispatchEvent(new Event('input', {bubbles: true})); })(document.querySelector('[name=name]'))" >/dev/null
ok "the search asks the market" within 10 js_is "[...document.querySelectorAll('#sellers-box tbody a')].map((a) => a.textContent).sort().join()" \
	'Farm 1000,Farm 10000,Farm 100000'
is "$(js "[...document.querySelectorAll('.pages button')].every((b) => b.disabled)")" true "one page has no other"
done_testing
