-- SPDX-License-Identifier: Apache-2.0
-- 55_settling.sql - usage records and their charges, many in one call

-- Accepts usage records and moves money. p_totals[i] is what the counters cost since the lease's start; what the lease has not been
-- charged of it yet comes out of its hold, as far as that goes, and the rest stays due: the next record asks for it again. Then the
-- hold is filled up to p_targets[i] out of the available balance, within the budget. Leases of one order on
-- machines of one seller share a posting. No lease is named twice. Items of one buyer are decided in their order, each with what those before it left.
-- Answers for each item: used, with the lease's money as it is then; old: a record of that number is here; over: the lease has ended;
-- back: counters went back; none: no such lease.
CREATE OR REPLACE FUNCTION leases_use(p_ids uuid[], p_seqs bigint[], p_vcpu_ns bigint[], p_running_us bigint[], p_tx_bytes bigint[],
	p_rx_bytes bigint[], p_previous bytea[], p_signatures bytea[], p_hashes bytea[], p_cuts boolean[], p_totals bigint[],
	p_targets bigint[], p_commission_bp bigint, p_now timestamptz)
	RETURNS TABLE (outcome text, charged_micro bigint, commission_micro bigint, held_micro bigint, budget_left_micro bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
#variable_conflict use_column
DECLARE
	c_unbounded CONSTANT bigint := 9007199254740991;
	v_market bigint := market_account_of('commission');
	v_orders uuid[];
	v_people uuid[];
	v_accounts bigint[];
	v_begin text := uuid_v7_begin();
	v_items record; -- of arrays: element n is of item n
	v_legs record; -- of arrays, as entries_make() takes them
BEGIN
	PERFORM book_fence();
	SELECT array_agg(DISTINCT order_id), array_agg(DISTINCT buyer) || array_agg(DISTINCT seller) INTO v_orders, v_people
		FROM lease WHERE id = ANY (p_ids);
	-- The leases' rows need no locks of their own: whoever writes one has locked its order before.
	PERFORM 1 FROM cpushare.order WHERE id = ANY (v_orders) ORDER BY id FOR NO KEY UPDATE;
	v_accounts := v_market || ARRAY(SELECT id FROM ledger_account WHERE owner = ANY (v_people) AND kind = 'funds');
	PERFORM 1 FROM ledger_account WHERE id = ANY (v_accounts) ORDER BY id FOR NO KEY UPDATE;
	-- No joins of items with items: a plan that was made for few of them would look at each pair.
	WITH found AS (
		SELECT x.n, l.order_id, l.buyer, l.seller, l.charged_micro AS charged, l.commission_micro AS commission, l.held_micro AS held,
			x.target, x.total, l.started_at, CASE WHEN l.id IS NULL THEN 'none' WHEN x.seq <= l.usage_seq THEN 'old'
				WHEN l.state = 'ended' THEN 'over' WHEN x.vcpu_ns < l.vcpu_ns OR x.running_us < l.running_us
				OR x.tx_bytes < l.tx_bytes OR x.rx_bytes < l.rx_bytes THEN 'back' ELSE 'used' END AS outcome,
			CASE o.budget_micro WHEN 0 THEN c_unbounded
				ELSE o.budget_micro - o.charged_micro - o.held_micro - o.leases_held_micro END AS budget, a.balance_micro - a.held_micro AS available
		FROM unnest(p_ids, p_seqs, p_vcpu_ns, p_running_us, p_tx_bytes, p_rx_bytes, p_totals, p_targets) WITH ORDINALITY
			AS x (id, seq, vcpu_ns, running_us, tx_bytes, rx_bytes, total, target, n)
		LEFT JOIN lease l ON l.id = x.id LEFT JOIN cpushare.order o ON o.id = l.order_id
		LEFT JOIN ledger_account a ON a.owner = l.buyer AND a.kind = 'funds'
	), priced AS (
		-- Nothing is charged before the VM has run.
		SELECT f.*, CASE WHEN outcome <> 'used' OR started_at IS NULL THEN 0 ELSE least(greatest(total - charged, 0), held) END AS charge
			FROM found f
	), charged AS (
		-- The commission is taken on the total, rounded once, halves up (money_scale), so that the sum of the parts does not depend on how
		-- many there were. In two steps, so that no product is too large.
		SELECT p.*, CASE outcome WHEN 'used' THEN least(greatest((charged + charge) / 10000 * p_commission_bp
				+ ((charged + charge) % 10000 * p_commission_bp + 5000) / 10000 - commission, 0), charge) ELSE 0 END AS share,
			CASE outcome WHEN 'used' THEN greatest(target - (held - charge), 0) ELSE 0 END AS wanted FROM priced p
	), -- What the hold wants: as far as the order's budget goes, and of that as far as its buyer's available balance does.
	budgeted AS (
		SELECT c.*, (least(sum(wanted) OVER w, budget) - least((sum(wanted) OVER w) - wanted, budget))::bigint AS allowed FROM charged c
			WINDOW w AS (PARTITION BY order_id ORDER BY n ROWS UNBOUNDED PRECEDING)
	), filled AS (
		SELECT b.*, (least(sum(allowed) OVER w, available) - least((sum(allowed) OVER w) - allowed, available))::bigint AS fill
			FROM budgeted b WINDOW w AS (PARTITION BY buyer ORDER BY order_id, n ROWS UNBOUNDED PRECEDING)
	)
	SELECT array_agg(outcome) AS outcomes, array_agg(order_id) AS orders, array_agg(buyer) AS buyers,
		array_agg(seller) AS sellers, array_agg(charge) AS charges, array_agg(share) AS shares,
		array_agg(fill) AS fills, array_agg(charged + charge) AS charged,
		array_agg(commission + share) AS commission, array_agg(held - charge + fill) AS held,
		array_agg(CASE budget WHEN c_unbounded THEN c_unbounded ELSE budget - order_fill END) AS budget_left
		INTO v_items FROM (SELECT f.*, (sum(fill) OVER (PARTITION BY order_id))::bigint AS order_fill FROM filled f ORDER BY n) x;
	UPDATE lease l SET usage_seq = x.seq, vcpu_ns = x.vcpu_ns, running_us = x.running_us, tx_bytes = x.tx_bytes,
		rx_bytes = x.rx_bytes, usage_previous = x.previous, usage_signature = x.signature, usage_hash = x.hash, usage_at = p_now,
		usage_cut = l.usage_cut OR x.cut, charged_micro = x.charged, commission_micro = x.commission, held_micro = x.held
		FROM unnest(p_ids, p_seqs, p_vcpu_ns, p_running_us, p_tx_bytes, p_rx_bytes, p_previous, p_signatures, p_hashes, p_cuts,
			v_items.charged, v_items.commission, v_items.held, v_items.outcomes)
			AS x (id, seq, vcpu_ns, running_us, tx_bytes, rx_bytes, previous, signature, hash, cut, charged, commission, held, outcome)
		WHERE l.id = x.id AND x.outcome = 'used';
	-- All leases of an order at once: between them the order's sums are not those of its leases.
	UPDATE cpushare.order o SET charged_micro = o.charged_micro + x.charge, leases_held_micro = o.leases_held_micro - x.charge + x.fill
		FROM (SELECT order_id, sum(charge)::bigint AS charge, sum(fill)::bigint AS fill
			FROM unnest(v_items.orders, v_items.charges, v_items.fills) AS u (order_id, charge, fill)
			GROUP BY order_id HAVING sum(charge) > 0 OR sum(fill) > 0) x
		WHERE o.id = x.order_id;
	-- What is charged is held no more, before it goes.
	UPDATE ledger_account a SET held_micro = a.held_micro + x.change
		FROM (SELECT buyer, sum(fill - charge)::bigint AS change FROM unnest(v_items.buyers, v_items.charges, v_items.fills) AS u (buyer, charge, fill)
			GROUP BY buyer HAVING sum(fill - charge) <> 0) x
		WHERE a.owner = x.buyer AND a.kind = 'funds';
	PERFORM writer_show(17233, 'entry_number_seq');
	WITH part AS MATERIALIZED (
		SELECT order_id, buyer, seller, (v_begin || lpad(to_hex(row_number() OVER ()), 6, '0'))::uuid AS posting, array_agg(id) AS leases,
			array_agg(charge - share) AS earned, array_agg(share) AS shares,
			sum(charge - share)::bigint AS all_earned, sum(share)::bigint AS all_shares
		FROM unnest(p_ids, v_items.orders, v_items.buyers, v_items.sellers, v_items.charges, v_items.shares)
			AS x (id, order_id, buyer, seller, charge, share)
		-- What one pays to oneself does not move.
		WHERE charge > 0 AND (buyer <> seller OR share > 0) GROUP BY order_id, buyer, seller
	), posted AS (
		INSERT INTO posting (id, kind, order_id, lease_id, leases, earned_micro, commission_micro, at)
			SELECT posting, 'charge', order_id,
				CASE cardinality(leases) WHEN 1 THEN leases[1] END, CASE WHEN cardinality(leases) > 1 THEN leases END,
				CASE WHEN cardinality(leases) > 1 THEN earned END, CASE WHEN cardinality(leases) > 1 THEN shares END, p_now
			FROM part
	)
	SELECT array_agg(posting) AS postings, array_agg(debit) AS debits, array_agg(credit) AS credits, array_agg(amount) AS amounts
		INTO v_legs FROM (
			SELECT posting, a.id AS debit, credit, amount FROM part p JOIN ledger_account a ON a.owner = p.buyer AND a.kind = 'funds'
			JOIN ledger_account e ON e.owner = p.seller AND e.kind = 'funds'
			CROSS JOIN LATERAL (VALUES (1, e.id, CASE WHEN p.buyer <> p.seller THEN all_earned ELSE 0 END), (2, v_market, all_shares))
				AS leg (leg, credit, amount) ORDER BY order_id, posting, leg) x;
	IF v_legs.postings IS NOT NULL THEN
		PERFORM entries_make(v_legs.postings, v_legs.debits, v_legs.credits, v_legs.amounts);
	END IF;
	RETURN QUERY SELECT * FROM unnest(v_items.outcomes, v_items.charged, v_items.commission, v_items.held, v_items.budget_left);
END $$;

-- One record.
CREATE OR REPLACE FUNCTION lease_use(p_id uuid, p_seq bigint, p_vcpu_ns bigint, p_running_us bigint, p_tx_bytes bigint,
	p_rx_bytes bigint, p_previous bytea, p_signature bytea, p_hash bytea, p_cut boolean, p_charge_total bigint,
	p_commission_bp bigint, p_hold_target bigint, p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	CASE (SELECT outcome FROM leases_use(ARRAY[p_id], ARRAY[p_seq], ARRAY[p_vcpu_ns], ARRAY[p_running_us], ARRAY[p_tx_bytes],
		ARRAY[p_rx_bytes], ARRAY[p_previous], ARRAY[p_signature], ARRAY[p_hash], ARRAY[p_cut], ARRAY[p_charge_total],
		ARRAY[p_hold_target], p_commission_bp, p_now))
	WHEN 'none' THEN
		RAISE EXCEPTION 'no such lease' USING ERRCODE = 'CS001';
	WHEN 'over' THEN
		RAISE EXCEPTION 'the lease is over' USING ERRCODE = 'CS003';
	WHEN 'back' THEN
		RAISE EXCEPTION 'counters never go back' USING ERRCODE = 'CS006';
	ELSE
	END CASE;
END $$;
