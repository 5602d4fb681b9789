#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# trust.t - a machine shows its TPM: enrolment, questions, policy, references, what is refused
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../swtpm.sh"

for name in one two; do new_tpm $name --create-ek-cert; done
new_tpm bare
start_market --set "trust.authorities=$WORK/ca/root.pem" --set trust.interval=1s --set trust.timeout=3s
# seller NAME TPM: a machine whose TPM that is
seller() {
	local tcti=TCTI_$2
	new_seller "$1" >/dev/null && sed -i "s|^#* *tcti = .*|tcti = ${!tcti}|; s|^#* *event_log = .*|event_log = $WORK/$1.measured|" "$WORK/$1/seller.conf"
}
machine() { jq -r .machine "$WORK/$1/identity.json"; }
token() { jq -r .token "$WORK/$1/identity.json"; }
enrol() { cpushare-seller tpm enrol --state "$WORK/$1" "${@:2}" 2>&1; }
# verdict NAME: TIER/FAULT/REFERENCE of its last answer
verdict() {
	api GET "/v1/machines/$(machine "$1")/attestation" '' "$(token "$1")"
	jq -r '.verdict | "\(.tier)/\(.fault)/\(.reference)"' <<<"$BODY"
}
shows() { [ "$(verdict "$1")" = "$2" ]; }
trust() { cpushare-market --data "$MARKET_DATA" trust "$@"; }

seller desk one
like "$(enrol desk)" 'ek_chain: ' "a certificate whose issuer the market does not know"
ok "a TPM is enrolled" enrol desk --chain "$WORK/ca/between.pem"
start_seller desk
ok "the machine answers the market's question" within 20 shows desk identity/reference/null
like "$(cpushare-seller tpm status --state "$WORK/desk")" 'at the market: identity, fault reference' "its owner can see that"
ok "the operator knows this boot" trust reference add desk --machine "$(machine desk)" --registers 0,4,7
ok "and the machine is what the operator knows" within 20 shows desk measured_boot/null/desk
proven() { curl -ks "$URL/v1/sellers/$(curl -ks "$URL/v1/offers" | jq -r --arg n "$1" '.items[] | select(.machine_name == $n).seller')/history" | jq -r '.machines[0].proven | "\(.tier)/\(.first_use)"'; }
proven_is() { [ "$(proven desk)" = "$1" ]; }
ok "everybody sees on the seller's page that it is" within 15 proven_is measured_boot/false
api GET /v1/trust/policy
is "$(jq -r '.references[0].name' <<<"$BODY")" desk "the policy is public"

tpm2_pcrextend -T "$TCTI_one" "4:sha256=$(printf '%064d' 1)"
ok "another boot loader is not" within 20 shows desk identity/reference/null
end "$TPM_PID_one"
ok "a TPM that does not answer" within 20 shows desk none/silent/null
start_tpm one
ok "a reboot with the known boot loader" within 30 shows desk measured_boot/null/desk

seller thief one
like "$(enrol thief --chain "$WORK/ca/between.pem")" 'ek_taken: ' "one TPM is one machine"
seller other two
ok "another TPM, by its P-384 key" enrol other --ek p384 --chain "$WORK/ca/between.pem"
seller plain bare
like "$(enrol plain)" 'ek_missing: ' "a TPM that nobody vouches for"
ok "first use is trusted" trust policy set --first-use yes
ok "then it is taken" within 10 enrol plain
start_seller plain
ok "and shown as such" within 20 shows plain measured_boot/null/desk
api GET "/v1/machines/$(machine plain)/attestation" '' "$(token plain)"
is "$(jq -r .verdict.first_use <<<"$BODY")" true "first_use is said"
offered() { cpushare offer list --market "$URL" --pin "$PIN" -o json | jq -r --arg n "$1" '.items[] | select(.machine_name == $n) | "\(.trusted)/\(.first_use)"'; }
offered_is() { [ "$(offered "$1")" = "$2" ]; }
ok "buyers see with its offer that no maker vouches for it" within 15 offered_is plain true/true
is "$(offered desk)" true/false "and for which one does"
ok "the operator trusts on first use no more" trust policy set --first-use no
ok "then it is no more" within 20 shows plain none/ek_missing/null
is "$(offered plain)" false/false "nor is its offer"
ok "but again" trust policy set --first-use yes
ok "the machine answers under this policy" within 20 shows plain measured_boot/null/desk
api GET "/v1/machines/$(machine plain)/attestation" '' "$(token plain)"

# What a machine may send is refused where it is not an answer to the question.
proof=$BODY
answer=$(jq -c .answer <<<"$proof")
post() { api POST "/v1/machines/$(machine plain)/attestation" "$1" "$(token plain)"; }
end "$SELLER_PID_plain"
post "$answer"
is "$STATUS $(jq -r .code <<<"$BODY")" "422 attestation_refused" "an answer that comes again"
like "$(jq -r .detail <<<"$BODY")" 'quote_late: ' "is late"
api POST "/v1/machines/$(machine other)/attestation" "$answer" "$(token plain)"
is "$STATUS" 404 "another machine's answer"
post "$(jq -c '.values = []' <<<"$answer")"
is "$STATUS" 422 "without values"
post "$(jq -c '.nonce = "00"' <<<"$answer")"
is "$(jq -r '.code + " " + .errors[0].field' <<<"$BODY")" "bad_field nonce" "with a nonce that is none"
post "$(jq -c '.quote = "%%%"' <<<"$answer")"
is "$(jq -r '.errors[0].field' <<<"$BODY")" quote "with a quote that is none"
post "$(jq -c '.more = 1' <<<"$answer")"
is "$STATUS" 422 "with an unknown field"
api POST "/v1/machines/$(machine plain)/attestation/activation" "{\"proof\":\"$(printf '%064d' 0)\"}" "$(token plain)"
like "$(jq -r .detail <<<"$BODY")" 'credential_late: ' "an activation that nobody began"
api POST "/v1/machines/$(machine plain)/attestation/key" "$(jq -c .identity <<<"$proof")" "$(token plain)"
is "$STATUS" 200 "a credential is made"
api POST "/v1/machines/$(machine plain)/attestation/activation" "{\"proof\":\"$(printf '%064d' 0)\"}" "$(token plain)"
like "$(jq -r .detail <<<"$BODY")" '^credential: ' "a secret that was not recovered"
api POST "/v1/machines/$(machine plain)/attestation/activation" "{\"proof\":\"$(printf '%064d' 0)\"}" "$(token plain)"
like "$(jq -r .detail <<<"$BODY")" 'credential_late: ' "and there is one try"

ok "the operator revokes a machine's TPM" trust revoke "$(machine desk)" "sold"
like "$(within 10 grep -q . /dev/null; enrol desk --chain "$WORK/ca/between.pem")" 'ek_revoked: ' "which is for good"
is "$(trust revoke "$(machine desk)" again >/dev/null 2>&1; echo $?)" 3 "and once"
is "$(trust reference remove nothing >/dev/null 2>&1; echo $?)" 3 "a reference that is not there"
like "$(trust policy set --registers 0,16 2>&1)" 'from 0 to 15' "a register that can be reset is no proof"
like "$(trust reference add x --machine "$(machine plain)" --registers 3 --events 10 2>&1)" 'does not ask' "nor one that was not asked for"
done_testing
