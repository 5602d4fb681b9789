-- SPDX-License-Identifier: Apache-2.0
-- 57_metering.sql - the metering tick: what was heard of running leases is made durable, long before it is charged

-- A part of tick p_generation, elements n of the arrays are of lease n; forgets the ticks before p_complete, the last one whose parts are all here.
CREATE OR REPLACE FUNCTION usage_tick_add(p_generation bigint, p_complete bigint, p_leases uuid[], p_seqs bigint[], p_vcpu_ns bigint[],
	p_running_us bigint[], p_tx_bytes bigint[], p_rx_bytes bigint[], p_totals bigint[], p_cuts boolean[], p_signatures bytea,
	p_now timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM book_fence();
	DELETE FROM usage_tick WHERE generation < p_complete;
	INSERT INTO usage_tick VALUES (p_generation, p_now, p_leases, p_seqs, p_vcpu_ns, p_running_us, p_tx_bytes, p_rx_bytes, p_totals, p_cuts,
		p_signatures);
	RETURN true;
END $$;
