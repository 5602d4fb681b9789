-- SPDX-License-Identifier: Apache-2.0
-- 0046_chain_slices.sql - the chain is followed in slices: db/procedures/15_chain.sql has ledger_chain_faults() with bounds

DROP FUNCTION IF EXISTS ledger_chain_faults(bigint);
