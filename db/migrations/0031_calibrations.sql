-- SPDX-License-Identifier: Apache-2.0
-- 0031_calibrations.sql - what machines can do, measured (docs/CALIBRATION.md)

ALTER TABLE machine ADD COLUMN measured_score bigint CHECK (measured_score >= 0), ADD COLUMN calibrated_at timestamptz,
	ADD COLUMN calibration_asked boolean NOT NULL DEFAULT false, ADD COLUMN off_reason detail NOT NULL DEFAULT '';
COMMENT ON COLUMN machine.score IS 'SHA-256 MiB/s of one core of a guest, as it claims';
COMMENT ON COLUMN machine.measured_score IS 'As the last good calibration measured it; null: none was';
COMMENT ON COLUMN machine.calibrated_at IS 'When the last calibration ended, whatever came of it; null: there was none';
COMMENT ON COLUMN machine.calibration_asked IS 'Somebody asked for one';
COMMENT ON COLUMN machine.off_reason IS 'Why a calibration took it off the book; empty: it is on';
CREATE INDEX machine_calibration_asked ON machine (id) WHERE calibration_asked;

CREATE TABLE calibration_buyer (
	account uuid PRIMARY KEY REFERENCES account
);
COMMENT ON TABLE calibration_buyer IS 'Accounts of the market''s own, that buy calibrations';
COMMENT ON COLUMN calibration_buyer.account IS 'Nobody can log in to it';

CREATE TABLE calibration (
	id uuid PRIMARY KEY,
	machine uuid NOT NULL REFERENCES machine,
	buyer uuid NOT NULL REFERENCES account,
	order_id uuid NOT NULL,
	lease_id uuid NOT NULL,
	image sha256 NOT NULL,
	cores bigint NOT NULL CHECK (cores > 0),
	memory_mib bigint NOT NULL CHECK (memory_mib > 0),
	claimed bigint NOT NULL CHECK (claimed >= 0),
	began_at timestamptz NOT NULL,
	ended_at timestamptz,
	result text NOT NULL DEFAULT '' CHECK (result IN ('', 'good', 'wrong', 'slow', 'failed')),
	score bigint NOT NULL DEFAULT 0 CHECK (score >= 0),
	took_us bigint NOT NULL DEFAULT 0 CHECK (took_us >= 0),
	detail detail NOT NULL DEFAULT ''
);
CREATE INDEX calibration_machine ON calibration (machine, began_at);
CREATE INDEX calibration_unended ON calibration (id) WHERE ended_at IS NULL;
COMMENT ON TABLE calibration IS 'Orders by which the market measured machines, and what came of them';
COMMENT ON COLUMN calibration.id IS 'UUID version 7';
COMMENT ON COLUMN calibration.machine IS 'Which';
COMMENT ON COLUMN calibration.buyer IS 'As whom the market bought';
COMMENT ON COLUMN calibration.order_id IS 'What it bought';
COMMENT ON COLUMN calibration.lease_id IS 'The order''s one lease';
COMMENT ON COLUMN calibration.image IS 'Made for this one alone';
COMMENT ON COLUMN calibration.cores IS 'That worked at once';
COMMENT ON COLUMN calibration.memory_mib IS 'Of the VM; half of it was walked';
COMMENT ON COLUMN calibration.claimed IS 'The machine''s own score at that time';
COMMENT ON COLUMN calibration.began_at IS 'When it was ordered';
COMMENT ON COLUMN calibration.ended_at IS 'When it was judged; null: it is under way';
COMMENT ON COLUMN calibration.result IS 'good, wrong, slow, failed; empty: it is under way';
COMMENT ON COLUMN calibration.score IS 'Measured, MiB/s of a core; 0: nothing was';
COMMENT ON COLUMN calibration.took_us IS 'From the challenge to the last line of the answer; 0: there was none';
COMMENT ON COLUMN calibration.detail IS 'For people: why';

ALTER TABLE posting DROP CONSTRAINT posting_kind_check, ADD CONSTRAINT posting_kind_check CHECK (kind IN ('deposit', 'hold', 'release',
	'charge', 'payout', 'correction', 'reversal', 'calibration'));
COMMENT ON COLUMN posting.kind IS 'deposit, hold, release, charge, payout, correction, reversal, calibration';

GRANT INSERT ON calibration_buyer TO cpushare_market;
GRANT INSERT, UPDATE ON calibration TO cpushare_market;
