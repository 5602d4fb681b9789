#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# calibration.t - the market's money for measuring machines: it goes to its own buyers and back, to nobody else and from nobody else
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000)' >/dev/null || bail "no seed"
before=$(as_market -c "SELECT balance_micro FROM ledger_account WHERE kind = 'commission'")
own="'00000000-0000-7000-8000-00000000cafe'"
ok "an account of the market's own" as_market -c "SELECT calibration_buyer_make($own, 'mira')"
balances() { as_market -c "SELECT (SELECT balance_micro FROM ledger_account WHERE kind = 'commission') - $before,
	(SELECT balance_micro FROM ledger_account WHERE owner = $own AND kind = 'funds'), seed.balance(1)"; }
mine=$(as_market -c 'SELECT seed.balance(1)')

refused CS004 "SELECT calibration_pay($own, $before + 1, now())" "the commission has not that much"
refused CS006 "SELECT calibration_fund(0, 'op', now())" "no money is no funding"
refused CS006 "SELECT calibration_fund(5, '', now())" "nor is nobody's"
ok "the operator gives some" as_market -c "SELECT calibration_fund(500, 'op', now())"
ok "a buyer of the market's has it" as_market -c "SELECT calibration_pay($own, 300, now())"
is "$(balances)" "200|300|$mine" "it moved"
ok "and gives back what is left" as_market -c "SELECT calibration_return($own, now())"
is "$(balances)" "500|0|$mine" "all of it"
ok "again, where there is nothing" as_market -c "SELECT calibration_return($own, now())"

# A user's account is neither paid nor emptied, and does not become one of the market's.
refused CS003 "SELECT calibration_pay(seed.id(1), 5, now())" "a user is not paid so"
refused CS003 "SELECT calibration_pay(seed.id(1), -5, now())" "nor made to pay"
refused CS003 "SELECT calibration_return(seed.id(1), now())" "nor is a user's balance taken"
refused 42501 "INSERT INTO calibration_buyer (account) VALUES (seed.id(1))" "nobody becomes one of the market's buyers"
refused 42501 "UPDATE calibration_buyer SET account = seed.id(1)" "by no way"
refused 23505 "SELECT calibration_buyer_make(seed.id(1), 'x')" "nor by the procedure"
is "$(balances)" "500|0|$mine" "and nothing moved"
sound "the ledger is sound"
done_testing
