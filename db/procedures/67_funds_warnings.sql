-- SPDX-License-Identifier: Apache-2.0
-- 67_funds_warnings.sql - an event for each balance or budget that runs low, once until it does no more

-- p_order: whose budget it is; null: the account's balance.
CREATE OR REPLACE FUNCTION funds_warn(p_account uuid, p_order uuid, p_left bigint, p_per_hour bigint, p_runs_out timestamptz,
	p_now timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	INSERT INTO funds_warning (about, account, at) VALUES (coalesce(p_order, p_account), p_account, p_now) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM event_append(p_account, p_order, NULL, CASE WHEN p_order IS NULL THEN 'funds.low' ELSE 'order.budget_low' END,
			jsonb_build_object('order', p_order, 'left_micro', p_left, 'per_hour_micro', p_per_hour,
				'runs_out_at', to_char(p_runs_out AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), p_now);
	END IF;
END $$;

-- Forgets all warnings but those about these, which are low still.
CREATE OR REPLACE FUNCTION funds_well(p_but uuid[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
	DELETE FROM funds_warning WHERE about <> ALL (p_but)
$$;
