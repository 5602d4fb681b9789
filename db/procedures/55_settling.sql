-- SPDX-License-Identifier: Apache-2.0
-- 55_settling.sql - usage records and their charges, many in one call

-- Accepts usage records and moves money. p_totals[i] is what the counters cost since the lease's start; what the lease has not been
-- charged of it yet comes out of its hold, as far as that goes, and the rest stays due: the next record asks for it again. Then the
-- hold is filled up to p_targets[i] out of the available balance, within the budget. All of it is one posting a lease. No lease is
-- named twice. Items of one buyer are decided in their order, each with what those before it left.
-- Answers for each item: used, with the lease's money as it is then; old: a record of that number is here; over: the lease has ended;
-- back: counters went back; none: no such lease.
CREATE OR REPLACE FUNCTION leases_use(p_ids uuid[], p_seqs bigint[], p_vcpu_ns bigint[], p_running_us bigint[], p_tx_bytes bigint[],
	p_rx_bytes bigint[], p_previous bytea[], p_signatures bytea[], p_hashes bytea[], p_cuts boolean[], p_totals bigint[],
	p_targets bigint[], p_commission_bp bigint, p_now timestamptz)
	RETURNS TABLE (outcome text, charged_micro bigint, commission_micro bigint, held_micro bigint, budget_left_micro bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
#variable_conflict use_column
DECLARE
	n_items integer := cardinality(p_ids);
	v_market bigint := market_account_of('commission');
	v_outcomes text[] := array_fill('none'::text, ARRAY[n_items]);
	v_charges bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_commissions bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_fills bigint[] := array_fill(0::bigint, ARRAY[n_items]);
	v_kinds text[] := '{}';
	v_orders uuid[] := '{}';
	v_leases uuid[] := '{}';
	v_legs integer[] := '{}';
	v_debits bigint[] := '{}';
	v_credits bigint[] := '{}';
	v_amounts bigint[] := '{}';
	v_buyer uuid;
	v_order uuid;
	v_left bigint;
	v_budget bigint;
	v_charge bigint;
	v_commission bigint;
	v_fill bigint;
	i record;
BEGIN
	PERFORM book_fence();
	PERFORM 1 FROM cpushare.order WHERE id IN (SELECT order_id FROM lease WHERE id = ANY (p_ids)) ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM lease WHERE id = ANY (p_ids) ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM ledger_account WHERE id = v_market OR owner IN (SELECT buyer FROM lease WHERE id = ANY (p_ids)
		UNION SELECT seller FROM lease WHERE id = ANY (p_ids)) AND kind IN ('available', 'held') ORDER BY id FOR NO KEY UPDATE;
	FOR i IN SELECT x.*, l.order_id, l.buyer, l.state, l.started_at, l.usage_seq, l.vcpu_ns AS old_vcpu_ns,
			l.running_us AS old_running_us, l.tx_bytes AS old_tx_bytes, l.rx_bytes AS old_rx_bytes, l.charged_micro AS charged,
			l.commission_micro AS commission, l.held_micro AS held, a.id AS available_account, a.balance_micro AS available,
			h.id AS held_account, e.id AS earner_account, o.budget_micro AS budget,
			o.budget_micro - o.charged_micro - o.held_micro - o.leases_held_micro AS budget_left
		FROM unnest(p_ids, p_seqs, p_vcpu_ns, p_running_us, p_tx_bytes, p_rx_bytes, p_totals, p_targets) WITH ORDINALITY
			AS x (id, seq, vcpu_ns, running_us, tx_bytes, rx_bytes, total, target, n)
		JOIN lease l ON l.id = x.id JOIN cpushare.order o ON o.id = l.order_id
		JOIN ledger_account a ON a.owner = l.buyer AND a.kind = 'available'
		JOIN ledger_account h ON h.owner = l.buyer AND h.kind = 'held'
		JOIN ledger_account e ON e.owner = l.seller AND e.kind = 'available' ORDER BY l.buyer, l.order_id, x.n
	LOOP
		IF i.buyer IS DISTINCT FROM v_buyer THEN
			v_buyer := i.buyer;
			v_left := i.available;
		END IF;
		IF i.order_id IS DISTINCT FROM v_order THEN
			v_order := i.order_id;
			v_budget := CASE WHEN i.budget > 0 THEN i.budget_left ELSE 9007199254740991 END;
		END IF;
		v_outcomes[i.n] := CASE WHEN i.seq <= i.usage_seq THEN 'old' WHEN i.state = 'ended' THEN 'over'
			WHEN i.vcpu_ns < i.old_vcpu_ns OR i.running_us < i.old_running_us OR i.tx_bytes < i.old_tx_bytes
				OR i.rx_bytes < i.old_rx_bytes THEN 'back' ELSE 'used' END;
		CONTINUE WHEN v_outcomes[i.n] <> 'used';
		-- Nothing is charged before the VM has run.
		v_charge := CASE WHEN i.started_at IS NULL THEN 0 ELSE least(greatest(i.total - i.charged, 0), i.held) END;
		-- On the total, rounded once, halves up (money_scale), so that the sum of the parts does not depend on how many there were.
		v_commission := floor(((i.charged + v_charge)::numeric * p_commission_bp + 5000) / 10000) - i.commission;
		v_commission := least(greatest(v_commission, 0), v_charge);
		v_fill := least(greatest(i.target - (i.held - v_charge), 0), v_left, v_budget);
		v_left := v_left - v_fill;
		v_budget := v_budget - v_fill;
		v_charges[i.n] := v_charge;
		v_commissions[i.n] := v_commission;
		v_fills[i.n] := v_fill;
		v_kinds := v_kinds || CASE WHEN v_charge > 0 THEN 'charge' ELSE 'hold' END;
		v_orders := v_orders || i.order_id;
		v_leases := v_leases || i.id;
		v_legs := v_legs || ARRAY[cardinality(v_kinds), cardinality(v_kinds), cardinality(v_kinds)];
		v_debits := v_debits || ARRAY[i.held_account, i.held_account, i.available_account];
		v_credits := v_credits || ARRAY[i.earner_account, v_market, i.held_account];
		v_amounts := v_amounts || ARRAY[v_charge - v_commission, v_commission, v_fill];
	END LOOP;
	UPDATE lease l SET usage_seq = x.seq, vcpu_ns = x.vcpu_ns, running_us = x.running_us, tx_bytes = x.tx_bytes,
		rx_bytes = x.rx_bytes, usage_previous = x.previous, usage_signature = x.signature, usage_hash = x.hash, usage_at = p_now,
		usage_cut = l.usage_cut OR x.cut, charged_micro = l.charged_micro + x.charge,
		commission_micro = l.commission_micro + x.commission, held_micro = l.held_micro - x.charge + x.fill
		FROM unnest(p_ids, p_seqs, p_vcpu_ns, p_running_us, p_tx_bytes, p_rx_bytes, p_previous, p_signatures, p_hashes, p_cuts,
			v_charges, v_commissions, v_fills, v_outcomes)
			AS x (id, seq, vcpu_ns, running_us, tx_bytes, rx_bytes, previous, signature, hash, cut, charge, commission, fill, outcome)
		WHERE l.id = x.id AND x.outcome = 'used';
	-- All leases of an order at once: between them the order's sums are not those of its leases.
	UPDATE cpushare.order o SET charged_micro = o.charged_micro + x.charge, leases_held_micro = o.leases_held_micro - x.charge + x.fill
		FROM (SELECT l.order_id, sum(u.charge)::bigint AS charge, sum(u.fill)::bigint AS fill
			FROM unnest(p_ids, v_charges, v_fills) AS u (id, charge, fill) JOIN lease l ON l.id = u.id
			GROUP BY l.order_id HAVING sum(u.charge) > 0 OR sum(u.fill) > 0) x
		WHERE o.id = x.order_id;
	IF cardinality(v_kinds) > 0 THEN
		PERFORM post_many(v_kinds, v_orders, v_leases, p_now, v_legs, v_debits, v_credits, v_amounts);
	END IF;
	RETURN QUERY SELECT x.outcome, l.charged_micro::bigint, l.commission_micro::bigint, l.held_micro::bigint,
			CASE o.budget_micro WHEN 0 THEN 9007199254740991
				ELSE o.budget_micro - o.charged_micro - o.held_micro - o.leases_held_micro END
		FROM unnest(p_ids, v_outcomes) WITH ORDINALITY AS x (id, outcome, n)
		LEFT JOIN lease l ON l.id = x.id LEFT JOIN cpushare.order o ON o.id = l.order_id ORDER BY x.n;
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
