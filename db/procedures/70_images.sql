-- SPDX-License-Identifier: Apache-2.0
-- 70_images.sql - images and their pieces; these run with the caller's own rights
--
-- The account's row is locked first: announcing an image counts what the account has shown, showing a piece counts down in all
-- of its images, and the two must not pass each other.

CREATE OR REPLACE FUNCTION image_lock(p_account uuid) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM 1 FROM account WHERE id = p_account FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such account' USING ERRCODE = 'CS001';
	END IF;
END $$;

-- p_hashes: the list, 32 bytes each.
CREATE OR REPLACE FUNCTION image_create(p_account uuid, p_id bytea, p_name text, p_size_bytes bigint, p_cdrom_bus text,
	p_hashes bytea) RETURNS void LANGUAGE plpgsql SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM image_lock(p_account);
	-- Another account may be deleting the same list: then it is made anew.
	LOOP
		PERFORM 1 FROM image_list WHERE id = p_id FOR KEY SHARE;
		EXIT WHEN FOUND;
		INSERT INTO image_list (id, size_bytes, piece_count) VALUES (p_id, p_size_bytes, octet_length(p_hashes) / 32)
			ON CONFLICT (id) DO NOTHING;
		IF FOUND THEN
			INSERT INTO image_piece (image, index, hash) SELECT p_id, i, substring(p_hashes FROM i * 32 + 1 FOR 32)
				FROM generate_series(0, octet_length(p_hashes) / 32 - 1) i;
			EXIT;
		END IF;
	END LOOP;
	INSERT INTO image (account, id, name, cdrom_bus, missing_count)
		SELECT p_account, p_id, p_name, p_cdrom_bus, count(*) FILTER (WHERE a.hash IS NULL)
		FROM image_piece p LEFT JOIN account_piece a ON a.account = p_account AND a.hash = p.hash WHERE p.image = p_id
		ON CONFLICT (account, id) DO UPDATE SET name = excluded.name, cdrom_bus = excluded.cdrom_bus;
END $$;

CREATE OR REPLACE FUNCTION image_piece_add(p_account uuid, p_id bytea, p_index bigint) RETURNS void LANGUAGE plpgsql
	SET search_path = cpushare, pg_temp AS $$
DECLARE
	v_hash bytea;
BEGIN
	PERFORM image_lock(p_account);
	SELECT p.hash INTO v_hash FROM image i JOIN image_piece p ON p.image = i.id
		WHERE i.account = p_account AND i.id = p_id AND p.index = p_index;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such piece' USING ERRCODE = 'CS001';
	END IF;
	INSERT INTO account_piece (account, hash) VALUES (p_account, v_hash) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		UPDATE image i SET missing_count = i.missing_count - n.count
			FROM (SELECT image, count(*) FROM image_piece WHERE hash = v_hash GROUP BY image) n
			WHERE i.account = p_account AND i.id = n.image;
	END IF;
END $$;

-- Forgets also what the account has shown for this image alone, and the list where nobody else has it.
CREATE OR REPLACE FUNCTION image_delete(p_account uuid, p_id bytea) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = cpushare, pg_temp AS $$
BEGIN
	PERFORM image_lock(p_account);
	-- Who places orders has this lock until they are there to be seen.
	PERFORM 1 FROM ledger_account WHERE owner = p_account ORDER BY id FOR NO KEY UPDATE;
	PERFORM 1 FROM image WHERE account = p_account AND id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such image' USING ERRCODE = 'CS001';
	END IF;
	IF EXISTS (SELECT 1 FROM cpushare.order WHERE image = p_id AND buyer = p_account AND ended_at IS NULL) THEN
		RAISE EXCEPTION 'an order that has not ended uses the image' USING ERRCODE = 'CS003';
	END IF;
	DELETE FROM image WHERE account = p_account AND id = p_id;
	DELETE FROM account_piece a WHERE a.account = p_account
		AND a.hash IN (SELECT hash FROM image_piece WHERE image = p_id)
		AND NOT EXISTS (SELECT 1 FROM image_piece p JOIN image i ON i.id = p.image
			WHERE i.account = p_account AND p.hash = a.hash);
	PERFORM 1 FROM image_list WHERE id = p_id FOR UPDATE;
	DELETE FROM image_list WHERE id = p_id AND NOT EXISTS (SELECT 1 FROM image WHERE id = p_id);
END $$;
