#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# calibration.t - machines that say what they want: the market asks each what it can do, times the answer, and believes only what is right
. "$(dirname "$0")/../lib.sh"
. "$TOP/tests/api/machine.sh"

WORKER=$BUILD/images/work
# Any CD will do where no VM boots: the tiny one.
# What is right has half a minute until it is slow.
CALIBRATION=(--set calibration.image="$TINY" --set calibration.cost=1.00 --set timing.sweep_interval=200ms --set timing.busy_interval=200ms)
start_market "${CALIBRATION[@]}" --set calibration.work=30s
new_operator >/dev/null || bail "no operator"
OPERATE=(--data "$MARKET_DATA" -o json)

# results NAME: of that machine, the newest first
results() { api GET "/v1/machines/${M_ID[$1]}/calibrations" && jq -r '.items[].result' <<<"$BODY"; }
# lease_of NAME: reports until there is a lease; sets LEASE
lease_of() {
	report "$1"
	LEASE=$(jq -r '.leases[0].lease // empty' <<<"$BODY")
	[ -n "$LEASE" ]
}
# console NAME FROM: what is on stdin, as the bytes of the guest's console from there on
console() {
	api POST "/v1/leases/$LEASE/console" "$(base64 -w0 | jq -cR --argjson f "$2" '{from: $f, end: ($f + (@base64d | utf8bytelength)), data: .}')" "${M_TOKEN[$1]}"
	[ "$STATUS" = 200 ]
}
# running NAME: the lease runs, its endpoint is up, and what the market answers is in BODY
PEERS=0
running() {
	report "$1" "[$(said "$LEASE" running '' '' "{\"peers_version\":$PEERS}")]"
	[ "$STATUS" = 200 ]
}
# seed_of NAME: reports until the buyer's peer is there; sets SEED
seed_of() {
	running "$1"
	SEED=$(jq -r '.leases[0].peers[]? | select(.ip == "10.77.0.1").name' <<<"$BODY")
	[ -n "$SEED" ]
}
# begin NAME: is asked to work; sets TASK, the arguments of the work
begin() {
	cpushare-market calibration run "${M_ID[$1]}" "${OPERATE[@]}" >/dev/null && within 20 lease_of "$1" || return 1
	api GET "/v1/leases/$LEASE/spec" "" "${M_TOKEN[$1]}"
	TASK=$(jq -r .user_data <<<"$BODY" | sed -n 's/^exec work "$n" //p')
	running "$1" && running "$1" && printf 'cloud kernel\r\nw ready\r\n' | console "$1" 0 && within 20 seed_of "$1"
}
# over NAME: the market has judged, and wants the lease's end
over() {
	running "$1"
	[ "$(jq -r '.leases[0].state' <<<"$BODY")" = ended ]
}
ended() { report "$1" "[$(said "$LEASE" ended cancelled_by_buyer)]"; }
# judged NAME: waits for the verdict, ends the lease; sets VERDICT
judged() {
	within 30 over "$1" && ended "$1" && VERDICT=$(results "$1" | head -n 1)
}

signup seller
new_machine desk "$TOKEN" || bail "no machine: $BODY"
OWNER=$TOKEN
M_CORES=2 M_MEMORY=1024 M_SCORE=1
report desk
is "$(cpushare-market calibration run "${M_ID[desk]}" "${OPERATE[@]}" >/dev/null && sleep 2 && results desk)" '' \
	"without money there is no calibration"
like "$(<"$WORK/market.log")" 'commission does not cover calibrations' "and the log says so"
ok "the operator gives some" cpushare-market calibration fund 5.00 "${OPERATE[@]}"

# ---- the right answer ----
ok "a lease like any other, and the seed when the guest is ready" begin desk
api GET "/v1/leases/$LEASE/spec" "" "${M_TOKEN[desk]}"
unlike() { [[ ! $1 =~ $2 ]]; _tap $? "$3"; }
unlike "$BODY" "$SEED" "nothing that was known before has the seed in it"
is "$(results desk)" '' "what is under way is nobody's to see"
"$WORKER" "$SEED" $TASK >"$WORK/answer"
{ printf 'w 63 1 %064d\r\nw 0 99 %064d\r\n\377\000w 0 0\r\nw ready\r\n' 0 0; head -c 300 /dev/urandom; echo; cat "$WORK/answer"; } >"$WORK/noisy"
api POST "/v1/leases/$LEASE/console" "$(jq -nc --arg d "$(base64 -w0 "$WORK/noisy")" --argjson n "$(stat -c %s "$WORK/noisy")" \
	'{from: 23, end: (23 + $n), data: $d}')" "${M_TOKEN[desk]}"
is "$STATUS" 200 "the answer, among what a console says besides"
ok "is judged" judged desk
is "$VERDICT" good "a right answer is good"
api GET "/v1/machines/${M_ID[desk]}" "" "$OWNER"
like "$(jq -c '[.score > 0, .claimed_score, .off_reason, .calibrated_at != null]' <<<"$BODY")" '^\[true,1,"",true\]$' "the machine has a score of the market's"
report desk
api GET /v1/offers
is "$(jq -c '[.items[] | select(.machine_name == "desk").measured]' <<<"$BODY")" '[true]' "and its offer says that it was measured"

# ---- a wrong one: one chunk of each core is invented ----
ok "it is asked again" begin desk
"$WORKER" "$SEED" $TASK | sed 's/^\(w [0-9]* [0-9]* \)..../\1beef/' >"$WORK/answer"
ok "and answers something" console desk 23 <"$WORK/answer"
ok "which is judged" judged desk
is "$VERDICT" wrong "a wrong answer is wrong"
report desk
api GET "/v1/machines/${M_ID[desk]}" "" "$OWNER"
is "$(field .off_reason)" "a calibration's answer was wrong" "the owner reads why it is off the book"
api GET "/v1/machines/${M_ID[desk]}/explain" "" "$OWNER"
is "$(jq -c '[.in_book, .off_reason]' <<<"$BODY")" '[false,"a calibration'"'"'s answer was wrong"]' "so does its daemon"
api GET /v1/offers
is "$(jq '[.items[] | select(.machine_name == "desk")] | length' <<<"$BODY")" 0 "nobody is offered it"

# ---- good again ----
ok "off the book it is asked again where the operator wants" begin desk
"$WORKER" "$SEED" $TASK >"$WORK/answer"
ok "it answers" console desk 23 <"$WORK/answer"
ok "and is judged" judged desk
is "$VERDICT" good "the right answer brings it back"
report desk
api GET /v1/offers
is "$(jq '[.items[] | select(.machine_name == "desk")] | length' <<<"$BODY")" 1 "on the book"

# ---- a market that is killed meanwhile ----
ok "asked again, and the market is killed" begin desk
end "$MARKET_PID" KILL
# What is right has two seconds from now on, of the work that is claimed: what this computer was measured to do is forgotten.
sql "UPDATE cpushare.machine SET measured_score = NULL"
MARKET_OPTIONS=("${CALIBRATION[@]}" --set calibration.work=1s)
ok "it starts again" restart_market
failed() { [ "$(results desk | head -n 1)" = failed ]; }
ok "and gives that one up" within 20 failed
ok "its order ends" within 30 over desk
ended desk

# ---- one that never answers, and one that is right, and late ----
M_SCORE=400000
new_machine boast "$OWNER" || bail "no machine: $BODY"
report boast
ok "a machine that boasts is asked" begin boast
BOAST=$LEASE M_SCORE=40
report desk
ok "so is the other one" begin desk
"$WORKER" "$SEED" $TASK >"$WORK/answer"
sleep 3
ok "the right answer comes late" console desk 23 <"$WORK/answer"
ok "and is judged" judged desk
is "$VERDICT" slow "it is slow"
api GET "/v1/machines/${M_ID[desk]}/calibrations"
like "$(jq -r '.items[0].detail' <<<"$BODY")" '^a calibration (measured a score of [0-9]+, it claims 40|did not end in time.*)$' "everybody reads why"
LEASE=$BOAST
ok "without an answer it is over some time" within 30 over boast
ended boast
api GET "/v1/machines/${M_ID[boast]}/calibrations"
like "$(jq -r '.items[0] | [.result, .detail] | @tsv' <<<"$BODY")" '^slow.a calibration did not end in time: 0 of ' "that is slow, too"

# ---- what is left of it ----
all_put_away() { [ "$(sql "SELECT count(*) FROM cpushare.image i JOIN cpushare.calibration_buyer b USING (account)")" = 0 ]; }
ok "the images are put away" within 30 all_put_away
is "$(sql "SELECT count(*), count(DISTINCT buyer), count(DISTINCT image) FROM cpushare.calibration")" '6|6|6' \
	"the seller met another buyer and another image each time"
is "$(sql "SELECT sum(l.balance_micro) FROM cpushare.ledger_account l JOIN cpushare.calibration_buyer b ON b.account = l.owner")" 0 \
	"the money that was left went back"
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
is "$(cpushare-market calibration list "${M_ID[desk]}" "${OPERATE[@]}" | jq -c '[.items[].result]')" \
	'["slow","failed","good","wrong","good"]' "the operator's list"

# ---- the owner asks; the market by itself ----
ask() { api POST "/v1/machines/${M_ID[$1]}/calibrations" "" "$2"; }
sql "INSERT INTO cpushare.machine (id, account, name, public_key, state, calibration_asked) SELECT lpad(n::text, 32, '0')::uuid, account, 'off' || n,
	sha256(n::text::bytea), 'offline', true FROM cpushare.machine, generate_series(1, 200) n WHERE name = 'desk'" ||
	bail "no machines"
M_SCORE=1
new_machine lap "$OWNER" || bail "no machine: $BODY"
report lap
ask lap "${M_TOKEN[desk]}"
is "$STATUS" 404 "a machine asks for none but itself"
signup stranger && ask lap "$TOKEN"
is "$STATUS" 404 "nor does somebody else"
ask lap "$OWNER"
is "$STATUS" 204 "its owner may ask, beside two hundred who asked and are away"
ask lap "${M_TOKEN[lap]}"
is "$STATUS" 429 "once a day"
ok "and it comes" within 20 lease_of lap
report lap "[$(said "$LEASE" ended withdrawn_by_seller)]"
given_up() { api GET "/v1/machines/${M_ID[lap]}/explain" "" "${M_TOKEN[lap]}" && [ "$(field .calibration.result)" = failed ]; }
ok "its daemon reads what came of the last one" within 30 given_up
like "$(cpushare-market config example)" 'random = yes' "where nothing is set, machines are measured at random times"
end "$MARKET_PID"
MARKET_OPTIONS=("${CALIBRATION[@]}" --set calibration.day_cost=7.99)
ok "with a market that has a bound on what a day costs" restart_market
report desk
ok "another one is asked for" cpushare-market calibration run "${M_ID[desk]}" "${OPERATE[@]}"
enough() { report desk && grep 'calibrations have cost all that they may in 24 hours' "$WORK/market.log"; }
ok "seven that may have cost one each leave no room for it, and the log says so" within 20 enough
is "$(report desk && field '.leases | length')" 0 "it does not come"
sql "UPDATE cpushare.machine SET calibration_asked = false"
end "$MARKET_PID"
MARKET_OPTIONS=("${CALIBRATION[@]}" --set calibration.random=yes --set calibration.mean=1s)
ok "with such a market" restart_market
new_machine fresh "$OWNER" || bail "no machine: $BODY"
ok "a new machine gets an order that nobody asked for" within 60 lease_of fresh

done_testing
