-- SPDX-License-Identifier: Apache-2.0
-- 0014_batches.sql - what the rows of one statement refer to is looked up once for all of them
--
-- A foreign key runs a query for each row; where rows come in batches these cost more than the rows. The same is asked here once a
-- statement. Nothing that is referred to can go away: accounts have ledger accounts, which nobody can delete, postings refuse it, orders
-- and leases refuse it from now on.

CREATE FUNCTION refers_to_nothing(p_what text) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'there is no such %', p_what USING ERRCODE = 'foreign_key_violation';
END $$;

ALTER TABLE entry DROP CONSTRAINT entry_posting_fkey;
CREATE FUNCTION entry_refers() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN posting p ON p.id = f.posting WHERE p.id IS NULL) THEN
		PERFORM refers_to_nothing('posting');
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER entry_refers AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION entry_refers();

ALTER TABLE posting DROP CONSTRAINT posting_order_fkey, DROP CONSTRAINT posting_lease_fkey;
CREATE FUNCTION posting_refers() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN cpushare.order o ON o.id = f.order_id LEFT JOIN lease l ON l.id = f.lease_id
		WHERE (o.id IS NULL AND f.order_id IS NOT NULL) OR (l.id IS NULL AND f.lease_id IS NOT NULL)) THEN
		PERFORM refers_to_nothing('order or lease');
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER posting_refers AFTER INSERT ON posting REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION posting_refers();
CREATE TRIGGER order_stays BEFORE DELETE OR TRUNCATE ON cpushare.order FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lease_stays BEFORE DELETE OR TRUNCATE ON lease FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE event DROP CONSTRAINT event_account_fkey;
ALTER TABLE idempotency_key DROP CONSTRAINT idempotency_key_account_fkey;
CREATE FUNCTION account_refers() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN account a ON a.id = f.account WHERE a.id IS NULL) THEN
		PERFORM refers_to_nothing('account');
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER event_refers AFTER INSERT ON event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION account_refers();
CREATE TRIGGER idempotency_key_refers AFTER INSERT ON idempotency_key REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION account_refers();

-- Who owes the market something places no orders.
ALTER TABLE cpushare.order DROP CONSTRAINT order_buyer_fkey;
DROP TRIGGER order_refuse_debtor ON cpushare.order;
CREATE OR REPLACE FUNCTION order_refuse_debtor() RETURNS trigger LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT 1 FROM fresh f LEFT JOIN account a ON a.id = f.buyer WHERE a.id IS NULL) THEN
		PERFORM refers_to_nothing('account');
	END IF;
	IF EXISTS (SELECT 1 FROM fresh f JOIN ledger_account l ON l.owner = f.buyer AND l.kind = 'owed' WHERE l.balance_micro < 0) THEN
		RAISE EXCEPTION 'a payment was taken back: what is owed comes first' USING ERRCODE = 'CS004';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER order_refuse_debtor AFTER INSERT ON cpushare.order REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION order_refuse_debtor();

-- Counting a buyer's open orders; listing all of them.
DROP INDEX order_open;
CREATE INDEX order_open ON cpushare.order (buyer) WHERE state = 'open';
