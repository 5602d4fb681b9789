-- SPDX-License-Identifier: Apache-2.0
-- 0062_chain_indexes.sql - a link of the chain has one place, by its number
--
-- That a posting is chained once follows from its first entry, which must be above that of the link before it: ledger_chain_faults() looks.

ALTER TABLE posting_chain DROP CONSTRAINT posting_chain_posting_key, DROP CONSTRAINT posting_chain_first_entry_key;
