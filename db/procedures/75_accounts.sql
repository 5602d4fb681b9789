-- SPDX-License-Identifier: Apache-2.0
-- 75_accounts.sql - an account's end
--
-- The row and its ledger accounts stay, as the ledger needs them: under a bare id, without anything that names a person.

-- '' where it is done, else what stands in the way. p_forfeit: as much may be left on the balance.
CREATE OR REPLACE FUNCTION account_delete(p_account uuid, p_forfeit bigint, p_now timestamptz) RETURNS text LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_image bytea;
BEGIN
	PERFORM 1 FROM account WHERE id = p_account AND deleted_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such account' USING ERRCODE = 'CS001';
	END IF;
	IF EXISTS (SELECT 1 FROM cpushare.order WHERE buyer = p_account AND ended_at IS NULL) THEN
		RETURN 'an order has not ended: cancel it first';
	ELSIF EXISTS (SELECT 1 FROM lease WHERE p_account IN (buyer, seller) AND state <> 'ended') THEN
		RETURN 'a lease has not ended';
	ELSIF EXISTS (SELECT 1 FROM machine WHERE account = p_account AND state <> 'retired') THEN
		RETURN 'a machine is enrolled: retire it first';
	ELSIF EXISTS (SELECT 1 FROM dispute d JOIN lease l ON l.id = d.lease WHERE p_account IN (l.buyer, l.seller) AND d.state = 'open') THEN
		RETURN 'a dispute waits for its decision';
	ELSIF EXISTS (SELECT 1 FROM deposit WHERE account = p_account AND state IN ('created', 'pending')) THEN
		RETURN 'a deposit waits for its money';
	ELSIF EXISTS (SELECT 1 FROM payout WHERE account = p_account AND state IN ('created', 'sent')) THEN
		RETURN 'a payout is on its way';
	ELSIF EXISTS (SELECT 1 FROM ledger_account WHERE owner = p_account AND kind = 'owed' AND balance_micro < 0) THEN
		RETURN 'something is owed';
	ELSIF EXISTS (SELECT 1 FROM ledger_account WHERE owner = p_account AND held_micro > 0) THEN
		RETURN 'money is held';
	ELSIF EXISTS (SELECT 1 FROM ledger_account WHERE owner = p_account AND kind = 'funds' AND balance_micro > p_forfeit) THEN
		RETURN 'money is on the balance: take it out, or give it up with forfeit_micro';
	END IF;
	FOR v_image IN SELECT id FROM image WHERE account = p_account LOOP
		PERFORM image_delete(p_account, v_image);
	END LOOP;
	DELETE FROM token WHERE account = p_account;
	DELETE FROM second_factor WHERE account = p_account;
	DELETE FROM recovery_code WHERE account = p_account;
	DELETE FROM device_grant WHERE account = p_account;
	DELETE FROM password_reset WHERE account = p_account;
	DELETE FROM address_confirmation WHERE account = p_account;
	DELETE FROM mail WHERE account = p_account OR address = (SELECT email FROM account WHERE id = p_account);
	DELETE FROM idempotency_key WHERE account = p_account;
	-- What others are told by the same row stays theirs.
	UPDATE event SET seller = NULL WHERE seller = p_account;
	UPDATE event SET account = seller, seller = NULL WHERE account = p_account AND seller IS NOT NULL;
	DELETE FROM event WHERE account = p_account;
	UPDATE cpushare.order SET name = '', user_data = NULL, key = NULL, request = NULL WHERE buyer = p_account;
	UPDATE machine SET name = '', country = '' WHERE account = p_account;
	UPDATE feedback SET comment = '' WHERE from_account = p_account;
	UPDATE dispute d SET text = 'gone', console = '' FROM lease l WHERE l.id = d.lease AND l.buyer = p_account;
	UPDATE deposit SET pay_url = '', note = '' WHERE account = p_account;
	UPDATE payout SET receiver = 'gone', note = '' WHERE account = p_account;
	UPDATE account SET email = 'gone-' || id || '@invalid', name = 'gone', password_hash = '', operator = false, address_confirmed_at = NULL, deleted_at = p_now
		WHERE id = p_account;
	RETURN '';
END $$;
