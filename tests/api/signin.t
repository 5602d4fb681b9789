#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# signin.t - sessions in cookies and who may write with them, ends of sessions, passwords, the second factor, devices, an account's end
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=1000

# page METHOD PATH [JSON] [HEADER...]: as a page of the market in a browser that holds the cookie; -H COOKIE-less where COOKIE is empty
page() {
	local method=$1 path=$2 body=${3:-}
	shift $(($# < 3 ? $# : 3))
	[ $# -gt 0 ] || set -- 'X-CPUShare: web' 'Sec-Fetch-Site: same-origin'
	api "$method" "$path" "$body" "" ${COOKIE:+"Cookie: $COOKIE"} "$@"
}
# cookie_login EMAIL [MORE-JSON]: sets COOKIE
cookie_login() {
	curl -ks -D "$WORK/headers" -o "$WORK/body" -H 'Content-Type: application/json' -H 'X-CPUShare: web' -H 'Sec-Fetch-Site: same-origin' \
		-A "${AGENT:-Firefox}" -d "$(jq -nc --arg e "$1" --arg p "$PASSWORD" "{email: \$e, password: \$p, cookie: true} + ${2:-{\}}")" "$URL/v1/sessions"
	BODY=$(<"$WORK/body")
	COOKIE=$(tr -d '\r' <"$WORK/headers" | sed -nE 's/^set-cookie: ([^;]*);.*/\1/Ip')
}

note "a session in a cookie"
signup anna && ANNA=$TOKEN
cookie_login anna@example.org
like "$(tr -d '\r' <"$WORK/headers" | grep -i '^set-cookie:')" \
	'__Host-cpushare=cpu_ses_[0-9A-Za-z]{36}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=2592000$' "log in gives the cookie"
is "$(field 'has("token")')" false "and shows the token to no script"
page GET /v1/account
is "$STATUS $(field .email)" "200 anna@example.org" "it reads"
page POST /v1/tokens '{"name":"x","scopes":["orders"]}'
is "$STATUS" 201 "and writes, from a page of ours"
api GET /v1/account "" "$ANNA" "Cookie: __Host-cpushare=nonsense"
is "$STATUS" 200 "a token in the header counts first"
for other in "cpu_pat_${ANNA#cpu_ses_}" "$(field .token)" x ''; do
	api GET /v1/account "" "" "Cookie: __Host-cpushare=$other"
	is "$STATUS" 401 "a cookie of \"${other:0:8}\" is no session"
done
api GET /v1/account "" "" "Cookie: cpushare=${COOKIE#*=}"
is "$STATUS $(field .code)" "401 no_token" "nor one of another name"

note "writes from elsewhere are refused, and nothing happens"
tokens() { sql 'SELECT count(*) FROM cpushare.token'; }
BEFORE=$(tokens)
HOST=${URL#https://}
refused_write() { # NAME HEADER...
	page POST /v1/tokens '{"name":"evil","scopes":["orders"]}' "${@:2}"
	is "$STATUS $(field .code)" "403 cross_site" "$1"
}
refused_write "without our header" 'Sec-Fetch-Site: same-origin' "Origin: $URL"
refused_write "from another site" 'X-CPUShare: web' 'Sec-Fetch-Site: cross-site' 'Origin: https://evil.example'
refused_write "from a neighbour" 'X-CPUShare: web' 'Sec-Fetch-Site: same-site'
refused_write "an old browser, from another site" 'X-CPUShare: web' 'Origin: https://evil.example'
refused_write "an old browser that says nothing" 'X-CPUShare: web'
page DELETE /v1/sessions/current "" 'X-CPUShare: web' 'Sec-Fetch-Site: cross-site'
is "$STATUS" 403 "a forged log-out"
is "$(tokens)" "$BEFORE" "none of them did anything"
page POST /v1/tokens '{"name":"old","scopes":["orders"]}' 'X-CPUShare: web' "Origin: $URL"
is "$STATUS" 201 "an old browser on our page may write"
api POST /v1/sessions "{\"email\":\"anna@example.org\",\"password\":\"$PASSWORD\",\"cookie\":true}" "" 'Sec-Fetch-Site: cross-site' 'X-CPUShare: web'
is "$STATUS $(field .code)" "403 cross_site" "nobody else's page plants a cookie by log-in"
api POST /v1/accounts "{\"email\":\"x@example.org\",\"password\":\"$PASSWORD\",\"name\":\"x\",\"cookie\":true}"
is "$STATUS $(field .code)" "403 cross_site" "nor by sign-up"

note "sessions"
AGENT='Lynx (blue) é' cookie_login anna@example.org
OTHER=$COOKIE
cookie_login anna@example.org
page GET /v1/sessions
is "$(field '[.items[] | select(.current)] | length')" 1 "the list knows which one asks"
is "$(field '[.items[].client] | index("Lynx (blue) ") != null')" true "and what logged in, as far as it is ASCII"
page GET /v1/tokens
is "$(field '[.items[] | select(.name == "session")] | length')" 0 "they are not among the tokens made by hand"
page GET /v1/sessions
LYNX=$(field '.items[] | select(.client | startswith("Lynx")).id')
signup bert && BERT=$TOKEN
api DELETE "/v1/sessions/$LYNX" "" "$BERT"
is "$STATUS" 404 "nobody ends another's"
page DELETE "/v1/sessions/$LYNX"
is "$STATUS" 204 "end one"
COOKIE=$OTHER page GET /v1/account
is "$STATUS" 401 "it is out at once"
HAND=$(api POST /v1/tokens '{"name":"ci","scopes":["orders"]}' "$ANNA" && field .token)
LAST=$COOKIE
curl -ksi -X DELETE -H "Cookie: $COOKIE" -H 'X-CPUShare: web' -H 'Sec-Fetch-Site: same-origin' "$URL/v1/sessions" | tr -d '\r' >"$WORK/all"
like "$(<"$WORK/all")" 'HTTP/1.1 204.*__Host-cpushare=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0' "log out everywhere takes the cookie back"
COOKIE=$LAST page GET /v1/account
is "$STATUS" 401 "this session is out"
api GET /v1/account "" "$ANNA"
is "$STATUS" 401 "the others too"
api GET /v1/orders "" "$HAND"
is "$STATUS" 200 "a token made by hand stays"

note "another password"
cookie_login anna@example.org
login anna && ANNA=$TOKEN
page POST /v1/account/password '{"password":"wrong-password","new_password":"another-one-entirely"}'
is "$STATUS $(field .code) $(field '.errors[0].field')" "422 bad_field password" "the present one must be known"
page POST /v1/account/password "{\"password\":\"$PASSWORD\",\"new_password\":\"short\"}"
is "$STATUS $(field '.errors[0].field')" "422 new_password" "the new one has a length"
page POST /v1/account/password "{\"password\":\"$PASSWORD\",\"new_password\":\"another-one-entirely\"}"
is "$STATUS" 204 "changed"
api GET /v1/account "" "$ANNA"
is "$STATUS" 401 "all other sessions are out"
page GET /v1/account
is "$STATUS" 200 "the one that did it stays"
login anna
is "$STATUS" 401 "the old password is none"
PASSWORD=another-one-entirely login anna
is "$STATUS" 201 "the new one is"
PASSWORD=another-one-entirely

note "a forgotten password"
reset() { api POST /v1/password-reset "{\"token\":\"$1\",\"new_password\":\"$2\"}"; }
user_reset() { cpushare-market user reset "$@" --data "$MARKET_DATA"; }
is "$(user_reset nobody@example.org 2>/dev/null; echo $?)" 3 "there is none of nobody"
FIRST=$(user_reset Anna@example.org -o json | jq -r .token)
like "$(user_reset anna@example.org)" "^$URL/reset#cpu_rst_[0-9A-Za-z]{36}
Give this address to anna@example.org" "an address, which the operator hands over"
SECOND=$(user_reset anna@example.org -o json | jq -r .token)
reset "$FIRST" forgotten-and-new
is "$STATUS $(field '.errors[0].field')" "422 token" "a newer one replaces it"
reset "$SECOND" short
is "$STATUS $(field '.errors[0].field')" "422 new_password" "the new password has a length"
reset cpu_rst_000000000000000000000000000000000000 forgotten-and-new
is "$STATUS $(field '.errors[0].field')" "422 token" "a guessed token is none"
is "$(sql "SELECT count(*) FROM cpushare.password_reset WHERE encode(hash, 'escape') LIKE '%$SECOND%'")" 0 "the token is not kept"
login anna && ANNA=$TOKEN
sql "UPDATE cpushare.password_reset SET expires_at = now() - interval '1 second'" >/dev/null
reset "$SECOND" forgotten-and-new
is "$STATUS $(field '.errors[0].field')" "422 token" "half an hour later it is too late"
sql "UPDATE cpushare.password_reset SET expires_at = now() + interval '1 minute'" >/dev/null
reset "$SECOND" forgotten-and-new
is "$STATUS" 204 "set"
reset "$SECOND" forgotten-again
is "$STATUS $(field '.errors[0].field')" "422 token" "once"
api GET /v1/account "" "$ANNA"
is "$STATUS" 401 "all sessions are out"
login anna
is "$STATUS" 401 "the old password is none"
PASSWORD=forgotten-and-new
cookie_login anna@example.org
is "$(jq -r .email <<<"$BODY")" anna@example.org "the new one is"

note "who is just coming in while the password changes"
signup race
OLD=$(jq -nc --arg p "$PASSWORD" '{email: "race@example.org", password: $p}')
old_ones() { # COUNT: log-ins that wait for a worker
	local i
	for ((i = 0; i < $1; i++)); do
		curl -ks -m 60 -o /dev/null -X POST "$URL/v1/sessions" -H 'Content-Type: application/json' -d "$OLD" &
		RACERS+=($!)
	done
}
LINK=$(user_reset race@example.org -o json | jq -r .token)
old_ones 16
sleep 0.1
curl -ks -m 60 -o /dev/null -w '%{http_code}' -X POST "$URL/v1/password-reset" -H 'Content-Type: application/json' \
	-d "{\"token\":\"$LINK\",\"new_password\":\"raced-and-won\"}" >"$WORK/raced" &
RACERS+=($!)
sleep 0.1
old_ones 16 # these are asked with the old password, and answered when there is a new one
wait "${RACERS[@]}"
is "$(<"$WORK/raced")" 204 "it was set"
is "$(sql "SELECT count(*) FROM cpushare.token t JOIN cpushare.account a ON a.id = t.account WHERE a.email = 'race@example.org'")" 0 \
	"nobody who came with the old one is in"

note "the second factor"
# base32 SECRET: as hex.  code [STEPS]: of the app, now or STEPS later
base32() { perl -e '$_ = join "", map { sprintf "%05b", index "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", $_ } split //, shift; print unpack "H*", pack "B*", $_' "$1"; }
code() {
	local mac at
	mac=$(printf "$(printf %016x $(($(date +%s) / 30 + ${1:-0})) | sed 's/../\\x&/g')" | openssl dgst -sha1 -mac HMAC -macopt "hexkey:$(base32 "$SECRET")" | sed 's/.*= //')
	at=$((16#${mac: -1} * 2))
	printf %06d $(((16#${mac:at:8} & 0x7fffffff) % 1000000))
}
page POST /v1/account/second-factor/confirm '{"code":"000000"}'
is "$STATUS" 404 "nothing to confirm"
page POST /v1/account/second-factor
is "$STATUS" 201 "begin"
SECRET=$(field .secret)
like "$(field .uri)" "^otpauth://totp/CPUShare:anna%40example.org\?secret=$SECRET&issuer=CPUShare$" "an address for apps"
is "$(field '(.qr | length) as $n | [.qr[] | length == $n and test("^[01]+$")] | all and $n >= 21')" true "and its QR code, a square"
is "$(field '.qr[0][0:7]') $(field '.qr[6][0:7]')" "1111111 1111111" "with its corner"
page POST /v1/account/second-factor/confirm '{"code":"12345"}'
is "$STATUS $(field '.errors[0].field')" "422 code" "a code that is none"
login anna
is "$STATUS" 201 "until it is confirmed nothing changes"
FIRST=$(code)
page POST /v1/account/second-factor/confirm "{\"code\":\"$FIRST\"}"
is "$STATUS $(field '.recovery_codes | length') $(field '.recovery_codes | unique | length')" "200 10 10" "confirmed, with recovery codes"
RECOVERY=$(field '.recovery_codes[0]') RECOVERY2=$(field '.recovery_codes[1]')
like "$RECOVERY" '^[a-z2-7]{4}(-[a-z2-7]{4}){3}$' "of 80 bits each"
is "$(sql "SELECT count(*) FROM cpushare.recovery_code WHERE encode(hash, 'escape') LIKE '%$RECOVERY%'")" 0 "which are not kept"
page GET /v1/account
is "$(field .second_factor)" true "the account says so"
SEALED="SELECT octet_length(secret) || ' ' || (key IS NOT NULL) || ' ' || (position(decode('$(base32 "$SECRET")', 'hex') IN secret) > 0) FROM cpushare.second_factor"
is "$(sql "$SEALED")" "48 true false" "the app's secret is sealed"
is "$(stat -c %a "$MARKET_DATA/secrets.key")" 600 "with a key beside the database"
sql "UPDATE cpushare.second_factor SET key = NULL, secret = decode('$(base32 "$SECRET")', 'hex')" >/dev/null
end "$MARKET_PID"
ok "a market that finds one as it was kept before" restart_market
is "$(sql "$SEALED")" "48 true false" "seals it"
echo "0123abcd $(openssl rand -hex 32)" >>"$MARKET_DATA/secrets.key"
end "$MARKET_PID"
ok "and with a newer key" restart_market
is "$(sql "SELECT key FROM cpushare.second_factor")" 0123abcd "anew"
page POST /v1/account/second-factor
is "$STATUS $(field .code)" "409 wrong_state" "and nobody puts another in its place"
login_code() { api POST /v1/sessions "{\"email\":\"anna@example.org\",\"password\":\"$PASSWORD\",\"code\":\"$1\"}"; }
login anna
is "$STATUS $(field .code) $(field '.errors[0].field')" "401 code_needed code" "the password alone does not let in"
login_code "$FIRST"
is "$STATUS $(field .code)" "401 bad_code" "nor does the code that confirmed it, again"
NEXT=$(code 1)
login_code "$NEXT"
is "$STATUS" 201 "the next one does"
login_code "$NEXT"
is "$STATUS $(field .code)" "401 bad_code" "once"
login_code "${RECOVERY^^}"
is "$STATUS" 201 "a recovery code does, in capitals too"
login_code "$RECOVERY"
is "$STATUS $(field .code)" "401 bad_code" "once"
PASSWORD=wrong-password login_code "$RECOVERY2"
is "$STATUS $(field .code)" "401 bad_login" "a wrong password comes first"
page POST /v1/account/second-factor/remove '{"code":"999999"}'
is "$STATUS $(field .code)" "401 bad_code" "to remove it takes a code"
page POST /v1/account/second-factor/remove "{\"code\":\"$RECOVERY2\"}"
is "$STATUS" 204 "removed"
login anna
is "$STATUS" 201 "and the password lets in again"
is "$(sql 'SELECT count(*) FROM cpushare.recovery_code')" 0 "no recovery code is left"
page POST /v1/account/second-factor
SECRET=$(field .secret)
page POST /v1/account/second-factor/confirm "{\"code\":\"$(code)\"}"
for _ in {1..14}; do login_code 000000; [ "$STATUS" = 429 ] && break; done
is "$STATUS $(field .code)" "429 too_many" "codes cannot be tried without end"
like "$(sql "DELETE FROM cpushare.second_factor RETURNING 'gone'")" gone "(removed by hand)"

note "a device"
api POST /v1/device '{"client":"cpushare on a <b>server</b>"}'
is "$STATUS" 201 "a program begins"
DEVICE=$(field .device_code) CODE=$(field .user_code)
like "$CODE" '^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$' "a code for people"
is "$(field .verification_uri_complete)" "$URL/device?code=$CODE" "and where to type it"
poll() { api POST /v1/device/token "{\"device_code\":\"$DEVICE\"}"; }
poll
is "$STATUS $(field .code)" "400 authorization_pending" "it waits"
poll
is "$STATUS $(field .code)" "400 slow_down" "and not too hastily"
api GET "/v1/device/$CODE"
is "$STATUS" 401 "who answers must be logged in"
LOWER=${CODE,,}
page GET "/v1/device/${LOWER/-/}"
is "$STATUS $(field .client)" "200 cpushare on a <b>server</b>" "the user sees what asks, however the code is typed"
for wrong in BCDF-GHJ BCDF-GHJKL AAAA-AAAA BCDF-GHJK; do
	page GET "/v1/device/$wrong"
	is "$STATUS" 404 "$wrong is no code"
done
NARROW=$(api POST /v1/tokens '{"name":"a","scopes":["account"]}' "$BERT" && field .token)
api POST "/v1/device/$CODE/approve" "" "$NARROW"
is "$STATUS $(field .code)" "403 missing_scope" "a narrow token lets nobody in"
page POST "/v1/device/$CODE/approve"
is "$STATUS" 204 "the user lets it in"
page POST "/v1/device/$CODE/approve"
is "$STATUS" 404 "once"
poll
is "$STATUS $(field .email)" "201 anna@example.org" "the program has a session"
api GET /v1/account "" "$(field .token)"
is "$STATUS" 200 "that works"
poll
is "$STATUS $(field .code)" "400 expired_token" "and gets no second one"
api POST /v1/device '{"client":"cpushare"}'
DEVICE=$(field .device_code) CODE=$(field .user_code)
page POST "/v1/device/$CODE/deny"
poll
is "$STATUS $(field .code)" "400 access_denied" "the user says no"
api POST /v1/device '{"client":"cpushare"}'
DEVICE=$(field .device_code) CODE=$(field .user_code)
sql "UPDATE cpushare.device_grant SET expires_at = now() WHERE user_code = '${CODE/-/}'"
page GET "/v1/device/$CODE"
is "$STATUS" 404 "ten minutes later nobody can answer"
poll
is "$STATUS $(field .code)" "400 expired_token" "nor ask"
DEVICE=cpu_dev_000000000000000000000000000000000000 poll
is "$STATUS $(field .code)" "400 expired_token" "a code that is made up"

like "$(as carl timeout 20 cpushare login --browser --market "$URL" --pin sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= 2>&1)" 'server|key' "the command line trusts no other market"
as carl timeout 60 cpushare login --browser --market "$URL" --pin "$PIN" >"$WORK/carl.out" 2>&1 &
CARL=$!
shown() { grep -qE '[B-Z]{4}-[B-Z]{4}' "$WORK/carl.out"; }
ok "cpushare login --browser shows a code" within 20 shown
CODE=$(grep -oE '[B-Z]{4}-[B-Z]{4}' "$WORK/carl.out")
page GET "/v1/device/$CODE"
like "$(field .client)" '^cpushare on ' "and says what it is"
page POST "/v1/device/$CODE/approve"
wait $CARL
is "$? $(as carl cpushare whoami -o json | jq -r .email)" "0 anna@example.org" "and is in as who typed it"

note "export, and the end"
page GET /v1/account/export
is "$STATUS $(field '.account.email')" "200 anna@example.org" "everything that is kept"
is "$(field 'tostring | test("scrypt|cpu_ses|cpu_pat")')" false "no secrets in it"
signup olga && cpushare-market operator grant olga@example.org --data "$MARKET_DATA" >/dev/null && login olga && OLGA=$TOKEN
bye() { page POST /v1/account/delete "{\"password\":\"$PASSWORD\"${1:-}}"; }
deposit() {
	page POST /v1/deposits '{"amount_micro":5000000,"provider":"manual"}' 'X-CPUShare: web' 'Sec-Fetch-Site: same-origin' "$(key)"
	DEPOSIT=$(field .id)
}
deposit
bye
is "$STATUS $(field .code)" "409 has_obligations" "not while a deposit waits"
like "$(field .detail)" 'a deposit waits' "it says what"
api POST "/v1/deposits/$DEPOSIT/confirm" "" "$OLGA"
bye
like "$STATUS $(field .detail)" '409 money is on the balance' "not with money on the balance"
bye ',"forfeit_micro":4999999'
is "$STATUS" 409 "nor when less of it is given up"
page GET /v1/account/export
is "$(field '[.postings[].amount_micro] | map(tostring) | join(" ")')" 5000000 "the export has the ledger's rows"
api POST /v1/tokens '{"name":"seller","scopes":["machines"]}' "" "Cookie: $COOKIE" 'X-CPUShare: web' 'Sec-Fetch-Site: same-origin'
new_machine desk "$(field .token)" || bail "$BODY"
bye ',"forfeit_micro":5000000'
like "$STATUS $(field .detail)" '409 a machine is enrolled' "not with a machine"
page DELETE "/v1/machines/${M_ID[desk]}"
PASSWORD=wrong-password bye ',"forfeit_micro":5000000'
is "$STATUS $(field '.errors[0].field')" "422 password" "not without the password"
ANNA_ID=$(sql "SELECT id FROM cpushare.account WHERE email = 'anna@example.org'")
bye ',"forfeit_micro":5000000'
is "$STATUS" 204 "then it goes"
page GET /v1/account
is "$STATUS" 401 "its sessions are out"
login anna
is "$STATUS" 401 "nobody logs in to it"
is "$(sql "SELECT count(*) FROM cpushare.account WHERE email ~ 'anna' OR name ~ 'anna'")" 0 "no row names it"
is "$(sql "SELECT balance_micro FROM cpushare.ledger_account WHERE owner = '$ANNA_ID' AND kind = 'funds'")" 5000000 "the ledger stays as it was"
api GET "/v1/sellers/$ANNA_ID"
is "$STATUS" 404 "it is no seller any more"
PASSWORD=correct-horse-battery signup anna
is "$STATUS" 201 "the address is free again"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
is "$(cat "$WORK/market.log" "$MARKET_DATA/postgres.log" | grep -cE 'cpu_[a-z]+_[0-9A-Za-z]{36}|\$scrypt|PRIVATE KEY')$(cat "$WORK/market.log" "$MARKET_DATA/postgres.log" | grep -cF -e "$PASSWORD" -e "$SECRET")" 00 \
	"no token, password, key or second factor is in a log, the database's included"
done_testing
