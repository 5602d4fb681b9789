#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rights.t - the market's role cannot write money, by no statement; history is append-only for its owner too
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000); SELECT seed.place(50, 1, 2, 10); SELECT seed.match(50, 102)' >/dev/null || bail "no seed"
as_market -c 'SELECT ledger_chain(100)' >/dev/null

# A statement of each kind that would do something, were it let.
column() { as_owner -c "SELECT attname FROM pg_attribute WHERE attrelid = 'cpushare.$1'::regclass AND attnum > 0 ORDER BY attnum OFFSET 1 LIMIT 1"; }
for table in ledger_account posting entry posting_chain deposit order lease feedback dispute network_peer event reversal payout usage_tick; do
	c=$(column $table)
	refused 42501 "INSERT INTO cpushare.$table OVERRIDING SYSTEM VALUE SELECT * FROM cpushare.$table" "the market cannot INSERT into $table"
	refused 42501 "UPDATE cpushare.$table SET $c = $c" "the market cannot UPDATE $table"
	refused 42501 "DELETE FROM cpushare.$table" "the market cannot DELETE from $table"
	refused 42501 "TRUNCATE cpushare.$table CASCADE" "the market cannot TRUNCATE $table"
done
for table in account machine; do
	refused 42501 "DELETE FROM $table" "the market cannot DELETE from $table"
	refused 42501 "TRUNCATE $table CASCADE" "the market cannot TRUNCATE $table"
done
refused 42501 "UPDATE account SET id = gen_random_uuid()" "the market cannot give an account another id"
refused 42501 "SELECT post('deposit', NULL, NULL, NULL, '', now(), ARRAY[1::bigint], ARRAY[3::bigint], ARRAY[1000000::bigint])" \
	"the market cannot post by itself"
refused 42501 "SELECT hold_release(seed.id(1), 10)" "nor release a hold by itself"
refused 42501 "SELECT setval('event_id_seq', 1)" "nor turn back the events"
refused 42501 "CREATE TABLE cpushare.mine (a int)" "nor make tables"
refused 42501 "CREATE FUNCTION cpushare.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'" "nor functions"
refused 42501 "SET ROLE cpushare_owner" "nor become the owner"
refused 42501 "ALTER TABLE entry DISABLE TRIGGER ALL" "nor switch off the triggers"

# The same for the owner: what is written stays.
owner_refused() { # SQL NAME
	like "$(as_owner -v VERBOSITY=verbose -c "$1" 2>&1)" 'ERROR:  (42501|CS006):' "$2"
}
for table in posting entry posting_chain; do
	c=$(column $table)
	owner_refused "UPDATE $table SET $c = $c" "the owner cannot UPDATE $table"
	owner_refused "DELETE FROM $table" "the owner cannot DELETE from $table"
	owner_refused "TRUNCATE $table CASCADE" "the owner cannot TRUNCATE $table"
done
owner_refused "UPDATE ledger_account SET balance_micro = balance_micro + 1" "the owner cannot UPDATE a balance"
owner_refused "UPDATE ledger_account SET owner = NULL" "nor give a ledger account away"
owner_refused "DELETE FROM ledger_account" "nor DELETE one"
owner_refused "TRUNCATE ledger_account CASCADE" "nor TRUNCATE them"
owner_refused "INSERT INTO ledger_account (owner, kind, balance_micro) VALUES (NULL, 'commission', 5)" "nor make one with money in it"
like "$(as_owner -v VERBOSITY=verbose -c "INSERT INTO posting_chain VALUES (4711, seed.id(4711), 4711, seed.hash('x'))" 2>&1)" 'ERROR:  23503:' \
	"nor chain a posting that is not there"
# The superuser passes the rights, and meets the triggers.
for sql in "UPDATE entry SET amount_micro = 1" "DELETE FROM posting" "TRUNCATE posting CASCADE" "DELETE FROM entry" \
	"UPDATE ledger_account SET balance_micro = 7"; do
	like "$(as_admin -v VERBOSITY=verbose -c "$sql" 2>&1)" 'ERROR:  CS006:' "the superuser cannot ${sql%% SET*}"
done
# An entry by hand, past the procedures: FROM, TO, AMOUNT, what it claims about the balances after it, and how far it misses the entries before it.
entry() {
	as_owner -v VERBOSITY=verbose -c "INSERT INTO entry (posting, leg, debit, credit, amount_micro, debit_after, credit_after, debit_previous,
			credit_previous)
		SELECT p.id, 9, $1, $2, $3, $4, $5, coalesce(d.last_entry, 0) + ${6-0}, coalesce(c.last_entry, 0) + ${7-0} FROM (SELECT id FROM posting LIMIT 1) p
		LEFT JOIN ledger_account d ON d.id = $1 LEFT JOIN ledger_account c ON c.id = $2" 2>&1
}
mine=$(as_market -c "SELECT id FROM ledger_account WHERE owner = seed.id(1) AND kind = 'funds'")
yours=$(as_market -c "SELECT id FROM ledger_account WHERE owner = seed.id(2) AND kind = 'funds'")
like "$(entry "$mine" "$yours" 100000 -99020 100000)" '23514:.*ledger_account_balance_check' "an entry cannot take a balance below zero"
like "$(entry "$mine" "$mine" 5 980 980)" '23514:.*entry_two_accounts_check' "nor move money to where it is"
like "$(entry "$mine" "$yours" -5 985 -5)" '23514:' "nor backwards"
like "$(entry "$mine" 99999 5 975 5)" 'CS006:' "nor to an account that is not there"
like "$(entry "$mine" "$yours" 5 980 5)" 'CS006:' "nor tell a balance that is not so"
like "$(entry "$mine" "$yours" 5 975 6)" 'CS006:' "of either side"
like "$(entry "$mine" "$yours" 5 975 5 -1)" 'CS006:' "nor leave out the entry before it"
like "$(entry "$mine" "$yours" 5 975 5 0 1)" 'CS006:' "of either side"
sound "and the ledger is as it was"
is "$(as_market -c 'SELECT seed.balance(1)')" 'available 980, held 20' "so are the balances"
done_testing
