-- SPDX-License-Identifier: Apache-2.0
-- 0058_address.sql - an account's address can become another, once somebody has shown that they read its mail

ALTER TABLE address_confirmation ADD COLUMN email text CHECK (octet_length(email) BETWEEN 3 AND 254 AND email !~ '[A-Z]');
COMMENT ON COLUMN address_confirmation.email IS 'What the address is to be from then on; null: what it is';
COMMENT ON COLUMN mail.kind IS 'password, address, new_address, moved, login, or the kind of the event that it tells of';
