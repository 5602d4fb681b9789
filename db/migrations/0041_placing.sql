-- SPDX-License-Identifier: Apache-2.0
-- 0041_placing.sql - what each order and each lease cost beside their own rows: looks at what is locked already, indexes, events

DROP FUNCTION IF EXISTS orders_place(uuid[], uuid[], text[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[],
	bigint[], bigint[], bigint[], timestamptz[], text[], text[], bigint[], text[], bytea[], text[], timestamptz[], bigint, bigint[], uuid[]);
DROP FUNCTION IF EXISTS lease_mac(uuid);

-- Orders, leases, their events and keys are made by procedures that have read and locked what they refer to (45_placing.sql, 50_leases.sql), and that
-- nobody can delete.
DROP TRIGGER order_refuse_debtor ON cpushare.order;
DROP FUNCTION order_refuse_debtor();
DROP TRIGGER event_refers ON event;
DROP TRIGGER idempotency_key_refers ON idempotency_key;
DROP FUNCTION account_refers();
ALTER TABLE lease DROP CONSTRAINT lease_order_id_fkey, DROP CONSTRAINT lease_machine_id_fkey, DROP CONSTRAINT lease_buyer_fkey,
	DROP CONSTRAINT lease_seller_fkey;
CREATE TRIGGER machine_stays BEFORE DELETE OR TRUNCATE ON machine FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_stays BEFORE DELETE OR TRUNCATE ON account FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One for all that asks for orders that have not ended. Its state is in no index, and there is room beside each order, so that filling it changes no index.
DROP INDEX order_open, order_image;
CREATE INDEX order_live ON cpushare.order (buyer) WHERE ended_at IS NULL;
ALTER TABLE cpushare.order SET (fillfactor = 50);

-- Two leases of an order have two numbers, and so two addresses.
ALTER TABLE lease DROP CONSTRAINT lease_mac_key;
COMMENT ON COLUMN lease.mac IS '52:54:00, two bytes of its id, and its number less one';

-- What a buyer and a seller are told alike is one row; what follows from the order or the lease for ever is not written again (event_data()).
ALTER TABLE event DROP CONSTRAINT event_pkey, ADD COLUMN seller uuid, ALTER COLUMN data DROP NOT NULL,
	ADD CONSTRAINT event_data_check CHECK (data IS NOT NULL OR kind IN ('order.created', 'order.filled', 'lease.matched'));
DROP INDEX event_account;
ALTER TABLE event ADD PRIMARY KEY (account, id);
CREATE INDEX event_seller ON event (seller, id) WHERE seller IS NOT NULL;
COMMENT ON COLUMN event.seller IS 'Who is told of it, too: the seller of the lease, where that is not its buyer; else null';
COMMENT ON COLUMN event.data IS 'As it was then; null: as the order or the lease was made, which event_data() tells';
