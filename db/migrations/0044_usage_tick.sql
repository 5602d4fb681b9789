-- SPDX-License-Identifier: Apache-2.0
-- 0044_usage_tick.sql - what running leases have used and are not charged for yet, kept once a minute (docs/MONEY.md, "Metering")
--
-- Only ever inserted and deleted, thousands of leases a row and no index: keeping a lease's record costs a millionth of a second, where
-- charging it costs thirty. The arrays are read whole or not at all, and do not compress.

CREATE TABLE usage_tick (
	generation bigint NOT NULL CHECK (generation >= 1),
	at timestamptz NOT NULL,
	leases uuid[] NOT NULL,
	seqs bigint[] NOT NULL,
	vcpu_ns bigint[] NOT NULL,
	running_us bigint[] NOT NULL,
	tx_bytes bigint[] NOT NULL,
	rx_bytes bigint[] NOT NULL,
	totals_micro bigint[] NOT NULL,
	cuts boolean[] NOT NULL,
	signatures bytea NOT NULL,
	CONSTRAINT usage_tick_lengths_check CHECK (cardinality(leases) > 0 AND cardinality(seqs) = cardinality(leases)
		AND cardinality(vcpu_ns) = cardinality(leases) AND cardinality(running_us) = cardinality(leases)
		AND cardinality(tx_bytes) = cardinality(leases) AND cardinality(rx_bytes) = cardinality(leases)
		AND cardinality(totals_micro) = cardinality(leases) AND cardinality(cuts) = cardinality(leases)
		AND octet_length(signatures) = 64 * cardinality(leases))
);
ALTER TABLE usage_tick ALTER leases SET STORAGE EXTERNAL, ALTER seqs SET STORAGE EXTERNAL, ALTER vcpu_ns SET STORAGE EXTERNAL,
	ALTER running_us SET STORAGE EXTERNAL, ALTER tx_bytes SET STORAGE EXTERNAL, ALTER rx_bytes SET STORAGE EXTERNAL,
	ALTER totals_micro SET STORAGE EXTERNAL, ALTER cuts SET STORAGE EXTERNAL, ALTER signatures SET STORAGE EXTERNAL;
COMMENT ON TABLE usage_tick IS 'Usage records that were heard and are not settled, many leases a row; written by usage_tick_add() only';
COMMENT ON COLUMN usage_tick.generation IS 'The tick: a complete one has all that its predecessors have to say, and they go';
COMMENT ON COLUMN usage_tick.at IS 'When it was kept';
COMMENT ON COLUMN usage_tick.leases IS 'Element n of each array is of lease n';
COMMENT ON COLUMN usage_tick.seqs IS 'The record''s number; not above lease.usage_seq: it is settled, and this says nothing any more';
COMMENT ON COLUMN usage_tick.vcpu_ns IS 'As in lease';
COMMENT ON COLUMN usage_tick.running_us IS 'As in lease';
COMMENT ON COLUMN usage_tick.tx_bytes IS 'As in lease';
COMMENT ON COLUMN usage_tick.rx_bytes IS 'As in lease';
COMMENT ON COLUMN usage_tick.totals_micro IS 'What the counters cost since the lease''s start; less lease.charged_micro: accrued';
COMMENT ON COLUMN usage_tick.cuts IS 'As lease.usage_cut';
COMMENT ON COLUMN usage_tick.signatures IS 'The machines'' Ed25519 signatures, 64 bytes each; the record before is the lease''s last settled one';
