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

-- What e tells. Where it is not kept it follows from what never changes of its order or lease.
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
	-- Each draws four numbers (0065_fills.sql).
	RETURN writers_horizon(17232, 'event_id_seq') + 3;
END $$;

-- Those of an account that are no rows of event: of the making of its orders and leases, of one order of it unless p_order is null. Numbers
-- above p_after, up to p_until; at least the first p_limit of them.
CREATE OR REPLACE FUNCTION event_births(p_account uuid, p_order uuid, p_after bigint, p_until bigint, p_limit bigint) RETURNS SETOF event
	LANGUAGE plpgsql STABLE SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_swept timestamptz := (SELECT before FROM event_swept);
BEGIN
	RETURN QUERY
		-- What was forgotten does not count: else more of it than p_limit would hide what came since.
		WITH placed AS (
			-- The one at p_after, or before it, may have been filled at once. There are up to two: before 0065_fills.sql numbers were two apart.
			(SELECT * FROM cpushare.order WHERE p_order IS NULL AND buyer = p_account AND created_event > greatest(p_after - 3, 0)
			AND created_event <= p_until AND created_at >= v_swept ORDER BY created_event LIMIT p_limit + 2)
			UNION ALL
			SELECT * FROM cpushare.order WHERE id = p_order AND buyer = p_account
		), matched AS (
			-- The one at p_after may have filled its order.
			(SELECT * FROM lease WHERE p_order IS NULL AND buyer = p_account AND NOT with_order AND matched_event >= p_after
			AND matched_event <= p_until AND created_at >= v_swept ORDER BY matched_event LIMIT p_limit + 1)
			UNION ALL
			SELECT l.* FROM placed p JOIN lease l ON l.order_id = p.id AND l.number = 1 AND l.with_order WHERE p_order IS NULL
			UNION ALL
			(SELECT * FROM lease WHERE p_order IS NULL AND seller = p_account AND buyer <> p_account AND matched_event >= p_after
			AND matched_event <= p_until AND created_at >= v_swept ORDER BY matched_event LIMIT p_limit + 1)
			UNION ALL
			SELECT * FROM lease WHERE order_id = p_order AND p_account IN (buyer, seller) AND matched_event > 0
		)
		SELECT x.id, x.account, x.order_id, x.lease_id, x.kind, NULL::jsonb, x.at, x.seller FROM (
			SELECT created_event AS id, buyer AS account, p.id AS order_id, NULL::uuid AS lease_id, 'order.created' AS kind, created_at AS at,
				NULL::uuid AS seller
			FROM placed p WHERE created_event > 0
			UNION ALL
			SELECT matched_event, buyer, m.order_id, m.id, 'lease.matched', created_at, nullif(m.seller, buyer) FROM matched m
			UNION ALL
			SELECT matched_event + 1, m.buyer, m.order_id, NULL, 'order.filled', m.created_at, NULL
			FROM matched m JOIN cpushare.order o ON o.id = m.order_id WHERE m.buyer = p_account AND o.count = 1) x
		WHERE x.id > p_after AND x.id <= p_until AND x.at >= v_swept;
END $$;

-- The first p_limit of an account, of one order of it unless p_order is null, above p_after and up to p_until.
CREATE OR REPLACE FUNCTION event_list(p_account uuid, p_order uuid, p_after bigint, p_until bigint, p_limit bigint) RETURNS SETOF event
	LANGUAGE plpgsql STABLE SET search_path = cpushare, pg_temp AS $$
DECLARE
	e event;
BEGIN
	FOR e IN SELECT * FROM (
			(SELECT * FROM event WHERE p_order IS NULL AND account = p_account AND id > p_after AND id <= p_until ORDER BY id LIMIT p_limit)
			UNION ALL
			(SELECT * FROM event WHERE p_order IS NULL AND seller = p_account AND id > p_after AND id <= p_until ORDER BY id LIMIT p_limit)
			UNION ALL
			(SELECT * FROM event WHERE order_id = p_order AND p_account IN (account, seller) AND id > p_after AND id <= p_until
			ORDER BY id LIMIT p_limit)
			UNION ALL
			SELECT * FROM event_births(p_account, p_order, p_after, p_until, p_limit)) x
		ORDER BY id LIMIT p_limit
	LOOP
		e.data := event_data(e);
		e.account := p_account;
		RETURN NEXT e;
	END LOOP;
END $$;

-- Of them those that none can come before any more.
CREATE OR REPLACE FUNCTION event_read(p_account uuid, p_order uuid, p_after bigint, p_limit bigint) RETURNS SETOF event
	LANGUAGE plpgsql VOLATILE SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_horizon bigint := event_horizon();
BEGIN
	RETURN QUERY SELECT * FROM event_list(p_account, p_order, p_after, v_horizon, p_limit);
END $$;

CREATE OR REPLACE FUNCTION event_sweep(p_before timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
	UPDATE event_swept SET before = p_before WHERE before < p_before;
	DELETE FROM event WHERE at < p_before
$$;
