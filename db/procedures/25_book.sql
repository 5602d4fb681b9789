-- SPDX-License-Identifier: Apache-2.0
-- 25_book.sql - one market at a time holds the book: matches orders, hears machines, ends leases
--
-- A market claims the book for a few seconds at a time and renews it before they are over. When it does not, because it was killed, paused
-- or cut off, another one takes the book, under an epoch one higher. Time alone proves nothing: a market that was paused does not know
-- how long. So each connection of a market says which epoch it works under (the setting cpushare.epoch), and every procedure that
-- writes for the book's holder asks book_fence() first: the epoch must be the one of the row, and the row's key is locked until the
-- transaction ends. A claim takes the whole row, so it waits for what was begun under the old epoch, and nothing of it comes later.
-- Where no market ever held the book the epoch is 0, and so is that of a connection that says none.
--
-- Its holder's session also has an advisory lock named for the epoch: who gets that sees that the holder's connection is gone, and need
-- not wait for the time.

CREATE OR REPLACE FUNCTION book_fence() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM book WHERE epoch = coalesce(nullif(current_setting('cpushare.epoch', true), ''), '0')::bigint FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'another market holds the book' USING ERRCODE = 'CS007';
	END IF;
	RETURN true;
END $$;

-- The epoch that p_owner holds it under from now on, for p_milliseconds; null while it is another's. The rest is what other markets need to
-- hand requests on to it.
CREATE OR REPLACE FUNCTION book_claim(p_owner uuid, p_milliseconds bigint, p_url text DEFAULT '', p_pin text DEFAULT '',
	p_secret text DEFAULT '') RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
DECLARE
	b book;
	v_gone boolean;
	v_epoch bigint;
BEGIN
	SELECT * INTO b FROM book;
	v_gone := pg_try_advisory_lock(17232, b.epoch::integer);
	IF b.owner IS DISTINCT FROM p_owner AND b.expires_at > clock_timestamp() AND NOT v_gone THEN
		RETURN NULL;
	END IF;
	v_epoch := b.epoch;
	SELECT * INTO b FROM book FOR UPDATE;
	IF b.owner IS DISTINCT FROM p_owner AND b.expires_at > clock_timestamp() AND (b.epoch <> v_epoch OR NOT v_gone) THEN
		RETURN NULL;
	END IF;
	UPDATE book SET owner = p_owner, epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => p_milliseconds / 1000.0),
		url = p_url, pin = p_pin, secret = p_secret;
	PERFORM pg_try_advisory_lock(17232, b.epoch::integer + 1);
	RETURN b.epoch + 1;
END $$;

-- Its holder stays it for so long, 0: gives it up. False: it has lost it.
CREATE OR REPLACE FUNCTION book_renew(p_owner uuid, p_epoch bigint, p_milliseconds bigint) RETURNS boolean LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = cpushare, pg_temp AS $$
BEGIN
	UPDATE book SET expires_at = clock_timestamp() + make_interval(secs => p_milliseconds / 1000.0)
		WHERE owner = p_owner AND epoch = p_epoch;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	-- The session may be a new one.
	PERFORM pg_try_advisory_lock(17232, p_epoch::integer) WHERE NOT EXISTS (SELECT 1 FROM pg_locks
		WHERE locktype = 'advisory' AND classid = 17232 AND objid = p_epoch::oid AND objsubid = 2 AND pid = pg_backend_pid());
	RETURN true;
END $$;
