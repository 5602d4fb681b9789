-- SPDX-License-Identifier: Apache-2.0
-- 0013_funds_warning.sql - who was told that money runs out, so that each is told once

CREATE TABLE funds_warning (
	about uuid PRIMARY KEY,
	account uuid NOT NULL REFERENCES account,
	at timestamptz NOT NULL
);
COMMENT ON TABLE funds_warning IS 'Balances and budgets of which an event has told that they run low; gone when they do no more';
COMMENT ON COLUMN funds_warning.about IS 'The account, or the order whose budget it is';
COMMENT ON COLUMN funds_warning.account IS 'Who was told';
COMMENT ON COLUMN funds_warning.at IS 'When';
