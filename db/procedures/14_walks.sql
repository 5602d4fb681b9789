-- SPDX-License-Identifier: Apache-2.0
-- 14_walks.sql - ledger accounts' histories, walked back from entry to entry

-- An account's entries up to p_number and down to p_from, newest first, at most p_limit. Walks that do not begin at the end look for the next
-- entry from there on that is in the index, some 64 of them (0052_entry_walk.sql), and go on from it.
CREATE OR REPLACE FUNCTION ledger_walk(p_account bigint, p_number bigint, p_from bigint, p_limit bigint)
	RETURNS TABLE (number bigint, posting uuid, amount_micro bigint, balance_after bigint)
	LANGUAGE plpgsql STABLE SET search_path = cpushare, pg_temp AS $$
#variable_conflict use_column
DECLARE
	v_number bigint := (SELECT last_entry FROM ledger_account WHERE id = p_account);
	v_previous bigint;
BEGIN
	IF v_number > p_number THEN
		v_number := least(v_number, (SELECT e.number FROM entry e WHERE e.debit = p_account AND hashint8(e.number) & 63 = 0
				AND e.number >= p_number ORDER BY e.number LIMIT 1),
			(SELECT e.number FROM entry e WHERE e.credit = p_account AND hashint8(e.number) & 63 = 0
				AND e.number >= p_number ORDER BY e.number LIMIT 1));
	END IF;
	WHILE v_number > 0 AND v_number >= p_from AND p_limit > 0 LOOP
		SELECT e.number, e.posting, CASE e.debit WHEN p_account THEN -e.amount_micro ELSE e.amount_micro END,
			CASE e.debit WHEN p_account THEN e.debit_after ELSE e.credit_after END,
			CASE e.debit WHEN p_account THEN e.debit_previous ELSE e.credit_previous END
			INTO number, posting, amount_micro, balance_after, v_previous FROM entry e WHERE e.number = v_number;
		IF v_number <= p_number AND FOUND THEN
			RETURN NEXT;
			p_limit := p_limit - 1;
		END IF;
		v_number := CASE WHEN v_previous < v_number THEN v_previous END;
	END LOOP;
END $$;
