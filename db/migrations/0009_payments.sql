-- SPDX-License-Identifier: Apache-2.0
-- 0009_payments.sql - deposits by payment providers, reversals and what they leave owed, payouts

-- owed: what a user owes since money was taken back that had been spent; zero or below. payout: money on its way out.
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_check, DROP CONSTRAINT ledger_account_balance_check,
	ADD CONSTRAINT ledger_account_kind_check CHECK (CASE WHEN owner IS NULL THEN kind IN ('commission', 'external', 'payout')
		ELSE kind IN ('available', 'held', 'owed') END),
	ADD CONSTRAINT ledger_account_balance_check CHECK (balance_micro <= CASE kind WHEN 'owed' THEN 0 ELSE 9007199254740991 END
		AND balance_micro >= CASE WHEN kind IN ('external', 'owed') THEN -9007199254740991 ELSE 0 END);
CREATE INDEX ledger_account_owed ON ledger_account (owner) WHERE kind = 'owed' AND balance_micro < 0;
COMMENT ON TABLE ledger_account IS 'Where money lies: two for each account, a third where something is owed, and the market''s own three';
COMMENT ON COLUMN ledger_account.kind IS 'available: free to spend; held: set aside for orders and leases; owed: below zero by what '
	'the user owes; commission: the market''s earnings; external: the world outside, below zero by what users have paid in; payout: '
	'on its way out';
INSERT INTO ledger_account (kind) VALUES ('payout');

-- Credited once; reversed as often as its provider takes a part back.
DROP INDEX posting_deposit_key;
CREATE UNIQUE INDEX posting_deposit_key ON posting (deposit_id) WHERE kind = 'deposit';
CREATE INDEX posting_reversal ON posting (deposit_id) WHERE kind = 'reversal';
COMMENT ON COLUMN posting.deposit_id IS 'The deposit that it concerns, or null; one posting "deposit" each';

ALTER TABLE deposit
	ADD COLUMN checkout text CHECK (octet_length(checkout) <= 200),
	ADD COLUMN pay_url text NOT NULL DEFAULT '' CHECK (octet_length(pay_url) <= 2048),
	ADD COLUMN note detail NOT NULL DEFAULT '',
	ADD COLUMN reversed_micro micro NOT NULL DEFAULT 0,
	ADD COLUMN tries integer NOT NULL DEFAULT 0,
	ADD COLUMN next_at timestamptz,
	ADD CONSTRAINT deposit_reversed_check CHECK (reversed_micro <= amount_micro AND
		(state = 'reversed') = (reversed_micro = amount_micro) AND (reversed_micro = 0 OR state IN ('credited', 'reversed')));
CREATE INDEX deposit_next ON deposit (next_at) WHERE next_at IS NOT NULL;
COMMENT ON COLUMN deposit.checkout IS 'The provider''s name of what the payer is asked to pay, or null';
COMMENT ON COLUMN deposit.pay_url IS 'Where the payer pays, once the provider has said it';
COMMENT ON COLUMN deposit.note IS 'What is wrong with it, for the payer and the operator';
COMMENT ON COLUMN deposit.reversed_micro IS 'What the provider has taken back of amount_micro';
COMMENT ON COLUMN deposit.tries IS 'How often the provider was asked about it';
COMMENT ON COLUMN deposit.next_at IS 'When the provider is asked next; null: not any more';

CREATE TABLE reversal (
	provider text NOT NULL CHECK (octet_length(provider) BETWEEN 1 AND 16),
	reference text NOT NULL CHECK (octet_length(reference) BETWEEN 1 AND 200),
	payment text NOT NULL CHECK (octet_length(payment) BETWEEN 1 AND 200),
	amount_micro micro NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (provider, reference)
);
CREATE INDEX reversal_payment ON reversal (provider, payment);
COMMENT ON TABLE reversal IS 'Refunds and disputes as providers tell them; may come before the payment itself';
COMMENT ON COLUMN reversal.provider IS 'deposit.provider';
COMMENT ON COLUMN reversal.reference IS 'The provider''s name of the refund or dispute; counted once';
COMMENT ON COLUMN reversal.payment IS 'What it takes back: deposit.reference, there or still to come';
COMMENT ON COLUMN reversal.amount_micro IS 'How much in all under this name';
COMMENT ON COLUMN reversal.at IS 'When it was first told';

CREATE DOMAIN payout_state AS text CHECK (VALUE IN ('created', 'sent', 'paid', 'failed'));
COMMENT ON DOMAIN payout_state IS 'created -> sent -> paid or failed; failed: the money is back on the balance';
CREATE TABLE payout (
	id uuid PRIMARY KEY,
	account uuid NOT NULL REFERENCES account,
	provider text NOT NULL CHECK (octet_length(provider) BETWEEN 1 AND 16),
	receiver text NOT NULL CHECK (octet_length(receiver) BETWEEN 1 AND 254),
	state payout_state NOT NULL DEFAULT 'created',
	amount_micro micro NOT NULL CHECK (amount_micro > 0),
	commission_micro micro NOT NULL,
	send_micro micro NOT NULL CHECK (send_micro > 0),
	reference text CHECK (octet_length(reference) <= 200),
	note detail NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL,
	approved_at timestamptz,
	approved_by uuid REFERENCES account,
	sent_at timestamptz,
	ended_at timestamptz,
	tries integer NOT NULL DEFAULT 0,
	next_at timestamptz,
	CONSTRAINT payout_sum_check CHECK (amount_micro = commission_micro + send_micro),
	CONSTRAINT payout_ended_check CHECK ((ended_at IS NOT NULL) = (state IN ('paid', 'failed'))),
	CONSTRAINT payout_approved_check CHECK (approved_at IS NOT NULL OR state IN ('created', 'failed'))
);
CREATE INDEX payout_account ON payout (account, id);
CREATE INDEX payout_state ON payout (state, id);
CREATE INDEX payout_next ON payout (next_at) WHERE next_at IS NOT NULL;
COMMENT ON TABLE payout IS 'Money that a user takes out; written by the procedures only';
COMMENT ON COLUMN payout.id IS 'UUID version 7; the provider is given it, so that it pays once';
COMMENT ON COLUMN payout.account IS 'Whose money';
COMMENT ON COLUMN payout.provider IS 'The payment provider, as market/pay names it';
COMMENT ON COLUMN payout.receiver IS 'Where to, in the provider''s words: an email address, an account number';
COMMENT ON COLUMN payout.state IS 'created, sent, paid, failed';
COMMENT ON COLUMN payout.amount_micro IS 'What leaves the balance';
COMMENT ON COLUMN payout.commission_micro IS 'What the market keeps of it';
COMMENT ON COLUMN payout.send_micro IS 'What the receiver is sent: amount - commission';
COMMENT ON COLUMN payout.reference IS 'The provider''s own name of it';
COMMENT ON COLUMN payout.note IS 'Why it waits or failed';
COMMENT ON COLUMN payout.created_at IS 'When it was asked for';
COMMENT ON COLUMN payout.approved_at IS 'When it might be sent; null: an operator has to look';
COMMENT ON COLUMN payout.approved_by IS 'The operator who let it go; null: it was below the limit';
COMMENT ON COLUMN payout.sent_at IS 'When the provider took it';
COMMENT ON COLUMN payout.ended_at IS 'When it was paid or failed';
COMMENT ON COLUMN payout.tries IS 'How often the provider was asked about it';
COMMENT ON COLUMN payout.next_at IS 'When the provider is asked next; null: not';

-- Who owes the market something places no orders.
CREATE FUNCTION order_refuse_debtor() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM ledger_account WHERE owner = NEW.buyer AND kind = 'owed' AND balance_micro < 0) THEN
		RAISE EXCEPTION 'a payment was taken back: what is owed comes first' USING ERRCODE = 'CS004';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER order_refuse_debtor BEFORE INSERT ON cpushare.order FOR EACH ROW EXECUTE FUNCTION order_refuse_debtor();
