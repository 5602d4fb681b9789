#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# refusals.t - what every route refuses, and that a refusal changes nothing: the database's contents are compared
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=100000 --set timing.lost_contact=1h --set timing.seen_interval=1h --set timing.start_timeout=1h --set timing.tick_interval=1h \
	--set timing.sample_interval=1h

# What happened before is added up behind, without anybody asking (db/procedures/80_history.sql).
added_up() { [ "$(sql "SELECT (SELECT count(*) FROM cpushare.tally) + (SELECT count(*) FROM cpushare.standing WHERE NOT rated)")" = 0 ]; }
# Everything in the database but when tokens were used, the chain that follows the postings by itself, and what was handed out by sequences for transactions that were rolled back.
contents() {
	within 10 added_up
	pg_dump --data-only --exclude-table-data=cpushare.token --exclude-table-data=cpushare.posting_chain --exclude-table-data=cpushare.market_sample --exclude-table-data=cpushare.book "$(market_uri)" | grep -Ev '^\\(un)?restrict|setval' | sha256sum
	psql -XAtq "$(market_uri)" -c 'SELECT id, account, machine, name, scopes, hash, expires_at FROM cpushare.token ORDER BY id' | sha256sum
}
unchanged() { # NAME
	local now
	now=$(contents)
	is "$now" "$CONTENTS" "$1: the database is as it was"
	CONTENTS=$now
}
# no NAME STATUS CODE METHOD PATH [BODY] [TOKEN] [HEADER...]: FIELD, where set, must be the field named
no() {
	local name=$1 status=$2 code=$3
	shift 3
	api "$@"
	echo "$BODY" >>"$WORK/refusals" # jq takes 40 ms to start: each code is cut out here, and all answers are read by one at the end
	local said=${BODY#*\"code\":\"} field=${BODY#*\"field\":\"}
	is "$STATUS ${said%%\"*}" "$status $code" "$name" || note "$BODY"
	[ -z "${FIELD:-}" ] || like "${field%%\"*}" "^$FIELD" "it names $FIELD"
}

signup seller && SELLER=$TOKEN
new_machine desk "$SELLER" || bail "$BODY"
MACHINE=${M_ID[desk]} MACHINE_TOKEN=${M_TOKEN[desk]}
report desk
signup stranger && STRANGER=$TOKEN
signup operator && cpushare-market operator grant operator@example.org --data "$MARKET_DATA" >/dev/null && login operator && OPERATOR=$TOKEN
new_buyer buyer 1000000 && BUYER=$TOKEN
new_image "$BUYER" || bail "$BODY"
READY=$IMAGE
api POST /v1/images "{\"name\":\"half\",\"size_bytes\":1048577,\"pieces\":[\"$(head -c 1048576 /dev/zero | sha256sum | cut -c1-64)\",\"$(printf x | sha256sum | cut -c1-64)\"]}" "$BUYER"
HALF=$(field .id)
new_order "$BUYER" '.cores = 2' && LEASED=$ORDER
matched() { api GET "/v1/orders/$LEASED/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ]; }
within 20 matched || bail "no match"
LEASE=$(field '.items[0].id')
new_order "$BUYER" '.max_price_per_core_hour_micro = 1' && OPEN=$ORDER
api POST /v1/deposits '{"amount_micro":5,"provider":"manual"}' "$BUYER" "$(key)"
DEPOSIT=$(field .id)
narrow() { api POST /v1/tokens "{\"name\":\"narrow\",\"scopes\":[\"$1\"]}" "$BUYER" && field .token; }
ONLY_FUNDS=$(narrow funds) ONLY_IMAGES=$(narrow images) ONLY_ACCOUNT=$(narrow account)
NIL=00000000-0000-0000-0000-000000000000
CONTENTS=$(contents)

note "every route without a token, with a bad one, with one that may not"
PUBLIC=' /v1/accounts /v1/sessions /v1/offers /v1/book /v1/sellers /v1/sellers/{id} /v1/sellers/{id}/history /v1/buyers/{id} /v1/outcomes /v1/reputation /v1/trades /v1/market/samples /v1/market/countries /v1/market /v1/openapi.json /v1/openapi.yaml /healthz /metrics /v1/payments/{word}/webhook /v1/payments/{word}/return /v1/device /v1/device/token /v1/password-reset /v1/password/forgot /v1/address/confirm * '
[[ $BUYER == *x ]] && MISTYPED=${BUYER%?}y || MISTYPED=${BUYER%?}x
PUBLIC+='/v1/trust/policy /v1/machines/{id}/calibrations '
while read -r method pattern _; do
	case "$PUBLIC" in *" $pattern "*) continue ;; esac
	path=${pattern//\{id\}/$NIL}
	path=${path//\{hash\}/$NO_HASH}
	path=${path//\{word\}/BCDF-GHJK}
	path=${path//\{n\}/0}
	no "$method $pattern without a token" 401 no_token "$method" "$path"
	no "$method $pattern with a mistyped token" 401 bad_token "$method" "$path" "" "$MISTYPED"
	no "$method $pattern with an unknown token" 401 bad_token "$method" "$path" "" cpu_ses_000000000000000000000000000000000000
	case $pattern in
	/v1/account | /v1/sessions/current) continue ;;
	/v1/account/* | /v1/device/*) no "$method $pattern without the scope" 403 missing_scope "$method" "$path" "" "$ONLY_FUNDS" ;;
	/v1/operator/* | *confirm | *fail | */decide | */correct | *approve) no "$method $pattern as a buyer" 403 not_operator "$method" "$path" "" "$BUYER" ;;
	/v1/balance | /v1/earnings | /v1/postings | /v1/statement* | /v1/deposits* | /v1/payouts*) no "$method $pattern without the scope" 403 missing_scope "$method" "$path" "" "$ONLY_IMAGES" ;;
	*) no "$method $pattern without the scope" 403 missing_scope "$method" "$path" "" "$ONLY_FUNDS" ;;
	esac
done < <(cpushare-market routes)
unchanged tokens

note "every body: no JSON, another type, unknown and missing fields, wrong types, numbers out of range"
PEER="{\"id\":\"${NIL/0/1}\",\"name\":\"laptop\",\"pin\":\"$NO_HASH\",\"candidates\":[],\"peers_version\":0}"
declare -A BODIES=(
	["POST /v1/accounts"]='{"email":"new@example.org","password":"correct-horse","name":"new","cookie":true}'
	["POST /v1/sessions"]='{"email":"buyer@example.org","password":"correct-horse","code":"123456","cookie":true}'
	["POST /v1/tokens"]='{"name":"x","scopes":["funds"],"expires_in_s":60}'
	["POST /v1/account/password"]='{"password":"correct-horse","new_password":"another-horse"}'
	["POST /v1/account/address"]='{"password":"correct-horse","email":"new@example.org"}'
	["POST /v1/password-reset"]='{"token":"cpu_rst_000000000000000000000000000000000000","new_password":"another-horse"}'
	["POST /v1/password/forgot"]='{"email":"buyer@example.org"}'
	["POST /v1/address/confirm"]='{"token":"cpu_cnf_000000000000000000000000000000000000"}'
	["PUT /v1/account/mail"]='{"kinds":["funds"]}'
	["POST /v1/account/second-factor/confirm"]='{"code":"123456"}'
	["POST /v1/account/second-factor/remove"]='{"code":"123456"}'
	["POST /v1/account/delete"]='{"password":"correct-horse","code":"123456","forfeit_micro":1}'
	["POST /v1/device"]='{"client":"cpushare"}'
	["POST /v1/device/token"]='{"device_code":"cpu_dev_000000000000000000000000000000000000"}'
	["POST /v1/deposits"]='{"amount_micro":1000000,"provider":"manual"}'
	["POST /v1/payouts"]='{"amount_micro":10000000,"provider":"manual","receiver":"DE1"}'
	["POST /v1/payouts/quote"]='{"amount_micro":10000000,"provider":"manual","receiver":"DE1"}'
	["POST /v1/images"]="{\"name\":\"x\",\"size_bytes\":1,\"pieces\":[\"$NO_HASH\"],\"cdrom_bus\":\"scsi\"}"
	["POST /v1/machines"]=$(enrolment laptop)
	["POST /v1/machines/$MACHINE/report"]=$(report_body desk '[]' | jq -c '.seq = 1')
	["POST /v1/leases/$LEASE/console"]='{"from":0,"end":0,"data":"","live":true,"typed":0}'
	["POST /v1/leases/$LEASE/console/input"]='{"data":"eA=="}'
	["POST /v1/leases/$LEASE/feedback"]='{"good":true,"comment":"fine"}'
	["POST /v1/orders"]=$(order_body '. + {name: "x", duration_s: 60, open_s: 60, budget_micro: 1000000, constraints: {}, user_data: "x"}')
	["POST /v1/orders/quote"]=$(order_body '. + {name: "x", duration_s: 60, open_s: 60, budget_micro: 1000000, constraints: {}, user_data: "x"}')
	["POST /v1/orders/$OPEN/peers"]=$PEER
	["POST /v1/orders/$OPEN/extend"]='{"duration_s":7200}'
)
token_for() {
	case $1 in
	*/v1/machines/*/report | *console) echo "$MACHINE_TOKEN" ;;
	*/v1/machines) echo "$SELLER" ;;
	*) echo "$BUYER" ;;
	esac
}
for route in "${!BODIES[@]}"; do
	read -r method path <<<"$route"
	good=${BODIES[$route]} token=$(token_for "$route")
	no "$route: no JSON" 400 bad_json "$method" "$path" '{"name":' "$token" "$(key)"
	no "$route: two values" 400 bad_json "$method" "$path" "$good$good" "$token" "$(key)"
	no "$route: an array" 400 bad_json "$method" "$path" '[1]' "$token" "$(key)"
	no "$route: text" 400 bad_json "$method" "$path" '"x"' "$token" "$(key)"
	no "$route: a key twice" 400 bad_json "$method" "$path" "${good%\}},\"name\":\"a\",\"name\":\"b\"}" "$token" "$(key)"
	no "$route: a number beyond 64 bits" 400 bad_json "$method" "$path" "${good%\}},\"n\":99999999999999999999}" "$token" "$(key)"
	no "$route: too deep" 400 bad_json "$method" "$path" "${good%\}},\"x\":$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})}" "$token" "$(key)"
	no "$route: bytes that are no UTF-8" 400 bad_json "$method" "$path" "${good%\}},\"x\":\"$(printf '\xff')\"}" "$token" "$(key)"
	STATUS=$(curl -ks -o "$WORK/body" -w '%{http_code}' -X "$method" -H "Authorization: Bearer $token" -d 'a=b' "$URL$path")
	is "$STATUS $(jq -r .code "$WORK/body")" "415 bad_content_type" "$route: form data"
	no "$route: nothing" 411 no_length "$method" "$path" "" "$token" "$(key)" 'Content-Length:'
	FIELD=surprise no "$route: an unknown field" 422 bad_field "$method" "$path" "$(jq -c '.surprise = 1' <<<"$good")" "$token" "$(key)"
	while read -r name type; do
		wrong='{}' with=$(jq -c --arg n "$name" '.[$n] = "VALUE"' <<<"$good")
		[[ $name =~ ^(constraints|terms)$ ]] && wrong='[]'
		FIELD=$name no "$route: $name of a wrong type" 422 bad_field "$method" "$path" "${with/\"VALUE\"/$wrong}" "$token" "$(key)"
		[ "$type" = number ] || continue
		for value in -2 1.5 '"1"' 9223372036854775807; do
			case "$route $name $value" in *'/console from 9223372036854775807' | *'/console end 9223372036854775807' | \
				*report*\ seq\ 9* | *\ peers_version\ 9*) continue ;; esac
			FIELD=$name no "$route: $name of $value" 422 bad_field "$method" "$path" "${with/\"VALUE\"/$value}" "$token" "$(key)"
		done
	done < <(jq -r 'to_entries[] | "\(.key) \(.value | type)"' <<<"$good")
done
FIELD=
unchanged bodies

note "bodies where none belong, and too large ones"
no "a body with GET" 400 bad_request GET /v1/balance '{}' "$BUYER"
no "a body with DELETE" 400 bad_request DELETE "/v1/images/$READY" '{}' "$BUYER"
no "a field with cancel" 422 bad_field POST "/v1/orders/$OPEN/cancel" '{"why":"x"}' "$BUYER"
head -c 5000 /dev/zero | tr '\0' ' ' >"$WORK/large"
api POST /v1/sessions "@$WORK/large"
is "$STATUS $(field .code)" "413 too_large" "5 kB of log-in"
head -c 6000000 /dev/zero >"$WORK/large"
api POST /v1/orders "@$WORK/large" "$BUYER" "$(key)"
is "$STATUS" 413 "6 MB of order"
STATUS=$(curl -ks -o "$WORK/body" -w '%{http_code}' -X POST -H "Authorization: Bearer $BUYER" -H 'Transfer-Encoding: chunked' \
	-H 'Content-Type: application/json' -d '{}' "$URL/v1/orders")
is "$STATUS" 411 "a chunked body"
no "a long address" 400 bad_request GET "/v1/orders?x=$(printf 'x%.0s' {1..3000})" "" "$BUYER"
no "another method" 405 bad_method PATCH /v1/orders "" "$BUYER"
no "a method nobody knows" 405 bad_method BREW /v1/orders "" "$BUYER"
no "an address that is none" 404 no_route GET /v1/nothing
no "nor with POST" 404 no_route POST /v1/nothing '{}'
no "a way out of the folder" 404 no_route GET '/..%2f..%2fetc%2fpasswd'
STATUS=$(curl -ks --path-as-is -o "$WORK/body" -w '%{http_code}' "$URL/../../etc/passwd")
is "$STATUS" 404 "nor with plain dots"
no "an id that is none" 404 not_found GET /v1/orders/1 "" "$BUYER"
unchanged "odd requests"

note "what is not one's own"
for path in "orders/$OPEN" "orders/$OPEN/leases" "orders/$OPEN/receipt" "orders/$OPEN/explain" "leases/$LEASE" "leases/$LEASE/console" \
	"images/$READY" "images/$READY/pieces" "images/$READY/pieces/0" "machines/$MACHINE" "machines/$MACHINE/leases" "deposits/$DEPOSIT"; do
	no "a stranger reads $path" 404 not_found GET "/v1/$path" "" "$STRANGER"
	no "nobody reads $path of nothing" 404 not_found GET "/v1/${path//[0-9a-f]-[0-9a-f]/0-0}" "" "$STRANGER"
done
no "a stranger cancels" 404 not_found POST "/v1/orders/$OPEN/cancel" "" "$STRANGER"
no "a stranger ends a VM" 404 not_found POST "/v1/leases/$LEASE/end" "" "$STRANGER"
no "its seller ends it so" 403 missing_scope POST "/v1/leases/$LEASE/end" "" "$MACHINE_TOKEN"
no "a stranger resets a VM" 404 not_found POST "/v1/leases/$LEASE/reset" "" "$STRANGER" "$(key)"
no "a reset without a key" 400 idempotency_key_missing POST "/v1/leases/$LEASE/reset" "" "$BUYER"
no "a reset of what does not run" 409 wrong_state POST "/v1/leases/$LEASE/reset" "" "$BUYER" "$(key)"
no "a stranger extends" 404 not_found POST "/v1/orders/$OPEN/extend" '{"duration_s":7200}' "$STRANGER"
no "a shorter time" 422 bad_field POST "/v1/orders/$OPEN/extend" '{"duration_s":60}' "$BUYER"
no "a stranger joins the network" 404 not_found POST "/v1/orders/$OPEN/peers" "$PEER" "$STRANGER"
no "a stranger removes a peer" 404 not_found DELETE "/v1/orders/$OPEN/peers/$NIL" "" "$STRANGER"
no "a stranger marks" 404 not_found POST "/v1/leases/$LEASE/feedback" '{"good":false}' "$STRANGER"
no "a stranger deletes an image" 404 not_found DELETE "/v1/images/$READY" "" "$STRANGER"
no "a stranger retires a machine" 404 not_found DELETE "/v1/machines/$MACHINE" "" "$STRANGER"
no "a stranger orders the image" 404 not_found POST /v1/orders "$(order_body)" "$STRANGER" "$(key)"
no "a stranger revokes a token" 404 not_found DELETE "/v1/tokens/$NIL" "" "$STRANGER"
no "the operator reads an order" 404 not_found GET "/v1/orders/$OPEN" "" "$OPERATOR"
no "a machine reports as another" 404 not_found POST "/v1/machines/$NIL/report" "$(report_body desk)" "$MACHINE_TOKEN"
no "a machine reads another lease" 404 not_found GET "/v1/leases/$NIL/spec" "" "$MACHINE_TOKEN"
no "a machine reads an image that it has no lease of" 404 not_found GET "/v1/images/$HALF/pieces" "" "$MACHINE_TOKEN"
no "a machine orders" 403 missing_scope POST /v1/orders "$(order_body)" "$MACHINE_TOKEN" "$(key)"
no "a machine enrols a machine" 403 missing_scope POST /v1/machines "$(enrolment laptop)" "$MACHINE_TOKEN"
no "the buyer retires the seller's machine" 404 not_found DELETE "/v1/machines/$MACHINE" "" "$BUYER"
put_piece "$STRANGER" "$READY" 0 "$WORK/piece.0000"
is "$STATUS" 404 "a stranger uploads a piece"
unchanged "others' things"

note "what the rules refuse"
no "no key" 400 idempotency_key_missing POST /v1/orders "$(order_body)" "$BUYER"
no "a short key" 400 idempotency_key_missing POST /v1/deposits '{"amount_micro":1,"provider":"manual"}' "$BUYER" 'Idempotency-Key: 1234567'
no "a key with a space" 400 idempotency_key_missing POST /v1/deposits '{"amount_micro":1,"provider":"manual"}' "$BUYER" 'Idempotency-Key: 1234 5678'
no "no funds" 402 no_funds POST /v1/orders "$(order_body '.count = 200')" "$BUYER" "$(key)"
no "an image whose pieces are missing" 409 image_not_ready POST /v1/orders "$(order_body ".image = \"$HALF\"")" "$BUYER" "$(key)"
no "an image that is none" 404 not_found POST /v1/orders "$(order_body ".image = \"$NO_HASH\"")" "$BUYER" "$(key)"
no "a budget below the first minutes" 422 bad_field POST /v1/orders "$(order_body '.budget_micro = 5')" "$BUYER" "$(key)"
no "prices beyond counting" 422 bad_field POST /v1/orders "$(order_body '.max_price_per_core_hour_micro = 1000000000000 | .count = 256 | .cores = 64 | .duration_s = 2592000')" "$BUYER" "$(key)"
for change in '.count = 0' '.count = 257' '.cores = 0' '.cores = 65' '.memory_mib = 63' '.duration_s = 59' '.open_s = -1' '.mtu = 575' '.mtu = 9001' '.not_before = "soon"' '.constraints = {region: "fra", max_rtt_ms: 5}' '.constraints = {max_rtt_ms: 5}' '.constraints = {trusted: 1}' \
	'.constraints = {countries: ["de"]}' '.constraints = {countries: ["DEU"]}' '.constraints = {accel: "xen"}' '.constraints = {mood: 1}' \
	'.max_price_per_core_hour_micro = -1' '.max_price_per_core_hour_micro = 1000000000001' '.image = "x"' '.name = "a\nb"' 'del(.image)' \
	'del(.count)'; do
	no "an order with $change" 422 bad_field POST /v1/orders "$(order_body "$change")" "$BUYER" "$(key)"
done
no "an image in use" 409 image_in_use DELETE "/v1/images/$READY" "" "$BUYER"
put_piece "$BUYER" "$HALF" 1 <(printf y)
is "$STATUS $(field .code)" "422 bad_piece" "a piece with other bytes"
put_piece "$BUYER" "$HALF" 1 <(printf xx)
is "$STATUS $(field .code)" "422 bad_piece" "a piece of another length"
put_piece "$BUYER" "$HALF" 2 <(printf x)
is "$STATUS" 404 "a piece that is none"
head -c 1048577 /dev/zero >"$WORK/large"
put_piece "$BUYER" "$HALF" 0 "$WORK/large"
is "$STATUS" 413 "more than a piece"
STATUS=$(curl -ks -o "$WORK/body" -w '%{http_code}' -X PUT -H "Authorization: Bearer $BUYER" -H 'Content-Type: application/json' -d x "$URL/v1/images/$HALF/pieces/1")
is "$STATUS" 415 "a piece as JSON"
no "more than the largest deposit" 422 bad_field POST /v1/deposits '{"amount_micro":10000000001,"provider":"manual"}' "$BUYER" "$(key)"
no "a deposit of nothing" 422 bad_field POST /v1/deposits '{"amount_micro":0,"provider":"manual"}' "$BUYER" "$(key)"
no "a provider that is none" 422 bad_field POST /v1/deposits '{"amount_micro":1,"provider":"gold"}' "$BUYER" "$(key)"
no "a deposit that is none" 404 not_found POST "/v1/deposits/$NIL/confirm" "" "$OPERATOR"
no "a reference that is no text" 422 bad_field POST "/v1/deposits/$DEPOSIT/confirm" '{"reference":1}' "$OPERATOR"
no "an email address that is taken" 409 email_taken POST /v1/accounts "{\"email\":\"BUYER@example.org\",\"password\":\"$PASSWORD\",\"name\":\"x\"}"
no "a short password" 422 bad_field POST /v1/accounts '{"email":"x@example.org","password":"short","name":"x"}'
no "no email address" 422 bad_field POST /v1/accounts '{"email":"x","password":"correct-horse","name":"x"}'
no "a wrong password" 401 bad_login POST /v1/sessions '{"email":"buyer@example.org","password":"wrong-password"}'
no "a user who is none" 401 bad_login POST /v1/sessions '{"email":"nobody@example.org","password":"wrong-password"}'
no "a token for a machine" 422 bad_field POST /v1/tokens '{"name":"x","scopes":["machine"]}' "$BUYER"
no "a token for an operator" 403 not_operator POST /v1/tokens '{"name":"x","scopes":["operator"]}' "$BUYER"
no "a token that may more than its maker" 403 missing_scope POST /v1/tokens '{"name":"x","scopes":["funds"]}' "$ONLY_ACCOUNT"
no "a token that may nothing" 422 bad_field POST /v1/tokens '{"name":"x","scopes":[]}' "$BUYER"
no "a proof of another name" 422 bad_signature POST /v1/machines "$(enrolment laptop | jq -c '.name = "other"')" "$SELLER"
no "a key that another seller enrolled" 409 key_taken POST /v1/machines "$(enrolment desk)" "$STRANGER"
no "a mark of a lease that cost nothing" 409 not_paid POST "/v1/leases/$LEASE/feedback" '{"good":false}' "$BUYER"
no "a limit of nothing" 422 bad_field GET '/v1/orders?limit=0' "" "$BUYER"
no "a limit beyond the bound" 422 bad_field GET '/v1/orders?limit=201' "" "$BUYER"
no "a cursor that is none" 422 bad_field GET '/v1/orders?cursor=x' "" "$BUYER"
no "events of an order that is none" 422 bad_field GET '/v1/events?order=x' "" "$BUYER"
no "events behind no number" 422 bad_field GET '/v1/events?after=-1' "" "$BUYER"
no "a console from a negative offset" 422 bad_field GET "/v1/leases/$LEASE/console?from=-1" "" "$BUYER"
no "a deposit's state that is none" 422 bad_field GET '/v1/operator/deposits?state=rich' "" "$OPERATOR"
no "a seller who is none" 404 not_found GET "/v1/sellers/$NIL"
unchanged rules
ok "each refusal has its code, a request's id, and errors only with fields" jq -es 'all(.[]; (.code | type) == "string" and (.request_id | type) == "string" and ((.errors // []) | all(has("field"))))' "$WORK/refusals"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
kill -TERM $MARKET_PID
wait $MARKET_PID
is $? 0 "the market stops cleanly" || note "$(tail -n 40 "$WORK/market.log")"
done_testing
