-- SPDX-License-Identifier: Apache-2.0
-- 0070_signup.sql - who wants an account and has not opened the link yet that was mailed to them

CREATE TABLE signup (
	email text PRIMARY KEY CHECK (octet_length(email) BETWEEN 3 AND 254 AND email !~ '[A-Z]'),
	name label NOT NULL,
	password_hash text NOT NULL CHECK (octet_length(password_hash) BETWEEN 1 AND 127),
	hash sha256 NOT NULL UNIQUE,
	expires_at timestamptz NOT NULL
);
CREATE INDEX signup_expires ON signup (expires_at);
COMMENT ON TABLE signup IS 'Accounts that come into being when the link is opened that was mailed to their address';
COMMENT ON COLUMN signup.email IS 'Where the link went; a newer one replaces it, and all that was said with it';
COMMENT ON COLUMN signup.name IS 'What the account is to be called';
COMMENT ON COLUMN signup.password_hash IS 'Of the password that was chosen with this link: no other link lets it in';
COMMENT ON COLUMN signup.hash IS 'SHA-256 of the token in the link';
COMMENT ON COLUMN signup.expires_at IS 'It is too late then';
COMMENT ON COLUMN mail.kind IS 'signup, password, address, new_address, moved, login, or the kind of the event that it tells of';
COMMENT ON COLUMN mail.data IS 'What its text tells; of a sign-up, until it is sent, the name and the password''s hash that its link is for';

GRANT INSERT, UPDATE, DELETE ON signup TO cpushare_market;
