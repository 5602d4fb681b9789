-- SPDX-License-Identifier: Apache-2.0
-- 0045_hot_rows.sql - room in each page for the new version of every row of it
--
-- A batch may change all rows of a page at once. Those whose new version found no place beside the old one cost an entry in each index.

ALTER TABLE ledger_account SET (fillfactor = 40);
ALTER TABLE lease SET (fillfactor = 45);
ALTER TABLE cpushare.order SET (fillfactor = 45);
