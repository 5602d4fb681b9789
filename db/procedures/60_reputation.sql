-- SPDX-License-Identifier: Apache-2.0
-- 60_reputation.sql - marks

CREATE OR REPLACE FUNCTION feedback_give(p_lease uuid, p_from uuid, p_good boolean, p_comment text, p_now timestamptz) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
BEGIN
	SELECT * INTO l FROM lease WHERE id = p_lease AND p_from IN (buyer, seller);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such lease' USING ERRCODE = 'CS001';
	END IF;
	IF l.charged_micro = 0 OR l.buyer = l.seller THEN
		RAISE EXCEPTION 'only a lease that was paid can be marked, by one side for the other' USING ERRCODE = 'CS003';
	END IF;
	INSERT INTO feedback (lease, from_account, about, side, good, comment, at)
		VALUES (l.id, p_from, CASE WHEN p_from = l.buyer THEN l.seller ELSE l.buyer END,
			CASE WHEN p_from = l.buyer THEN 'seller' ELSE 'buyer' END, p_good, p_comment, p_now);
END $$;
