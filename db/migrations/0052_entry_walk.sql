-- SPDX-License-Identifier: Apache-2.0
-- 0052_entry_walk.sql - each entry names the one before it in both of its ledger accounts' histories, in place of two indexes
--
-- Two indexes by account and number were a quarter of what a transfer cost, for each entry has its place anywhere in them. A history is walked
-- back from entry to entry now (ledger_walk() in db/procedures/14_walks.sql); of some 64 entries one is in an index by account, for walks that
-- begin elsewhere than at the end. That index goes by a hash of the number: accounts that move at regular steps are in it like others.

ALTER TABLE entry ADD COLUMN debit_previous bigint, ADD COLUMN credit_previous bigint;
ALTER TABLE ledger_account ADD COLUMN last_entry bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN entry.debit_previous IS 'The number of the entry before it in the giver''s history; 0: there is none';
COMMENT ON COLUMN entry.credit_previous IS 'The same of the getter''s';
COMMENT ON COLUMN ledger_account.last_entry IS 'The number of its newest entry, kept by the trigger of entry; 0: there is none';

-- What is here already. The guards are for everybody, so they are taken away for it; nobody else sees the tables meanwhile.
DROP INDEX entry_debit, entry_credit, entry_number;
ALTER TABLE entry DROP CONSTRAINT entry_pkey;
ALTER TABLE entry DISABLE TRIGGER entry_append_only;
ALTER TABLE ledger_account DISABLE TRIGGER ledger_account_guard;
GRANT UPDATE ON entry TO cpushare_owner;
SET LOCAL work_mem = '256MB';
CREATE TEMPORARY TABLE side ON COMMIT DROP AS
	SELECT number, account, lag(number, 1, 0::bigint) OVER (PARTITION BY account ORDER BY number) AS previous
	FROM (SELECT number, debit AS account FROM entry UNION ALL SELECT number, credit FROM entry) x;
ANALYZE side;
UPDATE entry e SET debit_previous = d.previous, credit_previous = c.previous FROM side d, side c
	WHERE d.number = e.number AND d.account = e.debit AND c.number = e.number AND c.account = e.credit;
UPDATE ledger_account a SET last_entry = x.last FROM (SELECT account, max(number) AS last FROM side GROUP BY account) x WHERE a.id = x.account;
REVOKE UPDATE ON entry FROM cpushare_owner;
ALTER TABLE ledger_account ENABLE TRIGGER ledger_account_guard;
ALTER TABLE entry ENABLE TRIGGER entry_append_only;
ALTER TABLE entry ALTER debit_previous SET NOT NULL, ALTER credit_previous SET NOT NULL, ADD PRIMARY KEY (posting, leg);
CREATE UNIQUE INDEX entry_number ON entry (number);
CREATE INDEX entry_debit ON entry (debit, number) WHERE hashint8(number) & 63 = 0;
CREATE INDEX entry_credit ON entry (credit, number) WHERE hashint8(number) & 63 = 0;

-- What an entry tells of its accounts: of each the pair of its own number and the balance after it, and the pair that is said to have been there
-- before. Each pair that is told is there twice, so the hashes of those before and of those after an account's entries have one sum, but for its
-- first pair (0, 0) and its last (last_entry, balance_micro). That needs no order. The hash is of the balance, seeded with account and number, its
-- upper half too, which hashint8 would fold into the lower; a part of its bits, so that sums of four are numbers.
CREATE VIEW entry_told AS
	SELECT number, debit, credit, amount_micro,
		(hashint8extended(debit_after, hashint8extended(number, debit) # (debit_after & -4294967296)) >> 3)
			- (hashint8extended(debit_after + amount_micro, hashint8extended(debit_previous, debit)
				# ((debit_after + amount_micro) & -4294967296)) >> 3) AS debit_told,
		(hashint8extended(credit_after, hashint8extended(number, credit) # (credit_after & -4294967296)) >> 3)
			- (hashint8extended(credit_after - amount_micro, hashint8extended(credit_previous, credit)
				# ((credit_after - amount_micro) & -4294967296)) >> 3) AS credit_told,
		ctid AS place
	FROM entry;
COMMENT ON VIEW entry_told IS 'What each entry tells of both of its ledger accounts, as sums for the audit: an account''s make ledger_account_told';
COMMENT ON COLUMN entry_told.number IS 'entry.number';
COMMENT ON COLUMN entry_told.debit IS 'entry.debit';
COMMENT ON COLUMN entry_told.credit IS 'entry.credit';
COMMENT ON COLUMN entry_told.amount_micro IS 'entry.amount_micro';
COMMENT ON COLUMN entry_told.debit_told IS 'Of the giver: hash after less hash before';
COMMENT ON COLUMN entry_told.credit_told IS 'Of the getter: hash after less hash before';
COMMENT ON COLUMN entry_told.place IS 'Where the row lies, for reading in slices';
CREATE VIEW ledger_account_told AS
	SELECT id, (hashint8extended(balance_micro, hashint8extended(last_entry, id) # (balance_micro & -4294967296)) >> 3)
			- (hashint8extended(0, hashint8extended(0, id)) >> 3) AS told
	FROM ledger_account;
COMMENT ON VIEW ledger_account_told IS 'What an account''s entries tell together, in a sound ledger';
COMMENT ON COLUMN ledger_account_told.id IS 'ledger_account.id';
COMMENT ON COLUMN ledger_account_told.told IS 'Hash of its number and balance now, less hash of none';

DROP TRIGGER ledger_account_begins ON ledger_account;
CREATE TRIGGER ledger_account_begins BEFORE INSERT ON ledger_account FOR EACH ROW WHEN (NEW.balance_micro <> 0 OR NEW.last_entry <> 0)
	EXECUTE FUNCTION ledger_account_guard();

-- As before, and each entry must name its predecessors, and tell each balance on the way. first is the lowest number that the statement's entries
-- say was before them: last_entry becomes last where it was that, and another number where it was not.
CREATE OR REPLACE FUNCTION entry_apply() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_touched bigint;
	v_agreed bigint;
BEGIN
	WITH total AS MATERIALIZED (
		SELECT account, sum(change)::bigint AS change, min(previous) AS first, max(number) AS last, sum(
			(hashint8extended(after, hashint8extended(number, account) # (after & -4294967296)) >> 3)
			- (hashint8extended(after - change, hashint8extended(previous, account) # ((after - change) & -4294967296)) >> 3)) AS told
		FROM (SELECT number, debit AS account, -amount_micro AS change, debit_after AS after, debit_previous AS previous FROM fresh
			UNION ALL SELECT number, credit, amount_micro, credit_after, credit_previous FROM fresh) x
		GROUP BY account
	), applied AS (
		UPDATE ledger_account a SET balance_micro = a.balance_micro + t.change, last_entry = a.last_entry + (t.last - t.first)
			FROM total t WHERE a.id = t.account
			RETURNING a.last_entry = t.last AND t.told = (hashint8extended(a.balance_micro, hashint8extended(t.last, a.id) # (a.balance_micro & -4294967296)) >> 3)
				- (hashint8extended(a.balance_micro - t.change, hashint8extended(t.first, a.id)
					# ((a.balance_micro - t.change) & -4294967296)) >> 3) AS agrees
	)
	SELECT (SELECT count(*) FROM total), count(*) FILTER (WHERE agrees) INTO v_touched, v_agreed FROM applied;
	IF v_agreed <> v_touched THEN
		RAISE EXCEPTION 'an entry names an account that is not there, or a balance or an entry before it that is not so' USING ERRCODE = 'CS006';
	END IF;
	RETURN NULL;
END $$;

-- A look for leases at postings that name none called unnest for each.
CREATE OR REPLACE FUNCTION posting_refers() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN cpushare.order o ON o.id = f.order_id WHERE o.id IS NULL AND f.order_id IS NOT NULL) THEN
		PERFORM refers_to_nothing('order');
	END IF;
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN lease l ON l.id = f.lease_id WHERE l.id IS NULL AND f.lease_id IS NOT NULL)
		OR EXISTS (SELECT 1 FROM fresh f CROSS JOIN unnest(f.leases) x (id) LEFT JOIN lease l ON l.id = x.id
			WHERE f.leases IS NOT NULL AND l.order_id IS DISTINCT FROM f.order_id) THEN
		PERFORM refers_to_nothing('lease');
	END IF;
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN deposit d ON d.id = f.deposit_id WHERE d.id IS NULL AND f.deposit_id IS NOT NULL) THEN
		PERFORM refers_to_nothing('deposit');
	END IF;
	RETURN NULL;
END $$;
