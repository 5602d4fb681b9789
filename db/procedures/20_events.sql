-- SPDX-License-Identifier: Apache-2.0
-- 20_events.sql - appending events, and reading them without ever missing one (writer_show tells how)

CREATE OR REPLACE FUNCTION event_append(p_account uuid, p_order uuid, p_lease uuid, p_kind text, p_data jsonb, p_at timestamptz)
	RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM writer_show(17232, 'event_id_seq');
	INSERT INTO event (account, order_id, lease_id, kind, data, at) VALUES (p_account, p_order, p_lease, p_kind, p_data, p_at);
END $$;

CREATE OR REPLACE FUNCTION event_data_of_order(o cpushare.order) RETURNS jsonb LANGUAGE sql IMMUTABLE
	SET search_path = cpushare, pg_temp AS $$
	SELECT jsonb_build_object('order', o.id, 'name', o.name, 'state', o.state, 'count', o.count, 'filled', o.filled, 'ended', o.ended,
		'charged_micro', o.charged_micro)
$$;

CREATE OR REPLACE FUNCTION event_data_of_lease(l lease) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = cpushare, pg_temp AS $$
	SELECT jsonb_build_object('lease', l.id, 'order', l.order_id, 'machine', l.machine_id, 'number', l.number, 'name', l.name,
		'state', l.state, 'reason', l.reason, 'detail', l.detail, 'charged_micro', l.charged_micro)
$$;

-- What concerns an order alone, to its buyer.
CREATE OR REPLACE FUNCTION event_of_order(p_order uuid, p_kind text, p_at timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	o cpushare.order;
BEGIN
	SELECT * INTO o FROM cpushare.order WHERE id = p_order;
	PERFORM event_append(o.buyer, o.id, NULL, p_kind, event_data_of_order(o), p_at);
END $$;

-- What concerns a lease, to its buyer and to its seller.
CREATE OR REPLACE FUNCTION event_of_lease(p_lease uuid, p_kind text, p_at timestamptz) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	l lease;
BEGIN
	SELECT * INTO l FROM lease WHERE id = p_lease;
	PERFORM writer_show(17232, 'event_id_seq');
	INSERT INTO event (account, seller, order_id, lease_id, kind, data, at)
		VALUES (l.buyer, nullif(l.seller, l.buyer), l.order_id, l.id, p_kind, event_data_of_lease(l), p_at);
END $$;

-- What e tells. Where it is not kept (0041_placing.sql) it follows from what never changes of its order or lease.
CREATE OR REPLACE FUNCTION event_data(e event) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = cpushare, pg_temp AS $$
DECLARE
	o cpushare.order;
	l lease;
BEGIN
	IF e.data IS NOT NULL THEN
		RETURN e.data;
	ELSIF e.kind = 'lease.matched' THEN
		SELECT * INTO l FROM lease WHERE id = e.lease_id;
		l.state := 'matched';
		l.reason := '';
		l.detail := '';
		l.charged_micro := 0;
		RETURN event_data_of_lease(l);
	END IF;
	SELECT * INTO o FROM cpushare.order WHERE id = e.order_id;
	o.state := CASE e.kind WHEN 'order.created' THEN 'open' ELSE 'filled' END;
	o.filled := CASE e.kind WHEN 'order.created' THEN 0 ELSE o.count END;
	o.ended := 0;
	o.charged_micro := 0;
	RETURN event_data_of_order(o);
END $$;

-- The highest id below which nothing can appear any more.
CREATE OR REPLACE FUNCTION event_horizon() RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path = cpushare, pg_temp AS $$
BEGIN
	RETURN writers_horizon(17232, 'event_id_seq');
END $$;

-- Of an account, of one order of it unless p_order is null, behind p_after.
CREATE OR REPLACE FUNCTION event_read(p_account uuid, p_order uuid, p_after bigint, p_limit bigint) RETURNS SETOF event
	LANGUAGE plpgsql VOLATILE SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_horizon bigint := event_horizon();
	e event;
BEGIN
	FOR e IN SELECT * FROM (
			(SELECT * FROM event WHERE p_order IS NULL AND account = p_account AND id > p_after AND id <= v_horizon ORDER BY id LIMIT p_limit)
			UNION ALL
			(SELECT * FROM event WHERE p_order IS NULL AND seller = p_account AND id > p_after AND id <= v_horizon ORDER BY id LIMIT p_limit)
			UNION ALL
			(SELECT * FROM event WHERE order_id = p_order AND p_account IN (account, seller) AND id > p_after AND id <= v_horizon
			ORDER BY id LIMIT p_limit)) x
		ORDER BY id LIMIT p_limit
	LOOP
		e.data := event_data(e);
		e.account := p_account;
		RETURN NEXT e;
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION event_sweep(p_before timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
	DELETE FROM event WHERE at < p_before
$$;
