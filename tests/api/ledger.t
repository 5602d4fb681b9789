#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ledger.t - the ledger after the fact: its chain
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
done_testing
