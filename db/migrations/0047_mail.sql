-- SPDX-License-Identifier: Apache-2.0
-- 0047_mail.sql - what is to be mailed, to whom, and who may be mailed at all

ALTER TABLE account ADD COLUMN address_confirmed_at timestamptz,
	ADD COLUMN mail_kinds text[] NOT NULL DEFAULT '{funds,payouts,disputes,logins}'
		CHECK (mail_kinds <@ ARRAY['funds', 'orders', 'payouts', 'disputes', 'logins']);
COMMENT ON COLUMN account.address_confirmed_at IS 'Since then nothing else than links goes to others than who reads there; null: not yet';
COMMENT ON COLUMN account.mail_kinds IS 'Of what the user wants to be told by mail';
GRANT UPDATE (address_confirmed_at, mail_kinds) ON account TO cpushare_market;

CREATE TABLE mail (
	id uuid PRIMARY KEY,
	account uuid REFERENCES account,
	address text NOT NULL CHECK (octet_length(address) BETWEEN 3 AND 254),
	kind text NOT NULL CHECK (kind <> ''),
	data jsonb NOT NULL DEFAULT '{}',
	state text NOT NULL DEFAULT 'waits' CHECK (state IN ('waits', 'sent', 'given_up', 'dropped')),
	created_at timestamptz NOT NULL,
	next_at timestamptz NOT NULL,
	tries bigint NOT NULL DEFAULT 0,
	note detail NOT NULL DEFAULT ''
);
CREATE INDEX mail_due ON mail (next_at) WHERE state = 'waits';
CREATE INDEX mail_address ON mail (address, created_at);
COMMENT ON TABLE mail IS 'Mail that is to be sent, and what became of it. Its text is made when it is sent, so that no link lies here';
COMMENT ON COLUMN mail.id IS 'UUIDv7';
COMMENT ON COLUMN mail.account IS 'Whose it is; null: of whoever has this address, if anybody does';
COMMENT ON COLUMN mail.address IS 'Where it goes';
COMMENT ON COLUMN mail.kind IS 'password, address, login, or the kind of the event that it tells of';
COMMENT ON COLUMN mail.data IS 'What its text tells';
COMMENT ON COLUMN mail.state IS 'waits, sent, given_up (the server refused it, or could not be reached for days), dropped (nobody is there, or too many)';
COMMENT ON COLUMN mail.created_at IS 'When it was asked for';
COMMENT ON COLUMN mail.next_at IS 'When it is tried next';
COMMENT ON COLUMN mail.tries IS 'How often it was tried';
COMMENT ON COLUMN mail.note IS 'Why it was not sent at the last try';

CREATE TABLE mail_cursor (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	after bigint NOT NULL
);
COMMENT ON TABLE mail_cursor IS 'How far events were looked at for what is to be mailed';
COMMENT ON COLUMN mail_cursor.one IS 'There is one row';
COMMENT ON COLUMN mail_cursor.after IS 'The last event that was looked at';

CREATE TABLE address_confirmation (
	account uuid PRIMARY KEY REFERENCES account,
	hash sha256 NOT NULL UNIQUE,
	expires_at timestamptz NOT NULL
);
COMMENT ON TABLE address_confirmation IS 'Who shows that they read the mail of their address, once';
COMMENT ON COLUMN address_confirmation.account IS 'Whose address; a newer link replaces an older one';
COMMENT ON COLUMN address_confirmation.hash IS 'SHA-256 of the token in the link';
COMMENT ON COLUMN address_confirmation.expires_at IS 'It is too late then';

GRANT INSERT, UPDATE, DELETE ON mail, address_confirmation TO cpushare_market;
