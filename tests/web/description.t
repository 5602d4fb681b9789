#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# description.t - openapi.json tells the truth: every answer of a running market is held against it, its examples too
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scene.sh"
API=$TOP/web/openapi.json
# The judge is one process, which all answers are handed to. A coprocess's own descriptors are closed in subshells.
coproc JUDGE { exec "$TOP/tests/api/judge" "$API"; }
exec {ASK_JUDGE}>&"${JUDGE[1]}" {JUDGED}<&"${JUDGE[0]}"
cleanup "end $JUDGE_PID"
judged() { (IFS=$'\t'; printf '%s\n' "$*") >&"$ASK_JUDGE" && IFS= read -r -t 60 -d '' VERDICT <&"$JUDGED" || VERDICT="the judge is silent"; }

# wrong SCHEMA-JSON VALUE-FILE: prints what is wrong with the value
wrong() { judged value "$@" && [ -z "$VERDICT" ] || echo "$VERDICT"; }

# The operations' methods, and the refusals that they name for a status.
declare -A METHOD NAMED SEEN
while IFS=$'\t' read -r id method; do METHOD[$id]=$method; done < <(jq -r '.paths[] | to_entries[] | [.value.operationId, (.key | ascii_upcase)] | @tsv' "$API")
while IFS=$'\t' read -r id status ref; do NAMED[$id $status]=${ref##*/}; done < <(
	jq -r '.paths[][] | .operationId as $id | .responses | to_entries[] | [$id, .key, .value["$ref"] // ""] | @tsv' "$API")

# call OPERATION PATH [JSON] [TOKEN] [HEADER...]: asks, and holds the answer against the operation
call() {
	local id=$1
	shift
	[ -n "${METHOD[$id]:-}" ] || bail "no operation $id"
	SEEN[$id]=1
	: >"$WORK/body" # curl leaves it where an answer has none
	api "${METHOD[$id]}" "$@"
	[ -z "${ANSWERS:-}" ] || echo "$id $STATUS" >>"$ANSWERS"
	judged answer "$id" "$STATUS" "$WORK/body"
	is "$VERDICT" "" "$id: $STATUS as described"
}
# good OPERATION PATH …: the same, and it succeeds
good() {
	call "$@"
	[[ $STATUS == 2* ]] || { note "$BODY"; _tap 1 "$1 succeeds"; }
}
# refused CODE OPERATION PATH …: the same, and it is refused with this code, which the operation names
refused() {
	local code=$1
	shift
	call "$@"
	is "$(jq -r .code <<<"$BODY")" "$code" "$1: $code"
	[[ .${NAMED[$1 $STATUS]:-}. == *.$code.* ]]
	_tap $? "$1: $code is described"
}

# ---- examples obey their own schemas ----
is "$(jq -r '.components.schemas | to_entries[] | select(.value.examples) | .key' "$API" | while read -r name; do
	jq -c --arg n "$name" '.components.schemas[$n].examples[0]' "$API" >"$WORK/example"
	wrong "{\"\$ref\":\"api#/components/schemas/$name\"}" "$WORK/example" | sed "s/^/$name/"
done)" "" "every example is valid"
# A validator that finds nothing proves nothing.
echo '{"id":1,"items":[{"kind":"host","address":"x","port":7}]}' >"$WORK/bad"
is "$(wrong '{"type":"object","required":["name"],"properties":{"id":{"type":"string"},"items":{"type":"array","items":{"$ref":"api#/components/schemas/Candidate"}}},"additionalProperties":false}' \
	"$WORK/bad")" " must have required property 'name'; /id must be string; /items/0 must NOT have additional properties: port" "and what is not is found"

start_market --set timing.lost_contact=1h --set limits.signups_burst=200 --set timing.sample_interval=1s --set mail.server=smtp://127.0.0.1:1 --set mail.from=market@example.org --set mail.confirm_signup=no
none=$(cat /proc/sys/kernel/random/uuid)
hash=$(printf x | sha256sum | cut -d' ' -f1)

# ---- accounts ----
good createAccount /v1/accounts "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", name: "a", password: $p}')"
A=$(jq -r .token <<<"$BODY")
refused email_taken createAccount /v1/accounts "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", name: "a", password: $p}')"
refused bad_field createAccount /v1/accounts '{"email":"a"}'
refused bad_json createAccount /v1/accounts '{'
good createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p}')"
B=$(jq -r .token <<<"$BODY")
refused bad_login createSession /v1/sessions '{"email":"a@example.org","password":"wrong"}'
good endSession /v1/sessions/current "" "$B"
refused bad_token getAccount /v1/account "" "$B"
refused no_token getAccount /v1/account
good getAccount /v1/account "" "$A"
good createToken /v1/tokens '{"name":"narrow","scopes":["images"],"expires_in_s":3600}' "$A"
NARROW=$(jq -r .token <<<"$BODY") ID=$(jq -r .id <<<"$BODY")
refused not_operator createToken /v1/tokens '{"name":"wide","scopes":["operator"]}' "$A"
refused missing_scope createToken /v1/tokens '{"name":"wide","scopes":["orders"]}' "$NARROW"
good listTokens /v1/tokens "" "$A"
good deleteToken "/v1/tokens/$ID" "" "$A"
refused not_found deleteToken "/v1/tokens/$none" "" "$A"

# ---- ways in and out ----
WEB=('X-CPUShare: web' 'Sec-Fetch-Site: same-origin')
refused cross_site createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p, cookie: true}')"
good createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p, cookie: true}')" "" "${WEB[@]}"
is "$(jq 'has("token")' <<<"$BODY")" false "createSession: no token beside a cookie"
good createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p}')"
B=$(jq -r .token <<<"$BODY")
refused cross_site endSession /v1/sessions/current "" "" "Cookie: __Host-cpushare=$B"
good listSessions /v1/sessions "" "$B"
good deleteSession "/v1/sessions/$(jq -r '.items[] | select(.current | not).id' <<<"$BODY" | head -n 1)" "" "$B"
refused not_found deleteSession "/v1/sessions/$none" "" "$B"
refused bad_field changePassword /v1/account/password '{"password":"wrong","new_password":"long-enough"}' "$B"
good changePassword /v1/account/password "$(jq -nc --arg p "$PASSWORD" '{password: $p, new_password: $p}')" "$B"
refused not_found confirmSecondFactor /v1/account/second-factor/confirm '{"code":"1"}' "$B"
good beginSecondFactor /v1/account/second-factor "" "$B"
refused bad_field confirmSecondFactor /v1/account/second-factor/confirm '{"code":"1"}' "$B"
sql 'UPDATE cpushare.second_factor SET confirmed_at = now()'
refused wrong_state beginSecondFactor /v1/account/second-factor "" "$B"
refused wrong_state confirmSecondFactor /v1/account/second-factor/confirm '{"code":"1"}' "$B"
refused bad_code removeSecondFactor /v1/account/second-factor/remove '{"code":"1"}' "$B"
refused code_needed createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p}')"
refused bad_code createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p, code: "1"}')"
refused code_needed deleteAccount /v1/account/delete "$(jq -nc --arg p "$PASSWORD" '{password: $p}')" "$B"
sql 'DELETE FROM cpushare.second_factor'
good exportAccount /v1/account/export "" "$B"
refused bad_field deleteAccount /v1/account/delete '{"password":"wrong"}' "$B"
good beginDevice /v1/device '{"client":"cpushare"}'
DEVICE=$(jq -r .device_code <<<"$BODY") CODE=$(jq -r .user_code <<<"$BODY")
refused authorization_pending pollDevice /v1/device/token "{\"device_code\":\"$DEVICE\"}"
refused slow_down pollDevice /v1/device/token "{\"device_code\":\"$DEVICE\"}"
refused expired_token pollDevice /v1/device/token '{"device_code":"x"}'
good getDevice "/v1/device/$CODE" "" "$B"
refused not_found getDevice "/v1/device/BCDF-GHJK" "" "$B"
good denyDevice "/v1/device/$CODE/deny" "" "$B"
refused access_denied pollDevice /v1/device/token "{\"device_code\":\"$DEVICE\"}"
good beginDevice /v1/device '{"client":"cpushare"}'
DEVICE=$(jq -r .device_code <<<"$BODY") CODE=$(jq -r .user_code <<<"$BODY")
good approveDevice "/v1/device/$CODE/approve" "" "$B"
good pollDevice /v1/device/token "{\"device_code\":\"$DEVICE\"}"
B=$(jq -r .token <<<"$BODY")
good deleteAccount /v1/account/delete "$(jq -nc --arg p "$PASSWORD" '{password: $p}')" "$B"
refused bad_token endSessions /v1/sessions "" "$B"
A=$(sign_up a@example.org a)
good createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p}')"
good endSessions /v1/sessions "" "$A"
good createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p}')"
A=$(jq -r .token <<<"$BODY")

refused bad_field resetPassword /v1/password-reset "$(jq -nc --arg p "$PASSWORD" '{token: "x", new_password: $p}')"
good resetPassword /v1/password-reset "$(jq -nc --arg p "$PASSWORD" --arg t "$(cpushare-market user reset a@example.org --data "$MARKET_DATA" -o json | jq -r .token)" '{token: $t, new_password: $p}')"
refused bad_token getAccount /v1/account "" "$A"
good createSession /v1/sessions "$(jq -nc --arg p "$PASSWORD" '{email: "a@example.org", password: $p}')"
A=$(jq -r .token <<<"$BODY")

# ---- mail, which goes nowhere ----
good forgotPassword /v1/password/forgot '{"email":"a@example.org"}'
refused bad_field forgotPassword /v1/password/forgot '{"email":"a"}'
refused bad_field confirmAddress /v1/address/confirm '{"token":"x"}'
good sendConfirmation /v1/account/mail/confirmation "" "$A"
good getMail /v1/account/mail "" "$A"
good chooseMail /v1/account/mail '{"kinds":["orders"]}' "$A"
refused bad_field chooseMail /v1/account/mail '{"kinds":["x"]}' "$A"
CONFIRM=cpu_cnf_$(printf 'a%.0s' {1..36})
sql "INSERT INTO cpushare.address_confirmation SELECT id, sha256('$CONFIRM'), now() + interval '1 hour' FROM cpushare.account WHERE email = 'a@example.org'
	ON CONFLICT (account) DO UPDATE SET hash = excluded.hash"
good confirmAddress /v1/address/confirm "{\"token\":\"$CONFIRM\"}"
refused wrong_state sendConfirmation /v1/account/mail/confirmation "" "$A"
refused bad_field changeAddress /v1/account/address '{"password":"wrong","email":"c@example.org"}' "$A"
good changeAddress /v1/account/address "$(jq -nc --arg p "$PASSWORD" '{password: $p, email: "c@example.org"}')" "$A"
sign_up taken@example.org taken >/dev/null
sql "INSERT INTO cpushare.address_confirmation SELECT id, sha256('$CONFIRM'), now() + interval '1 hour', 'taken@example.org' FROM cpushare.account WHERE email = 'a@example.org'
	ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, email = excluded.email"
refused email_taken confirmAddress /v1/address/confirm "{\"token\":\"$CONFIRM\"}"

# ---- money ----
new_operator_token
good getBalance /v1/balance "" "$A"
k=$(key)
good createDeposit /v1/deposits '{"amount_micro":50000000,"provider":"manual"}' "$A" "$k"
ID=$(jq -r .id <<<"$BODY")
good createDeposit /v1/deposits '{"amount_micro":50000000,"provider":"manual"}' "$A" "$k"
is "$(jq -r .id <<<"$BODY")" "$ID" "createDeposit: the same key, the same deposit"
refused idempotency_key_reused createDeposit /v1/deposits '{"amount_micro":1000000,"provider":"manual"}' "$A" "$k"
refused idempotency_key_missing createDeposit /v1/deposits '{"amount_micro":1000000,"provider":"manual"}' "$A"
good listDeposits /v1/deposits?limit=1 "" "$A"
good listDeposits "/v1/deposits?cursor=$(jq -r .next <<<"$BODY")" "" "$A"
refused bad_field listDeposits /v1/deposits?limit=0 "" "$A"
good getDeposit "/v1/deposits/$ID" "" "$A"
refused not_operator confirmDeposit "/v1/deposits/$ID/confirm" "" "$A"
good confirmDeposit "/v1/deposits/$ID/confirm" '{"reference":"bank 1"}' "$OPERATOR"
refused wrong_state confirmDeposit "/v1/deposits/$ID/confirm" "" "$OPERATOR"
good createDeposit /v1/deposits '{"amount_micro":1000000,"provider":"manual"}' "$A" "$(key)"
good failDeposit "/v1/deposits/$(jq -r .id <<<"$BODY")/fail" "" "$OPERATOR"
good listAllDeposits /v1/operator/deposits?state=failed "" "$OPERATOR"
refused bad_field listAllDeposits /v1/operator/deposits?state=lost "" "$OPERATOR"
good quotePayout /v1/payouts/quote '{"amount_micro":10000000,"provider":"manual","receiver":"DE1"}' "$A"
refused bad_field quotePayout /v1/payouts/quote '{"amount_micro":1,"provider":"manual","receiver":"DE1"}' "$A"
refused no_funds createPayout /v1/payouts '{"amount_micro":900000000000,"provider":"manual","receiver":"DE1"}' "$A" "$(key)"
payout() {
	good createPayout /v1/payouts '{"amount_micro":10000000,"provider":"manual","receiver":"DE1"}' "$A" "$(key)"
	ID=$(jq -r .id <<<"$BODY")
}
payout
good listPayouts /v1/payouts "" "$A"
good getPayout "/v1/payouts/$ID" "" "$A"
refused not_operator approvePayout "/v1/payouts/$ID/approve" "" "$A"
good listAllPayouts /v1/operator/payouts?state=created "" "$OPERATOR"
refused bad_field listAllPayouts /v1/operator/payouts?state=lost "" "$OPERATOR"
good approvePayout "/v1/payouts/$ID/approve" "" "$OPERATOR"
refused wrong_state approvePayout "/v1/payouts/$ID/approve" "" "$OPERATOR"
good confirmPayout "/v1/payouts/$ID/confirm" "" "$OPERATOR"
refused wrong_state confirmPayout "/v1/payouts/$ID/confirm" "" "$OPERATOR"
payout
good failPayout "/v1/payouts/$ID/fail" "" "$OPERATOR"
refused wrong_state failPayout "/v1/payouts/$ID/fail" "" "$OPERATOR"
refused not_found hearPayment /v1/payments/paypal/webhook '{}'
good returnFromPayment /v1/payments/paypal/return
good getLedger /v1/operator/ledger "" "$OPERATOR"
good listAccounts /v1/operator/accounts?limit=1 "" "$OPERATOR"
good listAccounts "/v1/operator/accounts?cursor=$(jq -r .next <<<"$BODY")" "" "$OPERATOR"
refused not_operator listAccounts /v1/operator/accounts "" "$A"
good listOperatorActs /v1/operator/acts?limit=1 "" "$OPERATOR"
good listOperatorActs "/v1/operator/acts?cursor=$(jq -r .next <<<"$BODY")" "" "$OPERATOR"
refused not_operator listOperatorActs /v1/operator/acts "" "$A"
good getOperatorHealth /v1/operator/health "" "$OPERATOR"
good listEarnings /v1/earnings?days=3 "" "$A"
is "$(jq '.items | length' <<<"$BODY")" 3 "listEarnings: a row a day"
refused bad_field listEarnings /v1/earnings?days=0 "" "$A"

# ---- images ----
upload "$A"
good listImages /v1/images "" "$A"
good createImage /v1/images "$(jq -nc --arg h "$hash" '{name: "x", size_bytes: 1, pieces: [$h], cdrom_bus: "sata"}')" "$A"
SMALL=$(jq -r .id <<<"$BODY")
good getImage "/v1/images/$SMALL" "" "$A"
refused not_found getImage "/v1/images/$hash" "" "$A"
good listPieces "/v1/images/$SMALL/pieces" "" "$A"
is "$(jq -c .missing <<<"$BODY")" '[0]' "listPieces: names what is missing"
refused image_not_ready getPiece "/v1/images/$SMALL/pieces/0" "" "$A"
refused bad_content_type putPiece "/v1/images/$SMALL/pieces/0" '{}' "$A"
SEEN[putPiece]=1
good getPiece "/v1/images/$IMAGE/pieces/0" "" "$A"
good listPieces "/v1/images/$IMAGE/pieces" "" "$A"

# ---- machines ----
enrol attic "$A"
SEEN[enrolMachine]=1
refused bad_signature enrolMachine /v1/machines "$(jq -nc --arg h "$hash" '{name: "x", public_key: $h, proof: ($h + $h)}')" "$A"
good listMachines /v1/machines "" "$A"
report 8000 4
is "$STATUS" 200 "the machine reports"
good getMachine "/v1/machines/$MACHINE" "" "$A"
good getMachine "/v1/machines/$MACHINE" "" "$MACHINE_TOKEN"
refused missing_scope listMachines /v1/machines "" "$MACHINE_TOKEN"

# ---- TPMs; what a real one shows is tests/api/trust.t's ----
refused attestation_refused enrolTpm "/v1/machines/$MACHINE/attestation/key" '{"ek_public":"AAAA","ak_public":"AAAA"}' "$MACHINE_TOKEN"
refused bad_field enrolTpm "/v1/machines/$MACHINE/attestation/key" '{"ak_public":"AAAA"}' "$MACHINE_TOKEN"
refused attestation_refused activateTpm "/v1/machines/$MACHINE/attestation/activation" "{\"proof\":\"$hash\"}" "$MACHINE_TOKEN"
refused attestation_refused attestMachine "/v1/machines/$MACHINE/attestation" \
	"{\"nonce\":\"$hash\",\"pin\":\"$hash\",\"accel\":\"kvm\",\"quote\":\"AA==\",\"signature\":\"AA==\",\"values\":[]}" "$MACHINE_TOKEN"
good getTrustPolicy /v1/trust/policy
refused not_found getLeaseAttestation "/v1/leases/$none/attestation" "" "$A"
refused not_found getMachineAttestation "/v1/machines/$MACHINE/attestation" "" "$A"

# ---- orders ----
order() { # PRICE
	jq -nc --arg i "$IMAGE" --argjson p "$1" '{image: $i, count: 2, cores: 1, memory_mib: 512, max_price_per_core_hour_micro: $p,
		max_price_per_gib_hour_micro: 2000, max_price_per_gib_transferred_micro: 9000, constraints: {countries: ["DE"], display: "vga"}, user_data: "#cloud-config\n"}'
}
good quoteOrder /v1/orders/quote "$(order 1000)" "$A"
refused no_funds createOrder /v1/orders "$(order 100000000000)" "$A" "$(key)"
refused not_found createOrder /v1/orders "$(order 1000 | jq -c --arg h "$hash" '.image = $h')" "$A" "$(key)"
refused image_not_ready createOrder /v1/orders "$(order 1000 | jq -c --arg h "$SMALL" '.image = $h')" "$A" "$(key)"
good createOrder /v1/orders "$(order 1000)" "$A" "$(key)"
WAITING=$(jq -r .id <<<"$BODY")
good explainOrder "/v1/orders/$WAITING/explain" "" "$A"
good createOrder /v1/orders "$(order 9000)" "$A" "$(key)"
ORDER=$(jq -r .id <<<"$BODY")
filled() { api GET "/v1/orders/$ORDER" "" "$A"; [ "$(jq -r .state <<<"$BODY")" = filled ]; }
ok "the order is filled" within 10 filled
good getOrder "/v1/orders/$ORDER" "" "$A"
good listOrders /v1/orders "" "$A"
good listOrderLeases "/v1/orders/$ORDER/leases" "" "$A"
LEASE=$(jq -r .items[0].id <<<"$BODY")
good getLease "/v1/leases/$LEASE" "" "$A"
good explainMachine "/v1/machines/$MACHINE/explain" "" "$MACHINE_TOKEN"
refused bad_field putReadOrder "/v1/images/$IMAGE/order" '{"pieces":[0,0]}' "$MACHINE_TOKEN"
refused bad_field putReadOrder "/v1/images/$IMAGE/order" '{"pieces":[16000]}' "$MACHINE_TOKEN"
refused not_found putReadOrder "/v1/images/$SMALL/order" '{"pieces":[0]}' "$MACHINE_TOKEN"
refused missing_scope putReadOrder "/v1/images/$IMAGE/order" '{"pieces":[0]}' "$A"
is "$(api GET "/v1/images/$IMAGE/pieces" "" "$MACHINE_TOKEN"; jq -c .order <<<"$BODY")" null "listPieces: without an order of reads where none is known"
good putReadOrder "/v1/images/$IMAGE/order" '{"pieces":[0]}' "$MACHINE_TOKEN"
good listPieces "/v1/images/$IMAGE/pieces" "" "$MACHINE_TOKEN"
is "$(jq -c .order <<<"$BODY")" '[0]' "listPieces: a machine is told in which order a boot read it"
good startLineRound "/v1/machines/$MACHINE/line" "" "$MACHINE_TOKEN"
proof=$(sha256sum <"$WORK/body" | jq -Rc '{sha256: .[:64]}')
refused bad_field proveLineRound "/v1/machines/$MACHINE/line" '{}' "$MACHINE_TOKEN"
good proveLineRound "/v1/machines/$MACHINE/line" "$proof" "$MACHINE_TOKEN"
refused wrong_state proveLineRound "/v1/machines/$MACHINE/line" "$proof" "$MACHINE_TOKEN"
refused bad_content_type endLineRound "/v1/machines/$MACHINE/line" x "$MACHINE_TOKEN"
good listMachineCalibrations "/v1/machines/$MACHINE/calibrations"
good askCalibration "/v1/machines/$MACHINE/calibrations" "" "$A"
refused too_many askCalibration "/v1/machines/$MACHINE/calibrations" "" "$MACHINE_TOKEN"
refused not_found askCalibration "/v1/machines/$none/calibrations" "" "$A"
refused not_found listMachineCalibrations "/v1/machines/$none/calibrations"
good listMachineLeases "/v1/machines/$MACHINE/leases" "" "$MACHINE_TOKEN"
good getLeaseSpec "/v1/leases/$LEASE/spec" "" "$MACHINE_TOKEN"
SEQ=$((SEQ + 1))
refused wrong_state typeConsole "/v1/leases/$LEASE/console/input" '{"data":"bHMK"}' "$A"
refused wrong_state getScreen "/v1/leases/$LEASE/screen" "" "$A"
good reportMachine "/v1/machines/$MACHINE/report" "$(jq -nc --arg b "$BOOT" --argjson s $SEQ --arg l "$LEASE" '{boot: $b, seq: $s, version: "0.1.0", accepting: true,
	accel: "kvm", country: "DE", cores: 4, memory_mib: 4096, score: 412, terms: {display: true}, price_per_core_hour_micro: 8000, price_per_gib_hour_micro: 1000,
	price_per_gib_transferred_micro: 5000, leases: [{lease: $l, state: "running", path: "none", peers_version: 0, progress_permille: -1}]}')" "$MACHINE_TOKEN"
put_screen() { # SEED
	STATUS=$(curl -ks -m 20 -X PUT -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer $MACHINE_TOKEN" -H 'Content-Type: application/octet-stream' \
		--data-binary "@$TOP/tests/fuzz/corpus/png/$1" "$URL/v1/leases/$LEASE/screen")
	SEEN[putScreen]=1
	[ -z "${ANSWERS:-}" ] || echo "putScreen $STATUS" >>"$ANSWERS"
}
put_screen good
is "$STATUS $(jq -r .code "$WORK/body")" "409 wrong_state" "putScreen: nobody has asked for one"
refused no_picture getScreen "/v1/leases/$LEASE/screen?width=64" "" "$A"
put_screen text
is "$STATUS $(jq -r .code "$WORK/body")" "422 bad_field" "putScreen: a picture with more than a picture in it"
put_screen good
is "$STATUS" 204 "putScreen: it was asked for"
good getScreen "/v1/leases/$LEASE/screen?width=64" "" "$A"
good getConsole "/v1/leases/$LEASE/console?from=0" "" "$A"
good typeConsole "/v1/leases/$LEASE/console/input" '{"data":"bHMK"}' "$A"
good addConsole "/v1/leases/$LEASE/console" '{"from":0,"end":5,"data":"aGVsbG8=","live":true}' "$MACHINE_TOKEN"
good getConsole "/v1/leases/$LEASE/console" "" "$A"
is "$(jq -r .data <<<"$BODY")" aGVsbG8= "getConsole: what the machine sent"
PEER=$(cat /proc/sys/kernel/random/uuid)
good joinNetwork "/v1/orders/$ORDER/peers" "$(jq -nc --arg p "$PEER" --arg h "$hash" '{id: $p, name: "laptop", pin: $h, candidates: [{kind: "host", address: "192.0.2.1:4000"}]}')" "$A"
OTHER=$(cat /proc/sys/kernel/random/uuid)
good joinNetwork "/v1/orders/$ORDER/peers" "$(jq -nc --arg p "$OTHER" --arg to "$PEER" --arg h "$(sha256sum <<<desk | cut -d" " -f1)" '{id: $p, name: "desk", pin: $h, candidates: [],
	paths: [{peer: $to, path: "relayed", rtt_us: 21400, loss_permille: 0, datagram_bytes: 1400}]}')" "$A"
good getNetcheck /v1/netcheck "" "$A"
good getNetwork "/v1/orders/$ORDER/network" "" "$A"
is "$(jq -c '.paths' <<<"$BODY")" '[{"from":"desk","to":"laptop","path":"relayed","rtt_us":21400,"loss_permille":0,"datagram_bytes":1400}]' \
	"getNetwork: what a member said"
good leaveNetwork "/v1/orders/$ORDER/peers/$OTHER" "" "$A"
good leaveNetwork "/v1/orders/$ORDER/peers/$PEER" "" "$A"
good resetLease "/v1/leases/$LEASE/reset" "" "$A" "$(key)"
refused idempotency_key_missing resetLease "/v1/leases/$LEASE/reset" "" "$A"
refused not_found resetLease "/v1/leases/$none/reset" "" "$A" "$(key)"
refused not_paid markLease "/v1/leases/$LEASE/feedback" '{"good":true}' "$A"
refused image_in_use deleteImage "/v1/images/$IMAGE" "" "$A"
good getReceipt "/v1/orders/$ORDER/receipt" "" "$A"
good getLeaseReceipt "/v1/leases/$LEASE/receipt" "" "$A"
refused not_found getLeaseReceipt "/v1/leases/$none/receipt" "" "$A"
good extendOrder "/v1/orders/$WAITING/extend" '{"duration_s":7200}' "$A"
refused bad_field extendOrder "/v1/orders/$WAITING/extend" '{"duration_s":60}' "$A"
good cancelOrder "/v1/orders/$WAITING/cancel" "" "$A"
good endLease "/v1/leases/$LEASE/end" "" "$A"
refused not_found endLease "/v1/leases/$none/end" "" "$A"
refused wrong_state resetLease "/v1/leases/$LEASE/reset" "" "$A" "$(key)"
good cancelOrder "/v1/orders/$ORDER/cancel" '{}' "$A"
refused wrong_state extendOrder "/v1/orders/$WAITING/extend" '{"duration_s":9000}' "$A"
refused wrong_state joinNetwork "/v1/orders/$WAITING/peers" "$(jq -nc --arg p "$PEER" --arg h "$hash" '{id: $p, name: "laptop", pin: $h, candidates: []}')" "$A"
# ---- disputes: a lease that was paid and has ended ----
refused wrong_state disputeLease "/v1/leases/$LEASE/dispute" '{"text":"slow"}' "$A" "$(key)"
refused idempotency_key_missing disputeLease "/v1/leases/$LEASE/dispute" '{"text":"slow"}' "$A"
refused not_found getDispute "/v1/leases/$LEASE/dispute" "" "$A"
refused wrong_state decideDispute "/v1/leases/$LEASE/dispute/decide" '{"refund_percent":50,"reason":"slow"}' "$OPERATOR"
refused bad_field decideDispute "/v1/leases/$LEASE/dispute/decide" '{"refund_percent":101,"reason":"slow"}' "$OPERATOR"
refused bad_field correctLease "/v1/leases/$LEASE/correct" '{"amount_micro":1,"reason":"slow"}' "$OPERATOR" "$(key)"
refused not_operator correctLease "/v1/leases/$LEASE/correct" '{"amount_micro":1,"reason":"slow"}' "$A" "$(key)"
good listDisputes /v1/operator/disputes?state=open "" "$OPERATOR"
good deleteImage "/v1/images/$SMALL" "" "$A"
good listPostings /v1/postings "" "$A"
good getStatement /v1/statement "" "$A"
refused bad_field getStatement "/v1/statement?to=soon" "" "$A"
good getStatementCsv /v1/statement.csv "" "$A"

# ---- what everyone may see ----
report 8000 4
good listOffers /v1/offers
good listOffers "/v1/offers?q=cores%3E%3D1&sort=-score&limit=1"
refused bad_field listOffers "/v1/offers?q=cores"
good getBook /v1/book
good listSellers /v1/sellers
good getSeller "/v1/sellers/$(jq -r .items[0].id <<<"$BODY")"
refused not_found getSeller "/v1/sellers/$none"
good listSellers '/v1/sellers?name=A&limit=1'
is "$(jq -r .items[0].name <<<"$BODY")" a "listSellers: of that name"
# Money of three buyers' leases, of which nobody says to whom: the list rates anew.
sql "INSERT INTO cpushare.reputation SELECT m.account, 'seller', c.id, extract(epoch FROM now())::bigint / 2592000, 1000000, 0
	FROM cpushare.machine m, (SELECT id FROM cpushare.account LIMIT 3) c LIMIT 3;
	INSERT INTO cpushare.tally (account, side, day, good) SELECT account, 'seller', current_date, 10 FROM cpushare.machine LIMIT 1"
rated() { api GET /v1/sellers; [ "$(jq '.items[0] | [.good, .rating_ppm] | @csv' -r <<<"$BODY")" = 10,438493 ]; }
ok "listSellers: marks are rated behind" within 15 rated
refused bad_field listSellers "/v1/sellers?name=$(printf 'x%.0s' {1..65})"
SELLER=$(jq -r .id <<<"$(curl -ks -H "Authorization: Bearer $A" "$URL/v1/account")")
good getSellerHistory "/v1/sellers/$SELLER/history"
refused not_found getSellerHistory "/v1/sellers/$none/history"
added_up() { [ "$(sql "SELECT (SELECT count(*) FROM cpushare.lease WHERE state <> 'ended') + (SELECT count(*) FROM cpushare.tally)")" = 0 ]; }
ok "the leases have ended, and are added up" within 60 added_up
good getBuyer "/v1/buyers/$SELLER"
refused not_found getBuyer "/v1/buyers/$none"
good getOutcomes /v1/outcomes
is "$(jq '[.outcomes.ends[].leases] | add' <<<"$BODY")" "$(sql "SELECT count(*) FROM cpushare.lease WHERE state = 'ended'")" "getOutcomes: every lease that ended"
is "$(jq '[.outcomes.running[].leases] | add // 0' <<<"$BODY")" "$(sql "SELECT count(*) FROM cpushare.lease WHERE state <> 'ended' AND started_at IS NOT NULL")" "getOutcomes: and that runs on"
good listTrades /v1/trades
is "$(jq '.items | length' <<<"$BODY")" 2 "listTrades: every lease made"
call listTrades /v1/trades "" "" "If-None-Match: $(curl -ksI "$URL/v1/trades" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')"
is "$STATUS" 304 "listTrades: not sent again"
report 8000 4
good listCountries /v1/market/countries
is "$(jq -c '.items[0] | [.country, .machines, .cores]' <<<"$BODY")" '["DE",1,4]' "listCountries: what is online"
sampled() { api GET /v1/market/samples; [ "$(jq '.items | length' <<<"$BODY")" -gt 0 ]; }
ok "the market samples itself" within 40 sampled
good listSamples /v1/market/samples
good listSamples /v1/market/samples?range=quarter
refused bad_field listSamples /v1/market/samples?range=year
good getMarket /v1/market
good getReputation /v1/reputation
good getHealth /healthz
good getMetrics /metrics
# The dashboard and the alerts ask for nothing that the market does not count, with labels that it has.
isnt "$(sed -n 's/^cpushare_/x/p' "$WORK/body" | wc -l)" 0 "getMetrics: there are some"
is "$(grep -ohE 'cpushare_[a-z_]+' "$TOP"/packaging/grafana/* | sort -u | while read -r name; do grep -q "^$name[ {]" "$WORK/body" || echo "$name"; done)" "" "the dashboard and the alerts know only metrics that there are"
ok "the dashboard is JSON" jq -e '.panels | length > 0' "$TOP/packaging/grafana/cpushare-market.json"
! command -v promtool >/dev/null || ok "the alerts are Prometheus rules" promtool check rules "$TOP/packaging/grafana/cpushare-market.rules.yml"
good getDescription /v1/openapi.json

# ---- events: each one's data is an Event ----
curl -ksN -m 3 -H "Authorization: Bearer $A" "$URL/v1/events?after=0" >"$WORK/events"
SEEN[streamEvents]=1
[ -z "${ANSWERS:-}" ] || echo "streamEvents 200" >>"$ANSWERS"
refused bad_field streamEvents /v1/events?order=x "" "$A"
sed -n 's/^data: //p' "$WORK/events" | jq -s . >"$WORK/body"
isnt "$(jq length "$WORK/body")" 0 "streamEvents: events come"
is "$(wrong '{"type":"array","items":{"$ref":"api#/components/schemas/Event"}}' "$WORK/body")" "" "streamEvents: as described"

SEEN[wakeMachine]=1
like "$(curl -ksN -m 1 -H "Authorization: Bearer $MACHINE_TOKEN" "$URL/v1/machines/$MACHINE/wake")" "of this machine" "wakeMachine: a stream"
refused not_found wakeMachine "/v1/machines/$none/wake" "" "$MACHINE_TOKEN"

good retireMachine "/v1/machines/$MACHINE" "" "$A"
is "$(jq -r '.paths[][].operationId' "$API" | while read -r id; do [ -n "${SEEN[$id]:-}" ] || echo "$id"; done)" "" "every operation was asked"
done_testing
