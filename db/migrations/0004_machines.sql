-- SPDX-License-Identifier: Apache-2.0
-- 0004_machines.sql - selling machines and what they offer

CREATE TABLE machine (
	id uuid PRIMARY KEY,
	account uuid NOT NULL REFERENCES account,
	name label NOT NULL,
	public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
	country country NOT NULL DEFAULT '',
	version label NOT NULL DEFAULT '',
	state machine_state NOT NULL DEFAULT 'enrolled',
	accepting boolean NOT NULL DEFAULT false,
	accel accel NOT NULL DEFAULT 'any',
	cores bigint NOT NULL DEFAULT 0 CHECK (cores >= 0),
	memory_mib bigint NOT NULL DEFAULT 0 CHECK (memory_mib >= 0),
	score bigint NOT NULL DEFAULT 0 CHECK (score >= 0),
	price_per_core_hour_micro micro NOT NULL DEFAULT 0,
	price_per_gib_hour_micro micro NOT NULL DEFAULT 0,
	price_per_gib_transferred_micro micro NOT NULL DEFAULT 0,
	max_duration_s bigint NOT NULL DEFAULT 0 CHECK (max_duration_s >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	seen_at timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX machine_public_key_key ON machine (public_key) WHERE state <> 'retired';
CREATE INDEX machine_account ON machine (account, id);
COMMENT ON TABLE machine IS 'A selling computer, and its offer';
COMMENT ON COLUMN machine.id IS 'UUID version 7';
COMMENT ON COLUMN machine.account IS 'The seller';
COMMENT ON COLUMN machine.name IS 'What the seller calls it';
COMMENT ON COLUMN machine.public_key IS 'Ed25519; signs its usage; one machine in service a key';
COMMENT ON COLUMN machine.country IS 'As the owner says, or empty';
COMMENT ON COLUMN machine.version IS 'Of its cpushare-seller';
COMMENT ON COLUMN machine.state IS 'enrolled, online, paused, offline, retired';
COMMENT ON COLUMN machine.accepting IS 'Takes new leases';
COMMENT ON COLUMN machine.accel IS 'How it runs guests; any: not known yet';
COMMENT ON COLUMN machine.cores IS 'Offered in all';
COMMENT ON COLUMN machine.memory_mib IS 'Offered in all';
COMMENT ON COLUMN machine.score IS 'SHA-256 MiB/s of one core, as it measured itself';
COMMENT ON COLUMN machine.price_per_core_hour_micro IS 'Asked, of delivered vCPU time';
COMMENT ON COLUMN machine.price_per_gib_hour_micro IS 'Asked, of memory while running';
COMMENT ON COLUMN machine.price_per_gib_transferred_micro IS 'Asked, both directions';
COMMENT ON COLUMN machine.max_duration_s IS 'Longest lease it takes; 0: any';
COMMENT ON COLUMN machine.created_at IS 'Enrolment';
COMMENT ON COLUMN machine.seen_at IS 'Last report, to the minute; null: never';

GRANT INSERT, UPDATE ON machine TO cpushare_market;
