#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# signup.t - a sign-up where the market sends mail: it tells no stranger who is here, and makes an account when the link is opened
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"
BOX=$WORK/box
mkdir "$BOX"
PORT=$(free_port)
"$TOP/tests/mail/server" 127.0.0.1 "$PORT" "$BOX" >"$WORK/server.out" 2>&1 &
SERVER=$!
cleanup "end $SERVER"
within 20 grep -q ready "$WORK/server.out" || bail "no mail server: $(<"$WORK/server.out")"
start_market --set mail.server=smtp://127.0.0.1:$PORT --set mail.from=market@example.org --set mail.retry=10ms --set limits.signups_burst=1000

# letter ADDRESS SUBJECT-REGEX [N]: such letters are N (1) or more; sets MAIL, the newest
letter() {
	local found
	found=$(ls -t "$BOX/$1"-*.json 2>/dev/null | xargs -r jq -r --arg s "$2" 'select(.subject | test($s)) | input_filename')
	MAIL=${found%%$'\n'*}
	[ -n "$MAIL" ] && [ "$(wc -l <<<"$found")" -ge "${3:-1}" ]
}
arrives() { within 30 letter "$@"; }
link() { jq -r .text "$MAIL" | grep -o '#cpu_cnf_[0-9A-Za-z]*' | cut -c2-; }
states() { sql "SELECT string_agg(state, ' ' ORDER BY state) FROM cpushare.mail WHERE address = '$1' AND kind = 'signup'"; }
state_is() { [ "$(states "$1")" = "$2" ]; }
accounts() { sql "SELECT count(*) FROM cpushare.account WHERE email = '$1'"; }
ask() { api POST /v1/accounts "{\"email\":\"$1\",\"password\":\"${2:-$PASSWORD}\",\"name\":\"${3:-x}\"}"; }
enter() { api POST /v1/sessions "{\"email\":\"$1\",\"password\":\"${2:-$PASSWORD}\"}"; }
open_link() { api POST /v1/address/confirm "{\"token\":\"$1\"}"; }

# ---- a new address ----
ask ANN@example.org
is "$STATUS $(jq -c . <<<"$BODY")" '202 {"mailed":true}' "a sign-up is answered by a mail, not by a session"
ok "which arrives" arrives ann@example.org 'Confirm your address'
like "$(jq -r .text "$MAIL")" 'no account comes into being' "and says what happens without it"
ANN=$(link)
is "$(accounts ann@example.org)" 0 "there is no account yet"
refused() { api POST /v1/sessions "{\"email\":\"$1\",\"password\":\"$2\"}" && jq -c 'del(.instance, .request_id)' <<<"$BODY"; }
LIKE_ANY=$(refused nobody@example.org "$PASSWORD")
is "$(refused ann@example.org "$PASSWORD")" "$LIKE_ANY" "a log-in is refused as any other"
is "$(jq -r .code <<<"$LIKE_ANY")" bad_login "so that nobody signs up to ask there"
like "$LIKE_ANY" 'open the link' "with what may be missing"
ask ann@example.org
ok "signing up again mails another link" arrives ann@example.org 'Confirm your address' 2
open_link "$ANN"
is "$STATUS $(field .code)" "422 bad_field" "which makes the first one void"
open_link "$(link)"
is "$STATUS $(accounts ann@example.org)" "204 1" "the newest makes the account"
open_link "$(link)"
is "$STATUS" 422 "once"
enter ann@example.org
is "$STATUS" 201 "then its password lets in"
api GET /v1/account/mail "" "$(field .token)"
is "$(field .confirmed)" true "and the address is confirmed"

# ---- an address that has an account ----
alike() { curl -ks -m 20 -D- -o "$WORK/alike.body" -X POST "$URL/v1/accounts" -H 'Content-Type: application/json' \
	-H 'Idempotency-Key: sign-up-once' -d "{\"email\":\"$1\",\"password\":\"other-$PASSWORD\",\"name\":\"$2\",\"cookie\":true}" \
	-H 'X-CPUShare: web' -H "Origin: $URL" -H 'Sec-Fetch-Site: same-origin' | grep -viE '^(x-request-id|date):' | cat - "$WORK/alike.body"; }
KNOWN=$(alike ann@example.org ann)
like "$KNOWN" '202 .*\{"mailed":true\}$' "whose address is known gets that answer too"
is "$KNOWN" "$(alike new@example.org new)" "the answer does not tell who is here"
is "$(grep -ci set-cookie <<<"$KNOWN")" 0 "and has no cookie"
ok "who is, is told by mail" arrives ann@example.org 'You have an account'
like "$(jq -r .text "$MAIL")" '/login.*/reset.*nothing has changed' "with what they may do"
is "$(link)" "" "and no link that makes anything"
ok "who is not, gets a link" arrives new@example.org 'Confirm your address'
is "$(refused ann@example.org "other-$PASSWORD")$(refused new@example.org "other-$PASSWORD")" "$LIKE_ANY$LIKE_ANY" "the passwords of both sign-ups are refused alike"
enter ann@example.org
is "$STATUS" 201 "what it was"
is "$(sql "SELECT count(*) FROM cpushare.signup WHERE email = 'ann@example.org'")" 0 "nothing is kept of it"

# ---- an address that another one signs up with, too ----
ask bob@example.org "eves-$PASSWORD" eve
ok "a stranger signs up with bob's address" arrives bob@example.org Confirm
EVE=$(link)
ask bob@example.org "$PASSWORD" bob
ok "bob does" arrives bob@example.org Confirm 2
open_link "$EVE"
is "$STATUS $(accounts bob@example.org)" "422 0" "the stranger's link is void"
enter bob@example.org "eves-$PASSWORD"
is "$STATUS" 401 "and so is the stranger's password"
open_link "$(link)"
is "$STATUS $(sql "SELECT name FROM cpushare.account WHERE email = 'bob@example.org'")" "204 bob" "bob's link makes the account as bob asked for it"
enter bob@example.org
is "$STATUS" 201 "with bob's password"

# ---- bounds ----
ask cat@example.org "$PASSWORD" cat
ok "a link" arrives cat@example.org Confirm
for i in 1 2 3 4; do ask cat@example.org "eves-$i-$PASSWORD" "eve$i"; done
ok "three letters in half an hour" within 20 state_is cat@example.org "dropped dropped sent sent sent"
ok "the third" letter cat@example.org Confirm 3
is "$(sql "SELECT name FROM cpushare.signup WHERE email = 'cat@example.org' AND name IN ('cat', 'eve1', 'eve2')" | wc -l)" 1 "a sign-up that was not mailed changes nothing"
LAST=$(ls "$BOX"/cat@example.org-*.json | xargs jq -r .text | grep -o 'cpu_cnf_[0-9A-Za-z]*' | while read -r t; do
	[ "$(sql "SELECT count(*) FROM cpushare.signup WHERE hash = sha256('$t')")" = 0 ] || echo "$t"; done)
sql "UPDATE cpushare.signup SET expires_at = now() - interval '1 second' WHERE email = 'cat@example.org'"
open_link "$LAST"
is "$STATUS $(accounts cat@example.org)" "422 0" "a link ends"
is "$(sql "SELECT count(*) FROM cpushare.mail WHERE kind = 'signup' AND state <> 'waits' AND data <> '{}'")" 0 "no password's hash stays in the mail"
is "$(sql "SELECT count(*) FROM cpushare.event")" 0 "of all this there are no events"

# ---- the address became somebody's while the link was on its way ----
ask dan@example.org
ok "a link for dan" arrives dan@example.org Confirm
sql "UPDATE cpushare.account SET email = 'dan@example.org' WHERE email = 'bob@example.org'"
open_link "$(link)"
is "$STATUS $(field .code)" "409 email_taken" "who has the address by then keeps it"

# ---- the command line ----
mkdir -p "$WORK/home"
mine() { HOME=$WORK/home CPUSHARE_PASSWORD=$PASSWORD cpushare "$@" </dev/null 2>&1; }
like "$(mine signup --market "$URL" --pin "$PIN" --email fay@example.org)" 'A mail was sent to fay@example.org: open its link, then cpushare login' \
	"the command says where the mail went"
ok "it arrives" arrives fay@example.org Confirm
like "$(mine login --email fay@example.org)" 'open the link that was mailed' "a log-in before is refused"
open_link "$(link)"
like "$(mine login --email fay@example.org)" 'Logged in as fay@example.org' "and after it not"
is "$(mine signup --email gus@example.org -o json | jq -c .)" '{"schema":1,"mailed":true,"email":"gus@example.org"}' "it is an object for programs"
is "$(grep -c "$PASSWORD" "$WORK/market.log")" 0 "no password is in the log"

done_testing
