#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# properties.t - random requests, well and ill made, at every operation of the description: each answer is as described, none is 500
#
# SEED=n ROUNDS=n repeats or goes on; without them the seed is another one each time, and is printed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"
SEED=${SEED:-$RANDOM} ROUNDS=${ROUNDS:-4}
start_market --set limits.signups_burst=100000 --set timing.lost_contact=600s
new_buyer user 100000000 && USER_TOKEN=$TOKEN || bail "$BODY"
signup boss && cpushare-market operator grant boss@example.org --data "$MARKET_DATA" >/dev/null && login boss && BOSS=$TOKEN
new_machine desk "$USER_TOKEN" || bail "$BODY"
report desk
new_image "$USER_TOKEN" 1000 && new_order "$USER_TOKEN" . || bail "$BODY"
ask() { "$TOP/tests/api/ask_anything" "${LIE:-$TOP/web/openapi.json}" "$URL" "$SEED" "$ROUNDS" "$USER_TOKEN" "$USER_TOKEN" "$USER_TOKEN" "$BOSS" "${M_TOKEN[desk]}" bad; }
ask >"$WORK/asked"
_tap $? "every answer is one that the description has (SEED=$SEED)" || head -n 60 "$WORK/asked" | sed 's/^/#   /'
note "$(tail -n 1 "$WORK/asked")"
jq '.components.schemas.Book.properties.currency.pattern = "^x$"' "$TOP/web/openapi.json" >"$WORK/lie.json"
ok "a description that lies is found out" eval '! LIE=$WORK/lie.json ROUNDS=1 ask'
ok "the market is well" market_answers
is "$(grep -c ' error: ' "$WORK/market.log")" 0 "and has logged no error" || grep ' error: ' "$WORK/market.log" | head -n 5 | sed 's/^/#   /'
ok "the ledger holds" cpushare-market ledger verify --data "$MARKET_DATA"
done_testing
