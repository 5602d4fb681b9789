-- SPDX-License-Identifier: Apache-2.0
-- 0033_batches.sql - what each row of a batch cost beside itself: triggers a row, sums of sums, indexes that only housekeeping reads

-- The guard was called for each balance that entry_apply() changes, to find that it may: now it is called for what it refuses.
DROP TRIGGER ledger_account_guard ON ledger_account;
CREATE TRIGGER ledger_account_begins BEFORE INSERT ON ledger_account FOR EACH ROW WHEN (NEW.balance_micro <> 0)
	EXECUTE FUNCTION ledger_account_guard();
CREATE TRIGGER ledger_account_guard BEFORE UPDATE ON ledger_account FOR EACH ROW
	WHEN (pg_trigger_depth() < 1 OR NEW.id <> OLD.id OR NEW.owner IS DISTINCT FROM OLD.owner OR NEW.kind <> OLD.kind)
	EXECUTE FUNCTION ledger_account_guard();

-- As before, with one pass over the entries in place of a sorted list of balances for each account.
CREATE OR REPLACE FUNCTION entry_apply() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_touched bigint;
	v_agreed bigint;
BEGIN
	WITH total AS MATERIALIZED (
		SELECT account, sum(change)::bigint AS change, (max(ARRAY[number, after]))[2] AS after FROM (
			SELECT debit AS account, number, -amount_micro AS change, debit_after AS after FROM fresh
			UNION ALL SELECT credit, number, amount_micro, credit_after FROM fresh) x
		GROUP BY account
	), applied AS (
		UPDATE ledger_account a SET balance_micro = a.balance_micro + t.change FROM total t WHERE a.id = t.account
			RETURNING a.balance_micro = t.after AS agrees
	)
	SELECT (SELECT count(*) FROM total), count(*) FILTER (WHERE agrees) INTO v_touched, v_agreed FROM applied;
	IF v_agreed <> v_touched THEN
		RAISE EXCEPTION 'an entry names an account that is not there, or a balance that is not so' USING ERRCODE = 'CS006';
	END IF;
	RETURN NULL;
END $$;

-- A posting's deposit, too, is looked up once a statement (posting_refers in 0034_settled_together.sql); a deposit stays.
ALTER TABLE posting DROP CONSTRAINT posting_deposit_fkey;
CREATE TRIGGER deposit_stays BEFORE DELETE OR TRUNCATE ON deposit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Rows come in the order of their time, and only the sweep looks for it.
DROP INDEX event_at, idempotency_key_created;
CREATE INDEX event_at ON event USING brin (at);
CREATE INDEX idempotency_key_created ON idempotency_key USING brin (created_at);

-- An index whose condition names the balance made each change of a balance a new entry in all of the table's indexes.
DROP INDEX ledger_account_owed;
CREATE INDEX ledger_account_owed ON ledger_account (owner) WHERE kind = 'owed';

-- Nothing looks for postings by these.
DROP INDEX posting_order, posting_lease;
