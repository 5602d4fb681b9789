#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# constraints.t - what an order wants of its machines, from the request to the lease and back: both sides' "explain", windows, all or none
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=1000 --set 'market.regions=fra ams' --set timing.lost_contact=1h --set timing.seen_interval=1s
# Lines are as if each had been measured, at more than any machine here offers.
sql "ALTER TABLE cpushare.machine ALTER line_up_kbit_s SET DEFAULT 1000000, ALTER line_down_kbit_s SET DEFAULT 1000000"
signup alice && ALICE=$TOKEN
signup bob && BOB=$TOKEN
BOB_ID=$(api GET /v1/account "" "$BOB" && field .id)
new_machine one "$ALICE" || bail "$BODY"
new_machine two "$BOB" || bail "$BODY"
new_buyer buyer 50000000 && BUYER=$TOKEN
api GET /v1/account "" "$BUYER" && BUYER_ID=$(field .id)
new_image "$BUYER" 1000 || bail "$BODY"
# offers NAME TERMS [LEASES]: a report with terms
offers() {
	M_SEQ[$1]=$((M_SEQ[$1] + 1))
	api POST "/v1/machines/${M_ID[$1]}/report" "$(report_body "$1" "${3:-[]}" | jq -c --argjson t "$2" '. + {terms: $t}')" "${M_TOKEN[$1]}"
}
both() {
	offers one '{"cpu_vendor":"amd","direct":true,"up_kbit_s":20000,"down_kbit_s":90000,"scratch_mib":2048,"display":true,"rtt":[{"region":"ams","rtt_ms":12}]}' &&
		M_COUNTRY=FR M_PRICE=900000 offers two "{\"cpu_vendor\":\"intel\",\"up_kbit_s\":5000,\"rtt\":[{\"region\":\"ams\",\"rtt_ms\":80},{\"region\":\"mars\",\"rtt_ms\":1}]}"
}
both
is "$STATUS" 200 "machines say what they are"

# ---- explained before anything is rented: what takes out how many ----
quote() { api POST /v1/orders/quote "$(order_body ".constraints = $1")" "$BUYER" && jq -r '"\(.asks) \(.fits) " + ([.removed | to_entries[] | select(.value > 0) | "\(.key)=\(.value)"] | join(","))' <<<"$BODY"; }
is "$(quote '{}')" "2 2 " "both fit an order that wants nothing"
is "$(quote '{cpu_vendor: "amd"}')" "2 1 cpu_vendor=1" "a vendor"
is "$(quote '{countries_not: ["FR"]}')" "2 1 country=1" "a country that is not wanted"
is "$(quote '{region: "ams", max_rtt_ms: 20}')" "2 1 rtt=1" "a distance"
is "$(quote '{region: "fra", max_rtt_ms: 20}')" "2 0 rtt=2" "one that nobody measured"
is "$(quote '{min_up_kbit_s: 10000}')" "2 1 bandwidth=1" "a line"
is "$(quote '{scratch_mib: 1024}')" "2 1 scratch=1" "a scratch disk"
is "$(quote '{display: "vga"}')" "2 1 display=1" "a display"
is "$(quote '{direct: true}')" "2 1 direct=1" "no relay"
is "$(quote '{trusted: "require"}')" "2 0 trusted=2" "proof of what was booted, which nobody has"
offers two '{"image_mib":0}'
is "$(quote '{}')" "2 1 image=1" "room for the image"
both
is "$(quote '{min_ratings: 1}')" "2 0 rating=2" "marks"
is "$(quote "{blocked: [\"$BOB_ID\"]}")" "2 1 blocked=1" "a seller who is not wanted"
api POST /v1/orders/quote "$(order_body '.constraints = {region: "mars", max_rtt_ms: 5}')" "$BUYER"
is "$STATUS $(field '.errors[0].field')" "422 constraints.region" "a region that the market does not know"
api POST /v1/orders/quote "$(order_body '.max_price_per_hour_micro = 1')" "$BUYER"
is "$(field '"\(.fits) \(.removed.price)"')" "0 2" "one price for all"

# ---- rented so ----
leases() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER"; }
filled() { leases && [ "$(field '.items | length')" = "$1" ]; }
new_order "$BUYER" '.count = 2 | .constraints = {distinct_sellers: true}' || bail "$BODY"
ok "two places with two sellers" within 20 filled 2
is "$(field '[.items[].seller] | unique | length')" 2 "are with two sellers, though one has room for both"
new_order "$BUYER" '.constraints = {preferred: ["alice"]}'
is "$STATUS" 422 "a seller that is no id is refused"
api GET /v1/account "" "$ALICE" && ALICE_ID=$(field .id)
new_order "$BUYER" ".constraints = {preferred: [\"$ALICE_ID\"]}" || bail "$BODY"
ok "an order that prefers a seller is filled" within 20 filled 1
is "$(field '.items[0].seller')" "$ALICE_ID" "by it, though the other is cheaper"
# 2 + 2 cores are left; 5 do not fit at once, 4 do.
new_order "$BUYER" '.count = 6 | .constraints = {all_or_none: true}' || bail "$BODY"
new_order "$BUYER" '.count = 1 | .name = "small"' || bail "$BODY"
ok "a small order behind it is filled" within 20 filled 1
ALL=$(api GET '/v1/orders?limit=2' "" "$BUYER" && field '[.items[] | select(.name != "small")][0] | "\(.filled) \(.state)"')
is "$ALL" "0 open" "an order of all or none waits whole"

# ---- a later window, and one without an end ----
new_order "$BUYER" ".not_before = \"$(date -u -d '+8 seconds' +%FT%T.000000Z)\" | .open_s = 60" || bail "$BODY"
isnt "$(field .not_before)" null "an order may begin later"
both
is "$(leases && field '.items | length')" 0 "and waits until then"
ok "then it is filled" within 40 filled 1
new_order "$BUYER" '.open_s = 0 | .constraints = {trusted: "require"}' || bail "$BODY"
is "$(field .open_until)" null "an order may stand until it is cancelled"
STANDING=$ORDER

# ---- the machine's side ----
api GET "/v1/machines/${M_ID[one]}/explain" "" "$ALICE"
is "$(field '"\(.orders) \(.in_book) \(.removed.trusted)"')" "2 true 1" "a seller sees which rule keeps waiting orders away"
api GET "/v1/machines/${M_ID[one]}/explain" "" "$BOB"
is "$STATUS" 404 "of its own machines"
offers two "{\"blocked_buyers\":[\"$BUYER_ID\"]}" "$(api GET "/v1/machines/${M_ID[two]}/leases" "" "$BOB" && jq -c '[.items[] | {lease: .id, state: "running", reason: ""}]' <<<"$BODY")"
like "$(quote '{}')" "blocked=1" "a seller may refuse a buyer"

# ---- an image that a machine failed at ----
new_machine three "$BOB" || bail "$BODY"
M_CORES=1 M_ACCEL=tcg offers three '{}'
new_order "$BUYER" '.count = 2 | .constraints = {accel: "tcg"}' || bail "$BODY"
ok "a machine has room for one of two places" within 20 filled 1
LEASE=$(field '.items[0].id')
M_CORES=1 M_ACCEL=tcg offers three '{}' "[$(said "$LEASE" ended image_failed)]"
leases
is "$(field '.items[0].reason')" image_failed "its image cannot be had"
M_CORES=1 M_ACCEL=tcg offers three '{}'
failed() { api GET "/v1/orders/$ORDER/explain" "" "$BUYER" && [ "$(field '"\(.filled) \(.removed.image)"')" = "1 1" ]; }
ok "the machine is free, and the other place is not for it" within 10 failed
FIRST=$IMAGE
new_image "$BUYER" 2000 || bail "$BODY"
new_order "$BUYER" '.constraints = {accel: "tcg"}' || bail "$BODY"
ok "another image's is" within 20 filled 1
IMAGE=$FIRST

end "$MARKET_PID" KILL
sql "UPDATE cpushare.token SET last_used_at = now() - interval '1 hour'" >/dev/null
sql "UPDATE cpushare.machine SET seen_at = NULL" >/dev/null
ok "a market that was killed is back" restart_market
offers one '{}' # nothing is new, so nothing is written at once
seen() { sql "SELECT count(seen_at) FROM cpushare.machine"; }
ok "when a machine was seen is written before long" within 20 eval '[ "$(seen)" = 1 ]'
api GET /v1/account "" "$BUYER"
is "$(sql "SELECT count(*) FILTER (WHERE machine IS NOT NULL), count(*) FILTER (WHERE machine IS NULL) FROM cpushare.token WHERE last_used_at > now() - interval '5 minutes'")" \
	"0|1" "a token's use is noted; a machine's not each minute"
api GET "/v1/orders/$STANDING" "" "$BUYER"
is "$(field '.constraints.trusted + " " + (.open_until | tostring)')" "require null" "what orders want is kept"
done_testing
