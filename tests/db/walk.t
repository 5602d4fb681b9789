#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# walk.t - ledger accounts' histories are walked from entry to entry, from anywhere in them; also of a ledger that is older than that
. "$(dirname "$0")/database.sh"
seed

adds_up() { is "$(as_market -c 'SELECT sum_micro, unbalanced, negative FROM ledger_verify()')" '0|0|0' "$1"; } # what is held belongs to no order here

# Four people's accounts, entries between them at random, several of an account in one batch; commission's at regular steps.
as_owner -c "SELECT setseed(0.5)" -c "DO \$\$
DECLARE
	v_purses bigint[] := ARRAY(SELECT id FROM ledger_account WHERE kind = 'funds' ORDER BY id);
	v_commission bigint := market_account_of('commission');
	c record;
BEGIN
	PERFORM seed.fund(n, 100000000) FROM generate_series(1, 4) n;
	FOR batch IN 1 .. 20 LOOP
		SELECT array_agg('correction'::text) AS kinds, array_agg(NULL::uuid) AS none, array_agg(n::integer) AS legs, array_agg(purse) AS debits,
			array_agg(CASE WHEN n % 61 = 0 THEN v_commission ELSE v_purses[1 + (array_position(v_purses, purse) + n % 3) % 4] END) AS credits,
			array_agg(n % 3) AS amounts INTO c
			FROM (SELECT n, v_purses[1 + floor(random() * 4)::integer] AS purse FROM generate_series(1, 122) n) x;
		PERFORM ledger_lock(VARIADIC v_purses || v_commission);
		PERFORM post_many(c.kinds, c.none, c.none, now(), c.legs, c.debits, c.credits, c.amounts);
	END LOOP;
END \$\$" >/dev/null || bail "no entries"
adds_up "a ledger of many entries"
ok "of which a few are in the indexes by account" [ "$(as_market -c "SELECT count(*) > 0 AND count(*) * 20 < (SELECT count(*) FROM entry) FROM entry
	WHERE hashint8(number) & 63 = 0")" = t ]

# Beside what the entries say themselves.
walks() { # CONDITION ON number FROM LIMIT
	as_market -c "SELECT count(*), count(*) FILTER (WHERE walked IS DISTINCT FROM listed) FROM (
		SELECT (SELECT string_agg(w::text, ' ') FROM ledger_walk(a.id, at, $1, $2) w) AS walked,
			(SELECT string_agg((number, posting, amount_micro, balance_after)::text, ' ') FROM (SELECT * FROM signed_entry s
				WHERE s.ledger_account = a.id AND number <= at AND number >= $1 ORDER BY number DESC LIMIT $2) x) AS listed
		FROM ledger_account a CROSS JOIN (SELECT generate_series(0, (SELECT max(number) + 40 FROM entry), 37) AS at) n) y"
}
every=$(as_market -c "SELECT (SELECT count(*) FROM ledger_account) * (1 + (SELECT max(number) + 40 FROM entry) / 37)")
is "$(walks 0 5)" "$every|0" "wherever a walk begins, it has the account's next entries"
is "$(walks 700 100000)" "$every|0" "and ends where it is to"
is "$(as_market -c "SELECT count(*) FROM ledger_walk(4711, 9000, 0, 10)")" 0 "an account that is not there has none"

# Past the procedures: two entries of one statement, of which the second is what it should be; AFTER and PREVIOUS of the first, as it tells them.
two() {
	as_owner -v VERBOSITY=verbose -c "WITH a AS (SELECT * FROM ledger_account WHERE owner = seed.id(1) AND kind = 'funds'),
			b AS (SELECT * FROM ledger_account WHERE owner = seed.id(2) AND kind = 'funds'), n AS (SELECT nextval('entry_number_seq') AS n, nextval('entry_number_seq') AS m)
		INSERT INTO entry (number, posting, leg, debit, credit, amount_micro, debit_after, credit_after, debit_previous, credit_previous)
			OVERRIDING SYSTEM VALUE
		SELECT n, (SELECT min(id::text)::uuid FROM posting), 98, a.id, b.id, 5, a.balance_micro - 5 + $1, b.balance_micro + 5, a.last_entry + $2, b.last_entry
			FROM a, b, n
		UNION ALL SELECT m, (SELECT min(id::text)::uuid FROM posting), 99, a.id, b.id, 6, a.balance_micro - 11, b.balance_micro + 11, n + $3, n FROM a, b, n" 2>&1
}
like "$(two 1 0 0)" 'CS006:' "a balance told wrong on the way is refused"
like "$(two 0 -1 0)" 'CS006:' "so is a first entry that leaves one out"
like "$(two 0 0 -1)" 'CS006:' "and a second one"
is "$(two 0 0 0)" '' "what is so is taken"
adds_up "and the ledger is sound"

# What an audit makes of entries that name others than were before them.
wrong() { as_admin -c "BEGIN; SET LOCAL session_replication_role = replica; $1; SELECT unbalanced FROM ledger_verify(); ROLLBACK"; }
is "$(wrong "UPDATE entry SET credit_previous = credit_previous - 1 WHERE number = 700")" 1 "an entry that names another before it is found"
is "$(wrong "UPDATE ledger_account SET last_entry = last_entry - 1 WHERE owner = seed.id(3)")" 1 "so is an account that does"
is "$(wrong "ALTER TABLE entry DROP CONSTRAINT entry_previous_check; UPDATE entry SET debit_previous = (SELECT max(number) FROM entry) WHERE number = 700; SELECT count(*) FROM ledger_walk(1, 9000, 0, 100000) LIMIT 0")" 1 \
	"and a circle, in which nobody walks for ever"

# The first and the second of these undo each other: the third names what was before the first, the first names the second, and no balance is told wrong.
as_owner -c "SELECT ledger_lock(a.id, h.id), post('correction', NULL, NULL, NULL, '', now(), ARRAY[a.id, h.id, a.id, h.id], ARRAY[h.id, a.id, h.id, a.id],
	ARRAY[5, 5, 5, 5]) FROM ledger_account a, ledger_account h WHERE a.owner = seed.id(1) AND h.owner = seed.id(2)" >/dev/null ||
	bail "no entries"
last="(SELECT max(number) FROM entry)"
like "$(as_admin -c "BEGIN; SET LOCAL session_replication_role = replica; UPDATE entry SET debit_previous = number + 1 WHERE number = $last - 3; ROLLBACK" 2>&1)" \
	'entry_previous_check' "no entry names a later one"
is "$(wrong "ALTER TABLE entry DROP CONSTRAINT entry_previous_check;
	UPDATE entry SET debit_previous = (SELECT debit_previous FROM entry WHERE number = $last - 3) WHERE number = $last - 1;
	UPDATE entry SET debit_previous = number + 1 WHERE number = $last - 3")" 1 "two that are left out of a history are found"

# A ledger of before, as it was then, goes through the migrations.
of_entries="SELECT md5(string_agg(e::text, ';' ORDER BY number)) FROM entry e"
of_accounts="SELECT md5(string_agg((id, balance_micro, last_entry)::text, ';' ORDER BY id)) FROM ledger_account"
entries=$(as_owner -c "$of_entries") accounts=$(as_owner -c "$of_accounts")
as_owner -1 -c "DROP VIEW entry_told, ledger_account_told; DROP INDEX entry_debit, entry_credit, entry_number; DROP TRIGGER ledger_account_begins ON ledger_account; DROP TRIGGER ledger_account_guard ON ledger_account;
	ALTER TABLE entry DROP COLUMN debit_previous, DROP COLUMN credit_previous; ALTER TABLE ledger_account DROP COLUMN last_entry;
	CREATE TRIGGER ledger_account_begins BEFORE INSERT ON ledger_account FOR EACH ROW WHEN (NEW.balance_micro <> 0) EXECUTE FUNCTION ledger_account_guard();
	CREATE TRIGGER ledger_account_guard BEFORE UPDATE ON ledger_account FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION ledger_account_guard();
	CREATE INDEX entry_debit ON entry (debit, number); CREATE INDEX entry_credit ON entry (credit, number);
	CREATE UNIQUE INDEX entry_number ON entry (number) WHERE leg = 1" || bail "not as it was"
ok "a ledger of before goes through the migrations" as_owner -1 -f "$TOP/db/migrations/0052_entry_walk.sql" -f "$TOP/db/migrations/0060_entry_order.sql"
is "$(as_owner -c "$of_entries")" "$entries" "its entries name those before them"
is "$(as_owner -c "$of_accounts")" "$accounts" "its accounts their newest"
like "$(as_owner -c "UPDATE entry SET leg = 7" 2>&1)" 'permission denied' "and nobody may change them"
like "$(as_admin -c "UPDATE entry SET leg = 7" 2>&1)" 'append-only' "not even who may do all"
like "$(as_admin -c "UPDATE ledger_account SET last_entry = 7" 2>&1)" 'by entries only' "nor a balance"
adds_up "the ledger is sound"

# So does one in which a hold was a transfer to an account of its own; 3 and 4 have held something, 4 everything.
as_owner -1 -c "DROP TRIGGER ledger_account_guard ON ledger_account; DROP TRIGGER ledger_account_begins ON ledger_account;
	ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_balance_check, DROP CONSTRAINT ledger_account_kind_check, DROP COLUMN held_micro,
		ADD CONSTRAINT ledger_account_balance_check CHECK (balance_micro >= 0 OR kind = 'external');
	UPDATE ledger_account SET kind = 'available' WHERE kind = 'funds';
	INSERT INTO ledger_account (owner, kind) SELECT id, 'held' FROM account;
	ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_kind_check CHECK (kind <> '');
	CREATE TRIGGER ledger_account_begins BEFORE INSERT ON ledger_account FOR EACH ROW WHEN (NEW.balance_micro <> 0) EXECUTE FUNCTION ledger_account_guard();
	CREATE TRIGGER ledger_account_guard BEFORE UPDATE ON ledger_account FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION ledger_account_guard()" \
	-c "SELECT post('hold', NULL, NULL, NULL, '', now(), ARRAY[a.id], ARRAY[h.id], ARRAY[CASE a.owner WHEN seed.id(3) THEN 777 ELSE a.balance_micro END])
		FROM ledger_account a JOIN ledger_account h ON h.owner = a.owner AND h.kind = 'held' WHERE a.kind = 'available' AND a.owner IN (seed.id(3), seed.id(4))" >/dev/null ||
	bail "not as it was"
had=$(as_owner -c "SELECT string_agg(balance::text, ' ' ORDER BY owner) FROM (SELECT owner, sum(balance_micro) AS balance FROM ledger_account WHERE owner IS NOT NULL GROUP BY owner) x")
held=$(as_owner -c "SELECT string_agg(balance_micro::text, ' ' ORDER BY owner) FROM ledger_account WHERE kind = 'held'")
ok "a ledger with accounts for what is held goes through its migration" as_owner -1 -f "$TOP/db/migrations/0061_holds.sql"
is "$(as_owner -c "SELECT string_agg(balance_micro::text, ' ' ORDER BY owner) FROM ledger_account WHERE kind = 'funds'")" "$had" "everybody has what they had"
is "$(as_owner -c "SELECT string_agg(held_micro::text, ' ' ORDER BY owner) FROM ledger_account WHERE kind = 'funds'")" "$held" "of which the same is held"
like "$(as_owner -c "UPDATE ledger_account SET held_micro = balance_micro + 1 WHERE owner = seed.id(3)" 2>&1)" ledger_account_balance_check "no more can be held than there is"
like "$(as_owner -c "UPDATE ledger_account SET held_micro = -1 WHERE owner = seed.id(3)" 2>&1)" ledger_account_balance_check "nor less than nothing"
adds_up "the ledger is sound"
is "$(as_market -c "SELECT ledger_chain(100000) > 0, count(*) FROM ledger_chain_faults(10)")" 't|0' "and so is its chain"
done_testing
