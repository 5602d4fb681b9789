-- SPDX-License-Identifier: Apache-2.0
-- 0003_images.sql - images, their lists of pieces, and which pieces an account has shown
--
-- An image's id is a hash of its list, so the list is kept once however many accounts have the image. An account must show each
-- piece itself: knowing a hash is not having the bytes.

CREATE TABLE image_list (
	id sha256 PRIMARY KEY,
	size_bytes bigint NOT NULL CHECK (size_bytes > 0),
	piece_count integer NOT NULL CHECK (piece_count > 0)
);
COMMENT ON TABLE image_list IS 'What an image is made of, by content';
COMMENT ON COLUMN image_list.id IS 'SHA-256 over size and piece hashes (protocol/image.h)';
COMMENT ON COLUMN image_list.size_bytes IS 'Length of the whole image';
COMMENT ON COLUMN image_list.piece_count IS 'Rows of image_piece';

CREATE TABLE image_piece (
	image sha256 NOT NULL REFERENCES image_list ON DELETE CASCADE,
	index integer NOT NULL CHECK (index >= 0),
	hash sha256 NOT NULL,
	PRIMARY KEY (image, index)
);
CREATE INDEX image_piece_hash ON image_piece (hash, image);
COMMENT ON TABLE image_piece IS 'The list of an image';
COMMENT ON COLUMN image_piece.image IS 'image_list.id';
COMMENT ON COLUMN image_piece.index IS '0, 1, ...; each of 1 MiB but the last';
COMMENT ON COLUMN image_piece.hash IS 'SHA-256 of the piece''s bytes';

CREATE TABLE image (
	account uuid NOT NULL REFERENCES account,
	id sha256 NOT NULL REFERENCES image_list,
	name label NOT NULL,
	cdrom_bus cdrom_bus NOT NULL,
	missing_count integer NOT NULL CHECK (missing_count >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account, id)
);
CREATE INDEX image_id ON image (id);
COMMENT ON TABLE image IS 'An account''s image';
COMMENT ON COLUMN image.account IS 'Whose';
COMMENT ON COLUMN image.id IS 'image_list.id';
COMMENT ON COLUMN image.name IS 'What the owner calls it';
COMMENT ON COLUMN image.cdrom_bus IS 'The bus that the guest finds it on';
COMMENT ON COLUMN image.missing_count IS 'Entries of the list whose piece the account has not shown; ready at 0';
COMMENT ON COLUMN image.created_at IS 'When it was announced';

CREATE TABLE account_piece (
	account uuid NOT NULL REFERENCES account,
	hash sha256 NOT NULL,
	PRIMARY KEY (account, hash)
);
CREATE INDEX account_piece_hash ON account_piece (hash);
COMMENT ON TABLE account_piece IS 'Pieces whose bytes an account has shown to the market';
COMMENT ON COLUMN account_piece.account IS 'Who';
COMMENT ON COLUMN account_piece.hash IS 'SHA-256 of the bytes';

GRANT INSERT, UPDATE, DELETE ON image_list, image_piece, image, account_piece TO cpushare_market;
