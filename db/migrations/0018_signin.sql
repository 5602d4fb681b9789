-- SPDX-License-Identifier: Apache-2.0
-- 0018_signin.sql - sessions told from tokens, the second factor, log-ins of devices, accounts that are gone

ALTER TABLE token ADD COLUMN session boolean NOT NULL DEFAULT false;
ALTER TABLE token ADD COLUMN client detail NOT NULL DEFAULT '';
COMMENT ON COLUMN token.session IS 'Made by a log-in; else by hand, or a machine''s';
COMMENT ON COLUMN token.client IS 'Of a session: what the program that logged in said of itself';

ALTER TABLE account ADD COLUMN deleted_at timestamptz;
COMMENT ON COLUMN account.deleted_at IS 'Since then nobody: the row stays because the ledger refers to it';

CREATE TABLE second_factor (
	account uuid PRIMARY KEY REFERENCES account,
	secret bytea NOT NULL CHECK (octet_length(secret) = 20),
	confirmed_at timestamptz,
	last_step bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE second_factor IS 'What an authenticator app shares with the market (RFC 6238)';
COMMENT ON COLUMN second_factor.account IS 'Whose it is';
COMMENT ON COLUMN second_factor.secret IS 'The shared key';
COMMENT ON COLUMN second_factor.confirmed_at IS 'From then on a log-in needs a code; null: the app has not shown one yet';
COMMENT ON COLUMN second_factor.last_step IS 'The time step of the last code taken: none of it or before is taken again';

CREATE TABLE recovery_code (
	account uuid NOT NULL REFERENCES account,
	hash sha256 NOT NULL,
	PRIMARY KEY (account, hash)
);
COMMENT ON TABLE recovery_code IS 'Codes for a log-in without the app, each taken once';
COMMENT ON COLUMN recovery_code.account IS 'Whose it is';
COMMENT ON COLUMN recovery_code.hash IS 'SHA-256 of the account''s id and the code';

CREATE TABLE device_grant (
	hash sha256 PRIMARY KEY,
	user_code text NOT NULL CHECK (octet_length(user_code) = 8),
	client detail NOT NULL,
	account uuid REFERENCES account,
	denied boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	polled_at timestamptz,
	CONSTRAINT device_grant_user_code_key UNIQUE (user_code)
);
CREATE INDEX device_grant_expires ON device_grant (expires_at);
COMMENT ON TABLE device_grant IS 'Programs without a browser that wait to be let in by their user (RFC 8628)';
COMMENT ON COLUMN device_grant.hash IS 'SHA-256 of the device code, which the program alone has';
COMMENT ON COLUMN device_grant.user_code IS 'What the user types, without its dash';
COMMENT ON COLUMN device_grant.client IS 'What the program said of itself';
COMMENT ON COLUMN device_grant.account IS 'Who answered for it; null: nobody yet';
COMMENT ON COLUMN device_grant.denied IS 'And said no';
COMMENT ON COLUMN device_grant.created_at IS 'When the program asked';
COMMENT ON COLUMN device_grant.expires_at IS 'It is too late then';
COMMENT ON COLUMN device_grant.polled_at IS 'When the program last asked for the answer';

GRANT INSERT, UPDATE, DELETE ON second_factor, recovery_code, device_grant TO cpushare_market;
