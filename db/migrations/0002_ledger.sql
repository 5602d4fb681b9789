-- SPDX-License-Identifier: Apache-2.0
-- 0002_ledger.sql - ledger accounts, postings, entries, deposits
--
-- docs/MONEY.md tells how it works. An entry moves an amount from one ledger account to another, so a posting sums to zero by
-- construction. Balances change only by inserting entries; postings and entries are never changed or removed, by nobody.

CREATE TABLE ledger_account (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	owner uuid REFERENCES account,
	kind text NOT NULL,
	balance_micro bigint NOT NULL DEFAULT 0,
	CONSTRAINT ledger_account_owner_kind_key UNIQUE (owner, kind),
	-- Two and no more: every charge checks them.
	CONSTRAINT ledger_account_kind_check CHECK (CASE WHEN owner IS NULL THEN kind IN ('commission', 'external')
		ELSE kind IN ('available', 'held') END),
	CONSTRAINT ledger_account_balance_check CHECK (balance_micro <= 9007199254740991
		AND balance_micro >= CASE kind WHEN 'external' THEN -9007199254740991 ELSE 0 END)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX ledger_account_market_kind_key ON ledger_account (kind) WHERE owner IS NULL;
COMMENT ON TABLE ledger_account IS 'Where money lies: two for each account, and the market''s own two';
COMMENT ON COLUMN ledger_account.id IS 'Locks are taken in this order';
COMMENT ON COLUMN ledger_account.owner IS 'Whose it is; null: the market''s';
COMMENT ON COLUMN ledger_account.kind IS 'available: free to spend; held: set aside for orders and leases; commission: the market''s '
	'earnings; external: the world outside, below zero by what users have paid in';
COMMENT ON COLUMN ledger_account.balance_micro IS 'The sum of its entries, kept by the trigger of entry';

CREATE TABLE posting (
	id uuid PRIMARY KEY,
	kind text NOT NULL CHECK (kind IN ('deposit', 'hold', 'release', 'charge', 'payout', 'correction', 'reversal')),
	order_id uuid,
	lease_id uuid,
	deposit_id uuid,
	text detail NOT NULL DEFAULT '',
	at timestamptz NOT NULL
);
CREATE INDEX posting_lease ON posting (lease_id) WHERE lease_id IS NOT NULL;
CREATE INDEX posting_order ON posting (order_id) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX posting_deposit_key ON posting (deposit_id, kind) WHERE deposit_id IS NOT NULL;
COMMENT ON TABLE posting IS 'One reason to move money, with one or more entries; append-only';
COMMENT ON COLUMN posting.id IS 'UUID version 7';
COMMENT ON COLUMN posting.kind IS 'deposit, hold, release, charge, payout, correction, reversal';
COMMENT ON COLUMN posting.order_id IS 'The order that it concerns, or null';
COMMENT ON COLUMN posting.lease_id IS 'The lease that it concerns, or null';
COMMENT ON COLUMN posting.deposit_id IS 'The deposit that it concerns, or null; each kind once a deposit';
COMMENT ON COLUMN posting.text IS 'For people';
COMMENT ON COLUMN posting.at IS 'When the market did it';

CREATE TABLE entry (
	number bigint GENERATED ALWAYS AS IDENTITY,
	posting uuid NOT NULL REFERENCES posting,
	leg smallint NOT NULL CHECK (leg >= 1),
	debit bigint NOT NULL,
	credit bigint NOT NULL,
	amount_micro bigint NOT NULL CHECK (amount_micro BETWEEN 1 AND 9007199254740991),
	debit_after bigint NOT NULL,
	credit_after bigint NOT NULL,
	PRIMARY KEY (posting, leg),
	CONSTRAINT entry_two_accounts_check CHECK (debit <> credit)
);
CREATE INDEX entry_debit ON entry (debit, number);
CREATE INDEX entry_credit ON entry (credit, number);
COMMENT ON TABLE entry IS 'One amount from one ledger account to another; append-only';
COMMENT ON COLUMN entry.number IS 'Grows along the history of each ledger account; gaps mean nothing';
COMMENT ON COLUMN entry.posting IS 'Why';
COMMENT ON COLUMN entry.leg IS '1, 2, ... within the posting, in the order of their doing';
COMMENT ON COLUMN entry.debit IS 'The ledger account that gives; that it exists is the trigger''s to see';
COMMENT ON COLUMN entry.credit IS 'The ledger account that gets; likewise';
COMMENT ON COLUMN entry.amount_micro IS 'How much, in 10^-6 of the currency';
COMMENT ON COLUMN entry.debit_after IS 'The giver''s balance after it';
COMMENT ON COLUMN entry.credit_after IS 'The getter''s balance after it';

-- The only way a balance changes: one statement's entries together. Whoever inserts has locked the accounts in the order of their ids,
-- and says what their balances are after each entry; it is refused where that is not so, or where an account is not there.
CREATE FUNCTION entry_apply() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_touched bigint;
	v_agreed bigint;
BEGIN
	SELECT count(DISTINCT account) INTO v_touched FROM (SELECT debit AS account FROM fresh UNION ALL SELECT credit FROM fresh) x;
	WITH side AS (
		SELECT debit AS account, number, -amount_micro AS change, debit_after AS after FROM fresh
		UNION ALL SELECT credit, number, amount_micro, credit_after FROM fresh
	), total AS (
		SELECT account, sum(change)::bigint AS change, (array_agg(after ORDER BY number DESC))[1] AS after FROM side GROUP BY account
	), applied AS (
		UPDATE ledger_account a SET balance_micro = a.balance_micro + t.change FROM total t WHERE a.id = t.account
			RETURNING a.balance_micro = t.after AS agrees
	)
	SELECT count(*) FILTER (WHERE agrees) INTO v_agreed FROM applied;
	IF v_agreed <> v_touched THEN
		RAISE EXCEPTION 'an entry names an account that is not there, or a balance that is not so' USING ERRCODE = 'CS006';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER entry_apply AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION entry_apply();

CREATE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF NEW.balance_micro <> 0 THEN
			RAISE EXCEPTION 'a ledger account begins with nothing' USING ERRCODE = 'CS006';
		END IF;
	ELSIF pg_trigger_depth() < 2 OR NEW.id <> OLD.id OR NEW.owner IS DISTINCT FROM OLD.owner OR NEW.kind <> OLD.kind THEN
		RAISE EXCEPTION 'a balance changes by entries only' USING ERRCODE = 'CS006';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_guard BEFORE INSERT OR UPDATE ON ledger_account
	FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	RAISE EXCEPTION '% of % is refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'CS006';
END $$;
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_account_stays BEFORE DELETE OR TRUNCATE ON ledger_account
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- A second bolt. (UPDATE of posting and ledger_account stays: foreign keys lock their rows with it; the triggers refuse it.)
REVOKE UPDATE, DELETE, TRUNCATE ON entry FROM cpushare_owner;
REVOKE DELETE, TRUNCATE ON posting, ledger_account FROM cpushare_owner;

INSERT INTO ledger_account (kind) VALUES ('external'), ('commission');

-- An account has its two ledger accounts from the first moment on.
CREATE FUNCTION account_open_ledger() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	INSERT INTO ledger_account (owner, kind) VALUES (NEW.id, 'available'), (NEW.id, 'held');
	RETURN NULL;
END $$;
CREATE TRIGGER account_open_ledger AFTER INSERT ON account FOR EACH ROW EXECUTE FUNCTION account_open_ledger();

-- Each entry twice, signed: what bookkeepers expect to see. Sums to zero over every posting.
CREATE VIEW signed_entry AS
	SELECT e.number, e.posting, e.leg, a.id AS ledger_account, a.owner, a.kind, -e.amount_micro AS amount_micro,
		e.debit_after AS balance_after
	FROM entry e JOIN ledger_account a ON a.id = e.debit
	UNION ALL
	SELECT e.number, e.posting, e.leg, a.id, a.owner, a.kind, e.amount_micro, e.credit_after
	FROM entry e JOIN ledger_account a ON a.id = e.credit;
COMMENT ON VIEW signed_entry IS 'Each entry from both of its sides, signed';
COMMENT ON COLUMN signed_entry.number IS 'entry.number';
COMMENT ON COLUMN signed_entry.posting IS 'entry.posting';
COMMENT ON COLUMN signed_entry.leg IS 'entry.leg';
COMMENT ON COLUMN signed_entry.ledger_account IS 'Whose side this is';
COMMENT ON COLUMN signed_entry.owner IS 'ledger_account.owner';
COMMENT ON COLUMN signed_entry.kind IS 'ledger_account.kind';
COMMENT ON COLUMN signed_entry.amount_micro IS 'Below zero where the ledger account gives';
COMMENT ON COLUMN signed_entry.balance_after IS 'Of this ledger account';

CREATE TABLE deposit (
	id uuid PRIMARY KEY,
	account uuid NOT NULL REFERENCES account,
	provider text NOT NULL CHECK (octet_length(provider) BETWEEN 1 AND 16),
	reference text CHECK (octet_length(reference) <= 200),
	state deposit_state NOT NULL,
	amount_micro micro NOT NULL CHECK (amount_micro > 0),
	commission_micro micro NOT NULL,
	credit_micro micro NOT NULL,
	instructions detail NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL,
	credited_at timestamptz,
	CONSTRAINT deposit_reference_key UNIQUE (provider, reference),
	CONSTRAINT deposit_sum_check CHECK (amount_micro = commission_micro + credit_micro),
	CONSTRAINT deposit_credited_check CHECK ((credited_at IS NOT NULL) = (state IN ('credited', 'reversed')))
);
CREATE INDEX deposit_account ON deposit (account, id);
CREATE INDEX deposit_state ON deposit (state, id);
COMMENT ON TABLE deposit IS 'Money that a user pays in; written by the procedures only';
COMMENT ON COLUMN deposit.id IS 'UUID version 7';
COMMENT ON COLUMN deposit.account IS 'Who pays in';
COMMENT ON COLUMN deposit.provider IS 'The payment provider, as market/pay names it';
COMMENT ON COLUMN deposit.reference IS 'The provider''s own name of the payment; credited once';
COMMENT ON COLUMN deposit.state IS 'created, pending, credited, failed, reversed';
COMMENT ON COLUMN deposit.amount_micro IS 'What the user pays';
COMMENT ON COLUMN deposit.commission_micro IS 'What the market keeps of it';
COMMENT ON COLUMN deposit.credit_micro IS 'What the balance gets: amount - commission';
COMMENT ON COLUMN deposit.instructions IS 'What the payer does next';
COMMENT ON COLUMN deposit.created_at IS 'When it was asked for';
COMMENT ON COLUMN deposit.credited_at IS 'When the balance got it, or null';

ALTER TABLE posting ADD CONSTRAINT posting_deposit_fkey FOREIGN KEY (deposit_id) REFERENCES deposit;
