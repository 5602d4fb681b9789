-- SPDX-License-Identifier: Apache-2.0
-- 0001_accounts.sql - value types, accounts, tokens, idempotency keys
--
-- Applied by migrate() as cpushare_owner, in one transaction, with search_path "cpushare, pg_temp". Never edited after it landed.

-- What the owner makes is nobody's to run or see unless a grant says so.
ALTER DEFAULT PRIVILEGES FOR ROLE cpushare_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA cpushare TO cpushare_market;

-- ---- value types ----
CREATE DOMAIN micro AS bigint CHECK (VALUE BETWEEN 0 AND 9007199254740991);
COMMENT ON DOMAIN micro IS 'An amount or price of 10^-6 of the market''s currency, never above 2^53 - 1';
CREATE DOMAIN sha256 AS bytea CHECK (octet_length(VALUE) = 32);
COMMENT ON DOMAIN sha256 IS 'A SHA-256';
CREATE DOMAIN label AS text CHECK (octet_length(VALUE) <= 64);
COMMENT ON DOMAIN label IS 'What people call a thing';
CREATE DOMAIN detail AS text CHECK (octet_length(VALUE) <= 256);
COMMENT ON DOMAIN detail IS 'A sentence for people';
CREATE DOMAIN country AS text CHECK (VALUE ~ '^([A-Z][A-Z])?$');
COMMENT ON DOMAIN country IS 'ISO 3166-1 alpha-2, or nothing';
CREATE DOMAIN accel AS text CHECK (VALUE IN ('any', 'kvm', 'tcg'));
COMMENT ON DOMAIN accel IS 'How guests run; "any" is a buyer''s constraint only';
CREATE DOMAIN order_state AS text CHECK (VALUE IN ('open', 'filled', 'ended', 'cancelled', 'expired'));
COMMENT ON DOMAIN order_state IS 'open -> filled -> ended; or cancelled, expired';
CREATE DOMAIN lease_state AS text CHECK (VALUE IN ('matched', 'preparing', 'running', 'paused', 'ended'));
COMMENT ON DOMAIN lease_state IS 'matched -> preparing -> running <-> paused -> ended';
CREATE DOMAIN end_reason AS text CHECK (VALUE IN ('', 'completed', 'cancelled_by_buyer', 'withdrawn_by_seller', 'funds_exhausted',
	'lost_contact', 'image_failed', 'boot_failed', 'attestation_failed', 'expired', 'market_fault'));
COMMENT ON DOMAIN end_reason IS 'Why a lease ended; empty while it has not';
CREATE DOMAIN machine_state AS text CHECK (VALUE IN ('enrolled', 'online', 'paused', 'offline', 'retired'));
COMMENT ON DOMAIN machine_state IS 'enrolled -> online <-> paused, offline -> retired';
CREATE DOMAIN deposit_state AS text CHECK (VALUE IN ('created', 'pending', 'credited', 'failed', 'reversed'));
COMMENT ON DOMAIN deposit_state IS 'created -> pending -> credited or failed; reversed';
CREATE DOMAIN image_state AS text CHECK (VALUE IN ('uploading', 'ready'));
COMMENT ON DOMAIN image_state IS 'uploading: pieces are missing; ready: whole and verified';
CREATE DOMAIN cdrom_bus AS text CHECK (VALUE IN ('scsi', 'sata'));
COMMENT ON DOMAIN cdrom_bus IS 'The bus that the guest finds the image''s CD-ROM on';

-- ---- accounts ----
CREATE TABLE account (
	id uuid PRIMARY KEY,
	email text NOT NULL CHECK (octet_length(email) BETWEEN 3 AND 254 AND email !~ '[A-Z]'),
	name label NOT NULL,
	password_hash text NOT NULL CHECK (octet_length(password_hash) <= 127),
	operator boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT account_email_key UNIQUE (email)
);
COMMENT ON TABLE account IS 'A person or firm; buyer, seller or both';
COMMENT ON COLUMN account.id IS 'UUID version 7';
COMMENT ON COLUMN account.email IS 'In lower case; what one logs in with';
COMMENT ON COLUMN account.name IS 'Shown to others';
COMMENT ON COLUMN account.password_hash IS 'scrypt, as base/crypto.h writes it';
COMMENT ON COLUMN account.operator IS 'May run the market: credit deposits, see every account';
COMMENT ON COLUMN account.created_at IS 'Sign-up';

CREATE TABLE token (
	id uuid PRIMARY KEY,
	account uuid NOT NULL REFERENCES account,
	machine uuid,
	name label NOT NULL,
	scopes integer NOT NULL,
	hash sha256 NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	last_used_at timestamptz,
	CONSTRAINT token_hash_key UNIQUE (hash)
);
CREATE INDEX token_account ON token (account, id);
CREATE INDEX token_machine ON token (machine) WHERE machine IS NOT NULL;
CREATE INDEX token_expires ON token (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE token IS 'What a program shows to act for an account; the token itself is not kept';
COMMENT ON COLUMN token.id IS 'UUID version 7';
COMMENT ON COLUMN token.account IS 'For whom it acts';
COMMENT ON COLUMN token.machine IS 'The machine whose own token it is, else null';
COMMENT ON COLUMN token.name IS 'What the owner calls it';
COMMENT ON COLUMN token.scopes IS 'Bits, 1 << enum scope of protocol/states.h';
COMMENT ON COLUMN token.hash IS 'SHA-256 of the token';
COMMENT ON COLUMN token.created_at IS 'When it was made';
COMMENT ON COLUMN token.expires_at IS 'From then on it is unknown; null: never';
COMMENT ON COLUMN token.last_used_at IS 'To the minute; null: never used';

CREATE TABLE idempotency_key (
	account uuid NOT NULL REFERENCES account,
	key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 64),
	request sha256 NOT NULL,
	status integer NOT NULL DEFAULT 0,
	body text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account, key)
);
CREATE INDEX idempotency_key_created ON idempotency_key (created_at);
COMMENT ON TABLE idempotency_key IS 'Answers to requests with an Idempotency-Key, for a day: the repeat gets the same one';
COMMENT ON COLUMN idempotency_key.account IS 'Who sent it; keys of two accounts do not meet';
COMMENT ON COLUMN idempotency_key.key IS 'The header''s text';
COMMENT ON COLUMN idempotency_key.request IS 'Hash of method, path and body: the same key with another one is refused';
COMMENT ON COLUMN idempotency_key.status IS 'HTTP status of the answer; 0: none yet';
COMMENT ON COLUMN idempotency_key.body IS 'Body of the answer';
COMMENT ON COLUMN idempotency_key.created_at IS 'When it was first seen';

GRANT INSERT, UPDATE (email, name, password_hash, operator) ON account TO cpushare_market;
GRANT INSERT, UPDATE, DELETE ON token, idempotency_key TO cpushare_market;
