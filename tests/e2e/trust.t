#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# trust.t - an order that requires trusted machines: matched, proven for its lease, judged by the buyer, ended when the machine changes
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../swtpm.sh"

new_tpm desk --create-ek-cert
start_market --set "trust.authorities=$WORK/ca/root.pem" --set trust.interval=2s --set trust.timeout=10s
new_seller plain --price-core 0.01 >/dev/null
new_seller desk --price-core 0.02 >/dev/null
sed -i "s|^#* *tcti = .*|tcti = $TCTI_desk|" "$WORK/desk/seller.conf"
ok "a machine's TPM is enrolled" cpushare-seller tpm enrol --state "$WORK/desk" --chain "$WORK/ca/between.pem"
start_seller plain
start_seller desk
new_operator >/dev/null
new_user buyer >/dev/null
add_funds buyer 5 >/dev/null
as buyer cpushare image upload "$TINY" >/dev/null || bail "no image"
MACHINE=$(jq -r .machine "$WORK/desk/identity.json")
trust() { cpushare-market --data "$MARKET_DATA" trust "$@"; }
order() { as buyer cpushare order create --image "$(basename "$TINY")" --memory 160M --max-price ${PRICE:-0.05} "$@"; }
cheaper() { PRICE=0.015 order "$@"; }
ok "the operator knows this boot" within 30 trust reference add desk --machine "$MACHINE" --registers 4,7
ok "an order that requires trust" order --trusted require --name need --wait --timeout 3m
is "$(as buyer cpushare node show need/vm1 -o json | jq -r .machine_name)" desk "is matched with the machine that has it, dearer as it is"
shown() { as buyer cpushare trust show need/vm1 -o json >"$WORK/proof.json" && [ "$(jq -r .verdict.tier "$WORK/proof.json")" = measured_boot ]; }
ok "the machine proves itself for this lease" within 60 shown
is "$(jq -r .binding.question.lease "$WORK/proof.json")" "$(as buyer cpushare node show need/vm1 -o json | jq -r .id)" "it is bound to the lease"
is "$(jq -r .binding.image "$WORK/proof.json")" "$(as buyer cpushare image list -o json | jq -r '.items[0].id')" "and to the image"
like "$(as buyer cpushare trust show need/vm1)" 'register 4 ' "people can read it"

ok "an order that prefers trust" order --trusted prefer --name rather --wait --timeout 1m
is "$(as buyer cpushare node show rather/vm1 -o json | jq -r .machine_name)" desk "takes the trusted machine first, dearer as it is"
ok "at a price that only the other one sells for" cheaper --trusted prefer --name cheaply --wait --timeout 1m
is "$(as buyer cpushare node show cheaply/vm1 -o json | jq -r .machine_name)" plain "the machine without a TPM, too"

# The buyer judges without the market.
verify() { cpushare trust verify "$@"; }
ok "the proof holds here, too" verify "$WORK/proof.json" --ca "$WORK/ca/root.pem"
jq '.binding.question.lease = .binding.machine' "$WORK/proof.json" >"$WORK/other.json"
like "$(verify "$WORK/other.json" --ca "$WORK/ca/root.pem"; echo "exit $?")" 'quote_binding.*exit 9' "not for another lease"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout /dev/null -out "$WORK/x.pem" 2>/dev/null
like "$(verify "$WORK/proof.json" --ca "$WORK/x.pem"; echo "exit $?")" 'ek_chain.*exit 9' "not for another authority"
jq '.policy.references[0].registers[0].values = [.answer.nonce]' "$WORK/proof.json" >"$WORK/policy.json"
like "$(verify "$WORK/policy.json" --ca "$WORK/ca/root.pem"; echo "exit $?")" 'fault reference.*exit 9' "not under another policy"
echo '{}' >"$WORK/empty.json"
is "$(verify "$WORK/empty.json" 2>/dev/null; echo $?)" 2 "not without a proof"

tpm2_pcrextend -T "$TCTI_desk" "4:sha256=$(printf '%064d' 1)"
ended() { [ "$(as buyer cpushare node show need/vm1 -o json | jq -r .reason)" = attestation_failed ]; }
ok "a machine that is not any more what it was ends the lease" within 60 ended
ok "but not one of an order that prefers trust" eval '[ "$(as buyer cpushare node show rather/vm1 -o json | jq -r .state)" = running ]'
is "$(order --trusted require --name none --wait --timeout 5s >/dev/null 2>&1; echo $?)" 8 "and no such order is matched"
done_testing
