-- SPDX-License-Identifier: Apache-2.0
-- 0021_operator_acts.sql - what operators did; passwords that are made anew

CREATE TABLE operator_act (
	id uuid PRIMARY KEY,
	at timestamptz NOT NULL,
	account uuid REFERENCES account,
	name text NOT NULL CHECK (octet_length(name) <= 128),
	act text NOT NULL CHECK (octet_length(act) BETWEEN 1 AND 512),
	detail text NOT NULL CHECK (octet_length(detail) <= 4096)
);
COMMENT ON TABLE operator_act IS 'What operators did: written once, never changed';
COMMENT ON COLUMN operator_act.id IS 'UUIDv7: rows lie in the order of time';
COMMENT ON COLUMN operator_act.at IS 'When';
COMMENT ON COLUMN operator_act.account IS 'Who asked the market for it; null: somebody at the market''s own machine';
COMMENT ON COLUMN operator_act.name IS 'Of the latter: the name of the user there; else empty';
COMMENT ON COLUMN operator_act.act IS 'The request''s method and path, or the command';
COMMENT ON COLUMN operator_act.detail IS 'The request''s body, JSON; or the command''s arguments';

CREATE TABLE password_reset (
	account uuid PRIMARY KEY REFERENCES account,
	hash sha256 NOT NULL UNIQUE,
	expires_at timestamptz NOT NULL
);
COMMENT ON TABLE password_reset IS 'Who may choose a new password without the old one, once';
COMMENT ON COLUMN password_reset.account IS 'Whose password; a newer permission replaces an older one';
COMMENT ON COLUMN password_reset.hash IS 'SHA-256 of the token that the operator handed over';
COMMENT ON COLUMN password_reset.expires_at IS 'It is too late then';

GRANT INSERT ON operator_act TO cpushare_market;
GRANT INSERT, UPDATE, DELETE ON password_reset TO cpushare_market;

CREATE TRIGGER operator_act_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_act
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
