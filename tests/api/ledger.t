#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ledger.t - the ledger after the fact: its chain, disputes and corrections
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=1000
verify() { cpushare-market ledger verify --data "$MARKET_DATA" "$@"; }
tampered() { sql "ALTER TABLE cpushare.posting DISABLE TRIGGER USER; $1"; } # as the owner, with its triggers off
new_buyer buyer 10000000 && BUYER=$TOKEN
chained() { verify | grep -q '^chain_waiting  *0$'; }
ok "the market chains what is posted by itself" within 10 chained
HEAD=$(verify | sed -n 's/^chain  *//p')
like "$HEAD" '^[1-9][0-9]*:[0-9a-f]{64}$' "the audit says where the chain ends"
ok "which can be kept, and is found again" verify "$HEAD"
is "$(verify "${HEAD%%:*}:$(printf %064d 0)" >"$WORK/other"; echo $?)" 1 "another end is not"
like "$(<"$WORK/other")" 'IS NOT WHAT WAS KEPT' "and it says so"
posting=$(sql "SELECT posting FROM cpushare.posting_chain WHERE number = 1" | tr -d '[:space:]')
tampered "UPDATE cpushare.posting SET text = 'mine' WHERE id = '$posting'" >/dev/null
is "$(verify >"$WORK/changed"; echo $?)" 1 "a text changed past the triggers fails the audit"
like "$(<"$WORK/changed")" "posting $posting, 1 in the chain: changed" "which names it"
tampered "UPDATE cpushare.posting SET text = 'manual' WHERE id = '$posting'" >/dev/null
ok "changed back, the ledger holds" verify

purses="(SELECT min(id) FROM cpushare.ledger_account WHERE kind = 'funds' AND balance_micro > 5) a (a),
	(SELECT id FROM cpushare.ledger_account WHERE kind = 'commission') h (h)"
sql "SELECT cpushare.ledger_lock(a, h), cpushare.post('correction', NULL, NULL, NULL, 'to and fro', now(), ARRAY[a, h, a, h], ARRAY[h, a, h, a], ARRAY[5, 5, 5, 5])
	FROM $purses" >/dev/null
# What is changed in the sums is found by the command as PostgreSQL finds it; put right, it holds.
sql "ALTER TABLE cpushare.entry DISABLE TRIGGER USER; ALTER TABLE cpushare.ledger_account DISABLE TRIGGER USER;
	ALTER TABLE cpushare.entry DROP CONSTRAINT entry_previous_check;
	GRANT UPDATE, DELETE ON cpushare.entry TO cpushare_owner; GRANT DELETE ON cpushare.ledger_account TO cpushare_owner" >/dev/null
wrong() { # SQL THAT-UNDOES-IT WHAT
	sql "$1" >/dev/null
	local found postgres
	found=$(verify -o json | jq -r '"\(.unbalanced) \(.entries) \(.sum_micro) \(.negative)"')
	postgres=$(sql "SELECT concat_ws(' ', unbalanced, entries, sum_micro, negative) FROM cpushare.ledger_verify()")
	is "$found" "$postgres" "$3: as PostgreSQL finds it"
	isnt "${found%% *}" 0 "and it is found"
	sql "$2" >/dev/null
}
entry="(SELECT min(number) FROM cpushare.entry)"
wrong "UPDATE cpushare.entry SET amount_micro = amount_micro + 1 WHERE number = $entry" \
	"UPDATE cpushare.entry SET amount_micro = amount_micro - 1 WHERE number = $entry" "another amount"
wrong "UPDATE cpushare.entry SET credit_after = credit_after + 1 WHERE number = $entry" \
	"UPDATE cpushare.entry SET credit_after = credit_after - 1 WHERE number = $entry" "another balance told"
wrong "UPDATE cpushare.entry SET debit_previous = debit_previous + 1 WHERE number = $entry" \
	"UPDATE cpushare.entry SET debit_previous = debit_previous - 1 WHERE number = $entry" "another entry before it"
wrong "UPDATE cpushare.ledger_account SET balance_micro = balance_micro + 1 WHERE kind = 'commission'" \
	"UPDATE cpushare.ledger_account SET balance_micro = balance_micro - 1 WHERE kind = 'commission'" "another balance"
wrong "CREATE TABLE public.kept AS SELECT * FROM cpushare.entry WHERE number = $entry; DELETE FROM cpushare.entry WHERE number = $entry" \
	"INSERT INTO cpushare.entry OVERRIDING SYSTEM VALUE SELECT * FROM public.kept" "an entry removed"
last="(SELECT max(number) FROM cpushare.entry)"
wrong "UPDATE cpushare.entry SET debit_previous = (SELECT debit_previous FROM cpushare.entry WHERE number = $last - 3) WHERE number = $last - 1;
	UPDATE cpushare.entry SET debit_previous = number + 1 WHERE number = $last - 3" \
	"UPDATE cpushare.entry SET debit_previous = (SELECT debit_previous FROM cpushare.entry WHERE number = $last - 1) WHERE number = $last - 3;
	UPDATE cpushare.entry SET debit_previous = number - 1 WHERE number = $last - 1" "two entries that name each other"
sql "UPDATE cpushare.entry SET debit = 4711 WHERE number = $entry" >/dev/null
isnt "$(verify -o json 2>/dev/null | jq .unbalanced)" 0 "an entry of an account that is not there is found"
sql "UPDATE cpushare.entry SET debit = k.debit FROM public.kept k WHERE entry.number = k.number" >/dev/null
ok "put right, the ledger holds" verify
sql "ALTER TABLE cpushare.entry ENABLE TRIGGER USER; ALTER TABLE cpushare.ledger_account ENABLE TRIGGER USER" >/dev/null

# ---- a lease that is paid, ends, and is disputed ----
signup seller && SELLER=$TOKEN
signup chief && cpushare-market operator grant chief@example.org --data "$MARKET_DATA" >/dev/null && login chief && CHIEF=$TOKEN
M_PRICE=100000000
new_machine desk "$SELLER" || bail "$BODY"
new_image "$BUYER" 1000 || bail "$BODY"
report desk
new_order "$BUYER" '.max_price_per_core_hour_micro = 100000000' || bail "$BODY"
matched() { api GET "/v1/orders/$ORDER/leases" "" "$BUYER" && [ "$(field '.items | length')" = 1 ]; }
ok "an order is matched" within 20 matched
LEASE=$(field '.items[0].id')
for column in cores_leased memory_leased_mib; do
	sql "UPDATE cpushare.machine SET $column = $column + 1" >/dev/null
	is "$(verify -o json 2>/dev/null | jq -r '"\(.machines_difference) \(.holds)"')" '1 false' "a machine with more $column than its leases take is found"
	api GET /v1/operator/ledger "" "$CHIEF"
	is "$(field .machines_difference)" 1 "by who asks over HTTP, too"
	sql "UPDATE cpushare.machine SET $column = $column - 1" >/dev/null
done
ok "and put right, it is none" verify
report desk "[$(said "$LEASE" running)]"
dispute() { api POST "/v1/leases/$LEASE/dispute" "$1" "${2-$BUYER}" "$(key)"; }
dispute '{"text":"it never answered"}'
is "$STATUS $(field .code)" '409 wrong_state' "a lease that runs cannot be disputed"
report desk "[$(said "$LEASE" ended completed "$(usage desk "$LEASE" 1 3600000 3600 0 0 $NO_HASH)")]"
api GET "/v1/leases/$LEASE" "" "$BUYER"
charged=$(field .charged_micro)
ok "it has ended and cost something" [ "$(field .state)" = ended -a "$charged" -gt 0 ]
dispute '{"text":""}'
is "$STATUS $(field .errors[0].field)" '422 text' "a dispute says something"
dispute '{"text":"x","refund_percent":100}'
is "$STATUS" 422 "and nothing else"
dispute '{"text":"it never answered"}' "$SELLER"
is "$STATUS" 404 "it is the buyer's to say"
dispute '{"text":"it never answered"}'
is "$STATUS $(field .state)" '201 open' "the buyer disputes it"
is "$(field .evidence.usage.hash)" "$(<"$WORK/usage_hash")" "the usage record is frozen"
dispute '{"text":"once more"}'
is "$STATUS" 409 "once"
api GET "/v1/leases/$LEASE/dispute" "" "$SELLER"
is "$STATUS $(field .text) $(field .console_base64)" '200 it never answered null' "the seller sees it, and not the console"
signup stranger
api GET "/v1/leases/$LEASE/dispute" "" "$TOKEN"
is "$STATUS" 404 "a stranger does not"
api GET "/v1/operator/disputes?state=open" "" "$CHIEF"
is "$(field '.items | length') $(field .items[0].lease)" "1 $LEASE" "the operator finds it"
before=$(api GET /v1/balance "" "$BUYER" && field .available_micro)
api POST "/v1/leases/$LEASE/dispute/decide" '{"refund_percent":50,"reason":"it was half reachable"}' "$BUYER"
is "$STATUS" 403 "the buyer does not decide"
api POST "/v1/leases/$LEASE/dispute/decide" '{"refund_percent":50,"reason":"it was half reachable"}' "$CHIEF"
is "$STATUS $(field .state) $(field .refund_micro)" "200 upheld $((charged / 2))" "the operator gives half back"
is "$(api GET /v1/balance "" "$BUYER" && field .available_micro)" $((before + charged / 2)) "the buyer has it"
is "$(api GET /v1/postings "" "$BUYER" && field '.items[0].kind, .items[0].text' | paste -sd ' ')" 'correction chief: it was half reachable' \
	"and reads why"
seller=$(api GET "/v1/leases/$LEASE" "" "$BUYER" && field .seller)
is "$(api GET "/v1/sellers/$seller" && field '.bad, .leases_failed, .leases_completed' | paste -sd ' ')" '1 1 0' "the lease counts as failed, its mark as bad"
events() { curl -ksN -m 3 -H "Authorization: Bearer $1" "$URL/v1/events?after=0" | sed -n 's/^event: //p' | grep -E 'dispute|corrected' | paste -sd ' '; }
is "$(events "$BUYER")" 'dispute.opened lease.corrected dispute.decided' "the buyer hears of it"
is "$(events "$SELLER")" 'dispute.opened lease.corrected dispute.decided' "and the seller"
k=$(key)
api POST "/v1/leases/$LEASE/correct" '{"amount_micro":1,"reason":"rounding"}' "$CHIEF" "$k"
api POST "/v1/leases/$LEASE/correct" '{"amount_micro":1,"reason":"rounding"}' "$CHIEF" "$k"
is "$STATUS $(field .refunded_micro)" "200 $((charged / 2 + 1))" "a correction sent twice is made once"
api POST "/v1/leases/$LEASE/correct" "{\"amount_micro\":$charged,\"reason\":\"all\"}" "$CHIEF" "$(key)"
is "$STATUS" 422 "no more is given back than was charged"
like "$(cpushare-market ledger correct "$LEASE" 0.000001 "by hand" --data "$MARKET_DATA")" 'given back' "an operator's command does so too"
is "$(api GET /v1/postings "" "$BUYER" && field '.items[0].text')" "$(id -un): by hand" "under its user's name"
is "$(cpushare-market dispute list --data "$MARKET_DATA")" '' "no dispute waits any more"
cpushare-market dispute decide "$LEASE" 100 "again" --data "$MARKET_DATA" 2>/dev/null
is "$?" 5 "nor is any decided twice"
# The chain is followed in slices: what is wrong anywhere in it is found as PostgreSQL finds it in one.
ok "everything is chained" within 10 chained
sql "GRANT UPDATE, DELETE ON cpushare.posting_chain TO cpushare_owner; ALTER TABLE cpushare.posting_chain DISABLE TRIGGER USER" >/dev/null
broken() { # SQL THAT-UNDOES-IT WHAT
	tampered "$1" >/dev/null
	local found postgres
	found=$(verify -o json 2>/dev/null | jq -r '.items[] | "\(.number) \(.posting) \(.fault)"')
	postgres=$(sql "SELECT concat_ws(' ', coalesce(chain_number, 0), posting, fault) FROM cpushare.ledger_chain_faults(20)")
	is "$found" "$postgres" "$3: as PostgreSQL finds it"
	isnt "$found" '' "and it is found"
	tampered "$2" >/dev/null
}
broken "UPDATE cpushare.posting SET text = text || '!'" "UPDATE cpushare.posting SET text = left(text, -1)" "all texts changed"
broken "CREATE TABLE public.link AS SELECT * FROM cpushare.posting_chain WHERE number % 3 = 2 AND number < (SELECT max(number) FROM cpushare.posting_chain);
	DELETE FROM cpushare.posting_chain c USING public.link l WHERE l.number = c.number" \
	"INSERT INTO cpushare.posting_chain SELECT * FROM public.link" "links lost"
broken "UPDATE cpushare.posting_chain SET hash = pg_catalog.sha256('other') WHERE number = (SELECT max(number) / 2 FROM cpushare.posting_chain)" \
	"UPDATE cpushare.posting_chain SET hash = pg_catalog.sha256(b.hash || convert_to(t.text, 'UTF8')) FROM cpushare.posting_chain b, cpushare.posting_chained t
		WHERE posting_chain.number = (SELECT max(number) / 2 FROM cpushare.posting_chain) AND b.number = posting_chain.number - 1 AND t.id = posting_chain.posting" \
	"a hash in the middle"
ok "the ledger holds" verify
done_testing
