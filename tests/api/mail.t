#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mail.t - the market's mail, at a real server (aiosmtpd): what arrives, what is refused, retried and given up, and what no mail ever holds
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"
BOX=$WORK/box
mkdir "$BOX"
PORT=$(free_port)
# start_server ADDRESS [smtps|starttls]
start_server() {
	: >"$WORK/server.out"
	"$TOP/tests/mail/server" "$1" "$PORT" "$BOX" "${@:2}" >"$WORK/server.out" 2>&1 &
	SERVER=$!
	cleanup "end $SERVER"
	within 20 grep -q ready "$WORK/server.out" || bail "no mail server: $(<"$WORK/server.out")"
}
# mail_to ADDRESS SUBJECT-REGEX: sets MAIL, the newest such file
mail_to() {
	MAIL=$(ls -t "$BOX/$1"-*.json 2>/dev/null | xargs -r jq -r --arg s "$2" 'select(.subject | test($s)) | input_filename' | head -n 1)
	[ -n "$MAIL" ]
}
arrives() { within 30 mail_to "$1" "$2"; }
text() { jq -r .text "$MAIL"; }
link() { text | grep -o "#cpu_$1_[0-9A-Za-z]*" | head -n 1 | cut -c2-; }
confirmed() { # NAME: reads the mail, follows the link
	arrives "$1@example.org" Confirm && api POST /v1/address/confirm "{\"token\":\"$(link cnf)\"}" && [ "$STATUS" = 204 ]
}
states() { sql "SELECT string_agg(state, ' ' ORDER BY state) FROM cpushare.mail WHERE address = '$1' AND kind = '$2'"; }
state_is() { [ "$(states "$1" "$2")" = "$3" ]; }
noted() { sql "SELECT note FROM cpushare.mail WHERE address = '$1' ORDER BY created_at DESC LIMIT 1" | grep -qE "$2"; }
looked() { [ "$(sql "SELECT after >= (SELECT max(id) FROM cpushare.event) FROM cpushare.mail_cursor")" = t ]; } # through all events
forgot() { api POST /v1/password/forgot "{\"email\":\"$1\"}"; }

# ---- settings that cannot work say so ----
refused() { # SENTENCE OPTION...
	cpushare-market serve --data "$WORK/none" --listen 127.0.0.1:0 "${@:2}" >"$WORK/none.out" 2>&1
	is $? 1 "a market with ${*:3} does not start"
	like "$(<"$WORK/none.out")" "$1" "and says why"
}
printf 'user = u\npassword = p\n' >"$WORK/open.ini"
refused 'mail.from: must be an address' --set mail.server=smtp://127.0.0.1:25
refused 'mail.from: must be an address' --set mail.server=smtp://127.0.0.1:25 --set 'mail.from=a@b> c'
refused 'mail.server: must be smtp' --set mail.server=http://127.0.0.1 --set mail.from=a@b
refused 'mail.server: must be smtp' --set mail.server=smtp://user:word@127.0.0.1 --set mail.from=a@b
refused 'chmod 600' --set mail.server=smtp://127.0.0.1 --set mail.from=a@b --set mail.login="$WORK/open.ini"

COMMON=(--set mail.from=market@example.org --set mail.confirm_signup=no --set mail.retry=10ms --set mail.give_up=1h --set limits.signups_burst=1000 --set 'market.name=Márket, "Ltd" <x@y>')
start_server 127.0.0.1
start_market --set mail.server=smtp://127.0.0.1:$PORT "${COMMON[@]}"
api GET /v1/market
is "$(field .mail)" true "the market says that it sends mail"

# ---- an address is confirmed ----
signup ann && ANN=$TOKEN
ok "who signs up is mailed" arrives ann@example.org 'Confirm'
is "$(jq -r '.from, .to[0]' "$MAIL" | tr -d '<>' | tr '\n' ' ')" "market@example.org ann@example.org " "the envelope names both"
is "$(jq -r '.headers | map(.[0]) | sort | join(" ")' "$MAIL")" \
	"Auto-Submitted Content-Transfer-Encoding Content-Type Date From MIME-Version Message-ID Subject To" "the header is whole, and nothing more"
like "$(jq -r '.headers[] | select(.[0] == "From")[1]' "$MAIL")" '^.*Márket.*<market@example.org>$' "a name of any characters is one name"
is "$(jq -r '.longest <= 78' "$MAIL")" true "no line is longer than mail wants"
TOKEN_SEEN=$(link cnf)
like "$TOKEN_SEEN" '^cpu_cnf_[0-9A-Za-z]{36}$' "it has a link"
api GET /v1/account/mail "" "$ANN"
is "$(jq -c . <<<"$BODY")" '{"sends":true,"email":"ann@example.org","confirmed":false,"kinds":["funds","payouts","disputes","logins"]}' "it is not confirmed yet"
api POST /v1/account/mail/confirmation "" "$ANN"
is "$STATUS" 204 "the mail is sent again"
within 20 state_is ann@example.org address "sent sent"
api POST /v1/address/confirm "{\"token\":\"$TOKEN_SEEN\"}"
is "$STATUS" 422 "which makes the first link void"
ok "the second confirms the address" confirmed ann
api POST /v1/address/confirm "{\"token\":\"$(link cnf)\"}"
is "$STATUS" 422 "once"
api GET /v1/account/mail "" "$ANN"
is "$(field .confirmed)" true "it is confirmed"
api POST /v1/account/mail/confirmation "" "$ANN"
is "$STATUS" 409 "and needs no other mail"

# ---- the address becomes another ----
move() { api POST /v1/account/address "{\"password\":\"$PASSWORD\",\"email\":\"$1\"}" "${2:-$ANN}"; }
move ANNA@example.net
is "$STATUS" 204 "another address is asked for"
ok "and mailed" arrives anna@example.net 'Confirm your new'
MOVE=$(link cnf)
api GET /v1/account "" "$ANN"
is "$(field .email)" ann@example.org "until the link is opened it stays what it is"
api POST /v1/address/confirm "{\"token\":\"$MOVE\"}"
api GET /v1/account "" "$ANN"
is "$STATUS $(field .email)" "200 anna@example.net" "then it is the other; the session goes on"
ok "the old one is told" arrives ann@example.org 'another address'
like "$(text)" 'is anna@example.net from now on' "which it is"
api POST /v1/address/confirm "{\"token\":\"$MOVE\"}"
is "$STATUS" 422 "the link works once"
api POST /v1/sessions "{\"email\":\"ann@example.org\",\"password\":\"$PASSWORD\"}"
is "$STATUS" 401 "the old address logs nobody in"
signup taken && TAKEN=$TOKEN
move taken@example.org
is "$STATUS" 204 "that it is somebody's, nobody is told"
ok "and nothing is mailed" within 20 state_is taken@example.org new_address dropped
move later@example.org
ok "one that is free is" arrives later@example.org 'Confirm your new'
sql "UPDATE cpushare.account SET email = 'later@example.org' WHERE email = 'taken@example.org'"
api POST /v1/address/confirm "{\"token\":\"$(link cnf)\"}"
is "$STATUS $(field .code)" "409 email_taken" "who has it by then keeps it"
move ann@example.org
ok "the first is free again" arrives ann@example.org 'Confirm your new'
api POST /v1/address/confirm "{\"token\":\"$(link cnf)\"}"
api GET /v1/account "" "$ANN"
is "$(field .email)" ann@example.org "and can be had back"

# ---- links that were asked for before the address, or the password, became another ----
reset() { api POST /v1/password-reset "{\"token\":\"$1\",\"new_password\":\"another-horse-battery\"}"; }
same_password() { api POST /v1/account/password "{\"password\":\"$PASSWORD\",\"new_password\":\"$PASSWORD\"}" "$ZOE"; }
signup zoe && ZOE=$TOKEN
forgot zoe@example.org
ok "a link for a forgotten password goes to the address of now" arrives zoe@example.org 'password'
RESET=$(link rst)
move zoe@example.net "$ZOE"
ok "the account has another" arrives zoe@example.net 'Confirm your new'
api POST /v1/address/confirm "{\"token\":\"$(link cnf)\"}"
is "$STATUS" 204 "from now on"
reset "$RESET"
is "$STATUS" 422 "who reads the old one sets no password"
forgot zoe@example.net
ok "a link for the password" arrives zoe@example.net 'password'
RESET=$(link rst)
move zoe@example.com "$ZOE"
ok "and one for another address" arrives zoe@example.com 'Confirm your new'
same_password
is "$STATUS" 204 "are void once there is another password"
reset "$RESET"
is "$STATUS" 422 "the one"
api POST /v1/address/confirm "{\"token\":\"$(link cnf)\"}"
is "$STATUS" 422 "and the other: whoever knew the old password takes no account along"
echo '451 later' >"$BOX/rcpt"
move zoe@example.com "$ZOE"
ok "one that is not mailed yet" within 20 noted zoe@example.com 451
same_password
rm "$BOX/rcpt"
ok "is not mailed any more" within 20 state_is zoe@example.com new_address "dropped sent"

# ---- a forgotten password ----
alike() { curl -ks -m 20 -D- -o "$WORK/alike.body" -X POST "$URL/v1/password/forgot" -H 'Content-Type: application/json' -d "{\"email\":\"$1\"}" |
	grep -viE '^(x-request-id|date):' | cat - "$WORK/alike.body"; }
is "$(alike ann@example.org)" "$(alike nobody@example.org)" "the answer does not tell who is here"
ok "who is, is mailed a link" arrives ann@example.org 'password'
LINK=$(link rst)
ok "who is not, is not" within 20 state_is nobody@example.org password dropped
api POST /v1/password-reset "{\"token\":\"$LINK\",\"new_password\":\"another-horse-battery\"}"
is "$STATUS" 204 "the link sets a password"
api POST /v1/password-reset "{\"token\":\"$LINK\",\"new_password\":\"another-horse-battery\"}"
is "$STATUS" 422 "once"
api GET /v1/account "" "$ANN"
is "$STATUS" 401 "and ends the sessions"
api POST /v1/sessions '{"email":"ann@example.org","password":"another-horse-battery"}' "" 'User-Agent: harp/1'
ANN=$(field .token)
for _ in 1 2 3 4; do forgot ANN@example.org; done
ok "three links in half an hour, in whatever case the address is typed" within 20 state_is ann@example.org password "dropped dropped sent sent sent"
is "$(sql "SELECT count(*) FROM cpushare.mail m WHERE m::text ~ 'cpu_(rst|cnf)_'")$(grep -cE 'cpu_(rst|cnf)_' "$WORK/market.log")" 00 "no link lies in the database, or in the log"
forgot 'ann@example.org\r\nBcc: eve@example.org'
is "$STATUS" 422 "an address with a line's end is refused"
api POST /v1/accounts '{"email":"a>b@example.org","password":"correct-horse","name":"x"}'
is "$STATUS" 422 "so is one with brackets"

# ---- what users are told of ----
ok "a log-in of a new program is mailed" arrives ann@example.org 'new log-in'
like "$(text)" 'program  harp/1.*address  127.0.0.1' "with what it said of itself, and from where"
before=$(states ann@example.org login)
api POST /v1/sessions '{"email":"ann@example.org","password":"another-horse-battery"}' "" 'User-Agent: harp/1'
is "$(states ann@example.org login)" "$before" "a program that is known is not"
sql "INSERT INTO cpushare.mail (id, address, kind, state, created_at, next_at) SELECT gen_random_uuid(), 'ann@example.org', 'password', 'dropped', now(), now()
	FROM generate_series(1, 60)" # strangers' wishes, more than mail.a_day
api POST /v1/sessions '{"email":"ann@example.org","password":"another-horse-battery"}' "" 'User-Agent: lyre/1'
lyre() { mail_to ann@example.org 'new log-in' && text | grep -q lyre/1; }
ok "who is asked by strangers for links is told nevertheless" within 20 lyre
ID=$(sql "SELECT id FROM cpushare.account WHERE email = 'ann@example.org'")
sql "SELECT cpushare.funds_warn('$ID', NULL, 1500000, 3000000, '2026-11-21 14:30:00+00', now())"
ok "a balance that runs out is mailed, with the hour" arrives ann@example.org 'balance runs out at 14:30 UTC'
like "$(text)" '2026-11-21 14:30 UTC.*1.50 EUR are left, and an hour costs 3.00' "and what an hour costs"
new_operator >/dev/null && OPERATOR=$(user_token operator)
api POST /v1/deposits '{"amount_micro":50000000,"provider":"manual"}' "$ANN" "$(key)"
api POST "/v1/deposits/$(field .id)/confirm" "" "$OPERATOR"
api POST /v1/payouts '{"amount_micro":20000000,"provider":"manual","receiver":"DE00 1234"}' "$ANN" "$(key)"
api POST "/v1/payouts/$(field .id)/fail" "" "$OPERATOR"
ok "a payout that was returned is mailed" arrives ann@example.org 'payout was returned'
api POST /v1/payouts '{"amount_micro":10000000,"provider":"manual","receiver":"DE00 1234"}' "$ANN" "$(key)"
ID_OUT=$(field .id)
for step in approve confirm; do api POST "/v1/payouts/$ID_OUT/$step" "" "$OPERATOR"; done
ok "and one that is paid" arrives ann@example.org 'payout is on its way'
like "$(text)" '10.00 EUR.*to DE00 1234' "with its receiver"

# Orders are mailed to who asks for it; their names are strangers to a header.
NAME='=?UTF-8?Q?Bcc:?= "größe" <eve@example.org>, ,'
over() { # an order that nothing came of
	new_order "$ANN" ".max_price_per_core_hour_micro = 1 | .name = $(jq -n --arg n "$NAME" '$n')" && api POST "/v1/orders/$ORDER/cancel" "" "$ANN"
}
ok "an image" new_image "$ANN" 1000
ok "an order is over" over
ok "which nobody is told of" within 20 looked
api PUT /v1/account/mail '{"kinds":["orders","orders","payouts"]}' "$ANN"
is "$STATUS $(jq -c .kinds <<<"$BODY")" '200 ["orders","payouts"]' "a choice is kept"
api PUT /v1/account/mail '{"kinds":["everything"]}' "$ANN"
is "$STATUS" 422 "of kinds that there are"
ok "another order is over" over
ok "that is mailed" arrives ann@example.org 'order .* is over'
is "$(jq -r .subject "$MAIL")" "The order \"$NAME\" is over" "its name stays a name"
is "$(jq -r '.to | length' "$MAIL")$(jq -r '.headers | map(select(.[0] == "Bcc" or .[0] == "To")) | length' "$MAIL")" 11 "to one receiver"
is "$(states ann@example.org order.ended)" sent "the first was not: nobody had asked"
signup bob && BOB=$TOKEN # who confirms nothing
IDB=$(sql "SELECT id FROM cpushare.account WHERE email = 'bob@example.org'")
sql "SELECT cpushare.funds_warn('$IDB', NULL, 1, 3000000, now(), now())"
ok "bob's first mail" arrives bob@example.org Confirm
sql "SELECT cpushare.funds_warn('$ID', '$ORDER', 1, 3, now(), now())"
ok "the events are looked at" within 20 looked
is "$(states bob@example.org funds.low)$(states ann@example.org order.budget_low)" "" "nothing goes to an address that nobody confirmed, or that nobody asked for"

# ---- servers that do not want ----
echo '451 later' >"$BOX/rcpt"
signup cat
within 20 noted cat@example.org '451'
ok "what is refused for now waits" state_is cat@example.org address waits
rm "$BOX/rcpt"
ok "and arrives" arrives cat@example.org Confirm
echo '550 nobody here' >"$BOX/data"
signup dan
ok "what is refused for good is given up" within 20 state_is dan@example.org address given_up
ok "with the answer noted" noted dan@example.org 550
rm "$BOX/data"
end "$SERVER"
signup eve
ok "while the server is gone, mail waits" within 20 noted eve@example.org '[Cc]onnect'
start_server 127.0.0.1
ok "and arrives when it is back" arrives eve@example.org Confirm
sql "INSERT INTO cpushare.mail (id, address, kind, created_at, next_at) VALUES (gen_random_uuid(), E'x@example.org\r\nBcc:y', 'order.ended', now(), now())"
ok "an address that is none is never sent to" within 20 eval '[ "$(sql "SELECT state FROM cpushare.mail WHERE address LIKE '\''x@%'\''")" = given_up ]'
like "$(curl -ks "$URL/metrics")" 'cpushare_mails\{state="sent"\} [0-9]' "Prometheus is told"

# ---- TLS: nothing goes over a line that others read ----
restart_with() { # SERVER OPTION...
	end "$MARKET_PID"
	MARKET_OPTIONS=(--set mail.server="$1" "${COMMON[@]}" "${@:2}")
	restart_market
}
end "$SERVER"
start_server 127.0.0.2
ok "a market with a server elsewhere" restart_with smtp://127.0.0.2:$PORT
signup fay
ok "which does not speak TLS" within 20 noted fay@example.org '[Tt][Ll][Ss]|[Ss][Ss][Ll]'
ok "gets no mail" state_is fay@example.org address waits
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$BOX/key.pem" -out "$BOX/cert.pem" -days 2 -subj /CN=127.0.0.2 -addext 'subjectAltName=IP:127.0.0.2,IP:127.0.0.1' 2>/dev/null
end "$SERVER"
start_server 127.0.0.2 starttls
ok "nor does one whose certificate nobody vouches for" within 20 noted fay@example.org 'certificate'
ok "it waits" state_is fay@example.org address waits
ok "a market that knows who vouches" restart_with smtp://127.0.0.2:$PORT --set mail.ca="$BOX/cert.pem"
ok "sends it" arrives fay@example.org Confirm
is "$(jq .tls "$MAIL")" true "by TLS"
end "$SERVER"
echo "mailer other" >"$BOX/login"
(umask 077 && printf 'user = mailer\npassword = sesame-%s\n' $$ >"$WORK/login.ini")
start_server 127.0.0.1 smtps
ok "a market with a password, and a rule" restart_with smtps://127.0.0.1:$PORT --set mail.ca="$BOX/cert.pem" --set mail.login="$WORK/login.ini" --set mail.confirm_first=yes
signup gus && GUS=$TOKEN
ok "a wrong password is for the operator to mend" within 20 noted gus@example.org '[Ll]ogin'
ok "the mail waits" state_is gus@example.org address waits
api GET /v1/orders "" "$GUS"
is "$STATUS $(field .code)" "403 missing_scope" "an account whose address is to be confirmed first can do nothing"
echo "mailer sesame-$$" >"$BOX/login"
ok "with the right one it is sent, and the link followed" confirmed gus
api GET /v1/orders "" "$GUS"
is "$STATUS" 200 "then the account can do everything"
is "$(grep -c -- "-$$" "$WORK/market.log")" 0 "no password is in the log"
api POST /v1/account/delete "{\"password\":\"$PASSWORD\"}" "$GUS"
is "$STATUS $(states gus@example.org address)" "204 " "with the account its mail goes"

done_testing
