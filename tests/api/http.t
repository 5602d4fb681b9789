#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# http.t - the server itself: TLS and its pin, methods, pages, event streams, slow and greedy clients, stopping
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

mkdir -p "$WORK/web/sub"
printf '<!doctype html><title>x</title>' >"$WORK/web/index.html"
printf 'p{}' >"$WORK/web/sub/a.css"
printf 'secret' >"$WORK/web/.hidden.html"
printf '{"openapi":"3.1.0"}' >"$WORK/web/openapi.json"
ln -s /etc/passwd "$WORK/web/link.txt"
start_market --set limits.signups_burst=1000 --set "market.web_dir=$WORK/web" --set timing.heartbeat=1s --set limits.connections=64 \
	--set limits.connections_per_address=48 --set limits.connection_timeout=2s --set limits.streams_per_account=2
headers() { curl -ksi -o /dev/null -D - "$@" | tr -d '\r'; }

note "TLS"
like "$PIN" '^sha256//[A-Za-z0-9+/]{43}=$' "the pin is written"
ok "the key has that pin" curl -ksf --pinnedpubkey "$PIN" "$URL/healthz"
is "$(curl -ksf --pinnedpubkey sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= "$URL/healthz"; echo $?)" 90 "and no other"
isnt "$(curl -ksf --tls-max 1.1 "$URL/healthz" >/dev/null 2>&1; echo $?)" 0 "old TLS is refused"
is "$(stat -c %a "$MARKET_DATA/tls/key.pem")" 600 "the key is its owner's alone"
isnt "$(curl -s "http://${URL#https://}/healthz" >/dev/null 2>&1; echo $?)" 0 "no plain HTTP on it"

note "pages"
like "$(headers "$URL/")" "Content-Security-Policy: default-src 'none'.*" "a strict policy"
like "$(headers "$URL/")" 'text/html' "the index"
ETAG=$(headers "$URL/sub/a.css" | sed -n 's/^ETag: //p')
is "$(curl -ks -o /dev/null -w '%{http_code}' -H "If-None-Match: $ETAG" "$URL/sub/a.css")" 304 "an ETag that is known"
is "$(curl -ks -o /dev/null -w '%{http_code}' -H 'If-None-Match: "x"' "$URL/sub/a.css")" 200 "and one that is not"
is "$(curl -ks "$URL/v1/openapi.json")" '{"openapi":"3.1.0"}' "the interface's description"
for path in /.hidden.html /link.txt /sub /sub/../index.html /%2e%2e/etc/passwd /index.html/ /nothing.html //index.html; do
	is "$(curl -ks --path-as-is -o /dev/null -w '%{http_code}' "$URL$path")" 404 "not there: $path"
done
is "$(curl -ks -I -o /dev/null -w '%{http_code} %{size_download}' "$URL/index.html")" "200 0" "HEAD has no body"
like "$(headers -X DELETE "$URL/v1/market")" 'Allow: GET, HEAD' "405 says what is allowed"
like "$(headers "$URL/v1/market")" 'X-Request-Id: [0-9a-f-]{36}' "every answer has an id"
like "$(headers "$URL/v1/market")" 'Cache-Control: no-store' "and is not to be kept"
like "$(curl -ks "$URL/metrics")" 'cpushare_database_up 1' "metrics"
is "$(curl -ks "$URL/metrics" | grep -Evc '^(#|cpushare_[a-z_]+(\{[^}]*\})? -?[0-9.]+$)')" 0 "in Prometheus' format"

note "event streams"
signup anna
ANNA=$TOKEN
listen() { curl -ksN --max-time "$2" -H "Authorization: Bearer $ANNA" ${3:+-H "Last-Event-ID: $3"} "$URL/v1/events" >"$WORK/$1"; }
listen first 4 &
LISTENER=$!
sleep 0.5
api POST /v1/deposits '{"amount_micro":1000000,"provider":"manual"}' "$ANNA" "$(key)"
cpushare-market deposit confirm "$(field .id)" --data "$MARKET_DATA" >/dev/null
wait $LISTENER
like "$(<"$WORK/first")" 'event: deposit.credited' "what another process changed arrives"
like "$(<"$WORK/first")" ': still here' "signs of life too"
listen again 1 0
like "$(<"$WORK/again")" 'event: deposit.credited' "Last-Event-ID brings back what was missed"
listen again 1 "$(sed -n 's/^id: //p' "$WORK/first" | tail -n 1)"
is "$(grep -c ^event: "$WORK/again")" 0 "and nothing that was seen"
sql "INSERT INTO cpushare.event (account, kind, at, data) SELECT id, 'account.note', now(), jsonb_build_object('text', repeat('x', 200))
	FROM cpushare.account, generate_series(1, 4000) WHERE email = 'anna@example.org'" >/dev/null
curl -ksN --max-time 60 -H "Authorization: Bearer $ANNA" -H 'Last-Event-ID: 0' "$URL/v1/events" >"$WORK/much" &
LISTENER=$!
all_of_it() { [ "$(grep -c ^event: "$WORK/much")" -ge 4001 ]; }
ok "also where it is more than goes out at once" within 30 all_of_it
kill $LISTENER
wait $LISTENER
freed() { api GET /metrics && grep -q '^cpushare_event_streams 0$' <<<"$BODY"; }
ok "closed ones are noticed" within 20 freed
for _ in one two; do
	curl -ksN --max-time 60 -H "Authorization: Bearer $ANNA" "$URL/v1/events" >/dev/null &
	STREAMS+=($!)
done
both() { api GET /metrics && grep -q '^cpushare_event_streams 2$' <<<"$BODY"; }
ok "two streams" within 20 both
api GET /v1/events "" "$ANNA"
is "$STATUS" 429 "streams of one account are bounded"
kill "${STREAMS[@]}"
wait "${STREAMS[@]}"
ok "killed ones too" within 20 freed

note "greedy clients"
trap '' PIPE
PORT=${MARKET_LISTEN##*:}
for i in {1..60}; do exec {FD}<>"/dev/tcp/127.0.0.1/$PORT" && FDS+=($FD); done 2>/dev/null
sleep 0.3
ok "sixty silent connections" [ ${#FDS[@]} -ge 48 ]
answers() { curl -ksf -m 3 "$URL/healthz"; }
ok "are closed after a while, and others served" within 20 answers
for fd in "${FDS[@]}"; do exec {fd}>&-; done
exec 3<>"/dev/tcp/127.0.0.1/$PORT"
printf 'GET / HTTP/1.1\r\nnonsense' >&3
exec 3>&-
ok "noise instead of TLS" within 20 answers
head -c 100000 /dev/urandom | base64 -w 0 >"$WORK/noise"
is "$(curl -ks -o /dev/null -w '%{http_code}' -H "X-Long: $(head -c 60000 "$WORK/noise")" "$URL/healthz")" 431 "headers without end"
ok "it lives" within 20 answers
is "$(curl -ks -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/json' -H 'Content-Length: 3' -H 'Content-Length: 4' \
	-d '{}x' "$URL/v1/sessions")" 411 "two lengths"

note "sign-ups at once"
for i in {1..24}; do
	curl -ks -o /dev/null -w '%{http_code}\n' -X POST "$URL/v1/accounts" -H 'Content-Type: application/json' \
		-d "{\"email\":\"u$i@example.org\",\"password\":\"$PASSWORD\",\"name\":\"u$i\"}" &
done >"$WORK/codes"
sleep 0.2
api GET /v1/market
is "$STATUS $(jobs -rp | grep -vc "^$MARKET_PID$" | sed 's/^[1-9].*/waiting/')" "200 waiting" "others are served while sign-ups wait"
wait $(jobs -p | grep -v "^$MARKET_PID$")
is "$(sort "$WORK/codes" | uniq -c | tr -s ' ')" " 24 201" "all of them get in"

note "stopping"
listen last 20 &
for i in $(seq 12); do
	curl -ks -o /dev/null -w '%{http_code}\n' -X POST "$URL/v1/accounts" -H 'Content-Type: application/json' \
		-d "{\"email\":\"last$i@example.org\",\"password\":\"$PASSWORD\",\"name\":\"last\"}" >"$WORK/last-code.$i" &
done
within 10 eval '[ -n "$(cat "$WORK"/last-code.*)" ]' # the first is answered: the others are inside, and wait for a worker
kill -TERM $MARKET_PID
wait $MARKET_PID
is $? 0 "SIGTERM ends it with 0" || note "$(tail -n 40 "$WORK/market.log")"
ok "its database too" [ ! -e "$MARKET_DATA/postgres/postmaster.pid" ]
wait
is "$(sort -u "$WORK"/last-code.*)" 201 "who was waiting was answered"

note "plain HTTP"
MARKET_OPTIONS=(--http --set limits.signups_refill=1h) # on a slow machine ten tries take longer than six seconds
ok "on a loopback address" restart_market
URL=$(<"$MARKET_DATA/url")
like "$URL" '^http://127' "it says so"
api GET /healthz
is "$STATUS" 200 "it serves"
from() { curl -s -o /dev/null -w '%{http_code}' -X POST "$URL/v1/sessions" -H 'Content-Type: application/json' -H "X-Forwarded-For: $1" \
	"${@:2}" -d '{"email":"nobody@example.org","password":"wrong-password"}'; }
for i in {1..12}; do CODE=$(from "203.0.113.$i, 192.0.2.1"); [ "$CODE" = 429 ] && break; done
is "$CODE" 429 "behind a proxy the last forwarded address is counted"
is "$(from 192.0.2.2)" 401 "each by itself"
is "$(from 203.0.113.77 -H 'X-Forwarded-For: 192.0.2.1')" 429 "also where the proxy writes a line of its own"
is "$(cpushare-market serve --data "$WORK/other" --http --listen 0.0.0.0:0 2>/dev/null; echo $?)" 1 "nowhere else"
is "$(cpushare-market serve --data "$WORK/other" --set nothing.here=1 2>/dev/null; echo $?)" 2 "a setting that is none"
is "$(cpushare-market serve --data "$WORK/other" --set timing.lost_contact=soon 2>/dev/null; echo $?)" 2 "nor a value that is none"
cpushare-market config example >"$WORK/example.conf"
ok "the example is a settings file" cpushare-market --config "$WORK/example.conf" routes
done_testing
