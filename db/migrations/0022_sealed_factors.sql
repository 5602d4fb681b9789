-- SPDX-License-Identifier: Apache-2.0
-- 0022_sealed_factors.sql - what authenticator apps share with the market is sealed; the market seals what is there when it starts

ALTER TABLE second_factor ADD COLUMN key text CHECK (key ~ '^[0-9a-f]{1,16}$');
ALTER TABLE second_factor DROP CONSTRAINT second_factor_secret_check;
ALTER TABLE second_factor ADD CONSTRAINT second_factor_secret_check CHECK (octet_length(secret) = CASE WHEN key IS NULL THEN 20 ELSE 48 END);
COMMENT ON COLUMN second_factor.secret IS 'The shared key, sealed with AES-256-GCM for this account: nonce, ciphertext, tag';
COMMENT ON COLUMN second_factor.key IS 'The id of the key, in the market''s data folder, that it is sealed with; null: it is not yet';
