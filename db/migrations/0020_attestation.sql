-- SPDX-License-Identifier: Apache-2.0
-- 0020_attestation.sql - machines' TPMs, what they proved last, and what the operator asks of them

CREATE TABLE trust_policy (
	version bigint PRIMARY KEY CHECK (version > 0),
	document text NOT NULL CHECK (octet_length(document) <= 4194304),
	operator label NOT NULL,
	created_at timestamptz NOT NULL
);
COMMENT ON TABLE trust_policy IS 'What is asked of machines that are to be trusted; the highest version holds, none is ever changed';
COMMENT ON COLUMN trust_policy.version IS '1, 2, ...; each quote is bound to one';
COMMENT ON COLUMN trust_policy.document IS 'JSON, as trust/policy.h says';
COMMENT ON COLUMN trust_policy.operator IS 'Who made it';
COMMENT ON COLUMN trust_policy.created_at IS 'When';

CREATE TABLE attestation_key (
	machine uuid PRIMARY KEY REFERENCES machine,
	ek bytea NOT NULL CHECK (octet_length(ek) = 32),
	certified boolean NOT NULL,
	identity text NOT NULL CHECK (octet_length(identity) <= 65536),
	enrolled_at timestamptz NOT NULL,
	revoked_at timestamptz,
	revoked_reason detail NOT NULL DEFAULT '',
	clock_ms bigint CHECK (clock_ms >= 0),
	resets bigint CHECK (resets >= 0),
	restarts bigint CHECK (restarts >= 0),
	CONSTRAINT attestation_key_clock_check CHECK ((clock_ms IS NULL) = (resets IS NULL) AND (resets IS NULL) = (restarts IS NULL))
);
CREATE UNIQUE INDEX attestation_key_ek ON attestation_key (ek);
COMMENT ON TABLE attestation_key IS 'A machine''s TPM and the key in it that signs; a quote is judged by its own machine''s row only';
COMMENT ON COLUMN attestation_key.machine IS 'Whose it is';
COMMENT ON COLUMN attestation_key.ek IS 'SHA-256 of the endorsement key''s SubjectPublicKeyInfo: one machine a TPM';
COMMENT ON COLUMN attestation_key.certified IS 'A maker that the operator trusts vouches for the TPM; else it was trusted on first use';
COMMENT ON COLUMN attestation_key.identity IS 'JSON: certificates and public keys, as the machine sent them';
COMMENT ON COLUMN attestation_key.enrolled_at IS 'When the TPM proved that both keys are its own';
COMMENT ON COLUMN attestation_key.revoked_at IS 'When the operator ended the trust in this TPM, for good; null: not';
COMMENT ON COLUMN attestation_key.revoked_reason IS 'Why';
COMMENT ON COLUMN attestation_key.clock_ms IS 'The TPM''s clock in its last quote that held; null: none yet';
COMMENT ON COLUMN attestation_key.resets IS 'Its resets then';
COMMENT ON COLUMN attestation_key.restarts IS 'Its restarts since the last reset then';

CREATE TABLE attestation (
	machine uuid NOT NULL REFERENCES machine,
	lease uuid REFERENCES lease,
	tier text NOT NULL CHECK (tier IN ('none', 'identity', 'measured_boot', 'confidential')),
	fault text NOT NULL CHECK (fault ~ '^[a-z_]{0,31}$'),
	proof text NOT NULL CHECK (octet_length(proof) <= 1048576),
	policy bigint NOT NULL CHECK (policy >= 0),
	at timestamptz NOT NULL
);
CREATE UNIQUE INDEX attestation_lease ON attestation (lease) WHERE lease IS NOT NULL;
CREATE UNIQUE INDEX attestation_machine ON attestation (machine) WHERE lease IS NULL;
COMMENT ON TABLE attestation IS 'The last judgement of each machine, and of each lease that asked for one';
COMMENT ON COLUMN attestation.machine IS 'Who was asked';
COMMENT ON COLUMN attestation.lease IS 'For which lease; null: of the machine itself';
COMMENT ON COLUMN attestation.tier IS 'What it proved';
COMMENT ON COLUMN attestation.fault IS 'What was wrong; empty: nothing';
COMMENT ON COLUMN attestation.proof IS 'JSON: question, keys, quote and log, so that anyone may judge again';
COMMENT ON COLUMN attestation.policy IS 'The version of trust_policy that was asked by; 0: there was none';
COMMENT ON COLUMN attestation.at IS 'When';

GRANT INSERT ON trust_policy TO cpushare_market;
GRANT INSERT, UPDATE, DELETE ON attestation_key TO cpushare_market;
GRANT INSERT, UPDATE ON attestation TO cpushare_market;
