-- SPDX-License-Identifier: Apache-2.0
-- 0061_holds.sql - a hold is a claim on a balance, no transfer
--
-- A user's money lies in one ledger account. What orders and leases hold of it is a number beside its balance: nobody gets anything by a hold, so
-- it is no entry. The rows of orders and leases say what for; ledger_books_verify() adds them up.

ALTER TABLE ledger_account ADD COLUMN held_micro bigint NOT NULL DEFAULT 0;
DROP TRIGGER ledger_account_guard ON ledger_account;
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_check;
UPDATE ledger_account SET kind = 'funds' WHERE kind = 'available';
ALTER TABLE ledger_account
	ADD CONSTRAINT ledger_account_kind_check CHECK (CASE WHEN owner IS NULL THEN kind IN ('commission', 'external', 'payout')
		ELSE kind IN ('funds', 'owed', 'held') END);
COMMENT ON TABLE ledger_account IS 'Where money lies: one for each account, a second where something is owed, and the market''s own three';
COMMENT ON COLUMN ledger_account.kind IS 'funds: a user''s money; owed: below zero by what the user owes; held: empty, what was set aside until '
	'0061_holds.sql; commission: the market''s earnings; external: the world outside, below zero by what users have paid in; payout: on its way out';
COMMENT ON COLUMN ledger_account.held_micro IS 'What of the balance is set aside: the sum of held_micro of its owner''s orders and leases';

-- What is held now goes back, by postings as it always was, shown to readers as writer_show() does; and is claimed instead.
SELECT pg_advisory_xact_lock_shared((17233::bigint << 48) | coalesce(pg_sequence_last_value('entry_number_seq'), 0));
CREATE TEMPORARY TABLE release ON COMMIT DROP AS
	SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
			PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
			52, 1), 53, 1), 'hex')::uuid AS posting,
		h.id AS held, h.balance_micro AS amount, h.last_entry AS held_entry, f.id AS funds, f.balance_micro AS balance, f.last_entry AS funds_entry
	FROM ledger_account h JOIN ledger_account f ON f.owner = h.owner AND f.kind = 'funds' WHERE h.kind = 'held' AND h.balance_micro > 0;
INSERT INTO posting (id, kind, text, at) SELECT posting, 'release', 'a hold is a claim from here on', clock_timestamp() FROM release;
INSERT INTO entry (number, posting, leg, debit, credit, amount_micro, debit_after, credit_after, debit_previous, credit_previous)
	OVERRIDING SYSTEM VALUE
	SELECT nextval('entry_number_seq'), posting, 1, held, funds, amount, 0, balance + amount, held_entry, funds_entry FROM release;
UPDATE ledger_account a SET held_micro = r.amount FROM release r WHERE a.id = r.funds;

CREATE TRIGGER ledger_account_guard BEFORE UPDATE ON ledger_account FOR EACH ROW
	WHEN (NEW.id <> OLD.id OR NEW.owner IS DISTINCT FROM OLD.owner OR NEW.kind <> OLD.kind
		OR (pg_trigger_depth() < 1 AND (NEW.balance_micro <> OLD.balance_micro OR NEW.last_entry <> OLD.last_entry)))
	EXECUTE FUNCTION ledger_account_guard();
DROP TRIGGER ledger_account_begins ON ledger_account;
CREATE TRIGGER ledger_account_begins BEFORE INSERT ON ledger_account FOR EACH ROW
	WHEN (NEW.balance_micro <> 0 OR NEW.last_entry <> 0 OR NEW.held_micro <> 0) EXECUTE FUNCTION ledger_account_guard();
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_balance_check,
	ADD CONSTRAINT ledger_account_balance_check CHECK (balance_micro <= CASE WHEN kind IN ('owed', 'held') THEN 0 ELSE 9007199254740991 END
		AND balance_micro >= CASE WHEN kind IN ('external', 'owed') THEN -9007199254740991 ELSE held_micro END
		AND held_micro >= 0 AND (held_micro = 0 OR kind = 'funds'));

DROP FUNCTION IF EXISTS hold_release(uuid, uuid, uuid, bigint, timestamptz);

-- An account has its ledger account from the first moment on.
CREATE OR REPLACE FUNCTION account_open_ledger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	INSERT INTO ledger_account (owner, kind) VALUES (NEW.id, 'funds');
	RETURN NULL;
END $$;
COMMENT ON COLUMN posting.kind IS 'deposit, charge, payout, correction, reversal, calibration; hold and release until 0061_holds.sql';
