-- SPDX-License-Identifier: Apache-2.0
-- 0005_orders.sql - orders, leases, the numbers of buyers' peers
--
-- Written by the procedures only. held_micro of an order and of its leases are parts of the buyer's held ledger account.

CREATE TABLE cpushare.order (
	id uuid PRIMARY KEY,
	buyer uuid NOT NULL REFERENCES account,
	name label NOT NULL,
	state order_state NOT NULL DEFAULT 'open',
	image sha256 NOT NULL,
	count integer NOT NULL CHECK (count BETWEEN 1 AND 256),
	filled integer NOT NULL DEFAULT 0,
	ended integer NOT NULL DEFAULT 0,
	cores integer NOT NULL CHECK (cores > 0),
	memory_mib integer NOT NULL CHECK (memory_mib > 0),
	max_price_per_core_hour_micro micro NOT NULL,
	max_price_per_gib_hour_micro micro NOT NULL,
	max_price_per_gib_transferred_micro micro NOT NULL,
	duration_s bigint NOT NULL CHECK (duration_s > 0),
	budget_micro micro NOT NULL,
	place_hold_micro micro NOT NULL,
	held_micro micro NOT NULL,
	leases_held_micro micro NOT NULL DEFAULT 0,
	charged_micro micro NOT NULL DEFAULT 0,
	countries text[] NOT NULL DEFAULT '{}' CHECK (cardinality(countries) <= 32),
	min_score bigint NOT NULL DEFAULT 0 CHECK (min_score >= 0),
	min_rating_ppm integer NOT NULL DEFAULT 0 CHECK (min_rating_ppm BETWEEN 0 AND 1000000),
	accel accel NOT NULL DEFAULT 'any',
	user_data text CHECK (octet_length(user_data) <= 65536),
	created_at timestamptz NOT NULL,
	open_until timestamptz NOT NULL,
	ended_at timestamptz,
	CONSTRAINT order_places_check CHECK (0 <= ended AND ended <= filled AND filled <= count),
	CONSTRAINT order_open_hold_check CHECK (held_micro = CASE state WHEN 'open' THEN place_hold_micro * (count - filled) ELSE 0 END),
	CONSTRAINT order_budget_check CHECK (budget_micro = 0 OR charged_micro + held_micro + leases_held_micro <= budget_micro),
	CONSTRAINT order_filled_check CHECK (CASE state WHEN 'open' THEN filled < count WHEN 'filled' THEN filled = count AND ended < filled
		WHEN 'ended' THEN ended = count ELSE true END),
	CONSTRAINT order_ended_check CHECK ((ended_at IS NOT NULL) = (state NOT IN ('open', 'filled') AND ended = filled)),
	CONSTRAINT order_no_hold_left_check CHECK (ended_at IS NULL OR leases_held_micro = 0)
) WITH (fillfactor = 70);
CREATE INDEX order_buyer ON cpushare.order (buyer, id);
CREATE INDEX order_open ON cpushare.order (id) WHERE state = 'open';
CREATE INDEX order_image ON cpushare.order (image) WHERE ended_at IS NULL;
COMMENT ON TABLE cpushare.order IS 'A buyer''s wish for a number of like VMs';
COMMENT ON COLUMN cpushare.order.id IS 'UUID version 7; also the id of its network';
COMMENT ON COLUMN cpushare.order.buyer IS 'Who pays';
COMMENT ON COLUMN cpushare.order.name IS 'What the buyer calls it, or empty';
COMMENT ON COLUMN cpushare.order.state IS 'open, filled, ended, cancelled, expired';
COMMENT ON COLUMN cpushare.order.image IS 'What the VMs boot';
COMMENT ON COLUMN cpushare.order.count IS 'Places: VMs wanted';
COMMENT ON COLUMN cpushare.order.filled IS 'Places that ever had a lease';
COMMENT ON COLUMN cpushare.order.ended IS 'Leases that ended';
COMMENT ON COLUMN cpushare.order.cores IS 'Of each VM';
COMMENT ON COLUMN cpushare.order.memory_mib IS 'Of each VM';
COMMENT ON COLUMN cpushare.order.max_price_per_core_hour_micro IS 'Highest price taken';
COMMENT ON COLUMN cpushare.order.max_price_per_gib_hour_micro IS 'Highest price taken';
COMMENT ON COLUMN cpushare.order.max_price_per_gib_transferred_micro IS 'Highest price taken';
COMMENT ON COLUMN cpushare.order.duration_s IS 'Of each lease from its start';
COMMENT ON COLUMN cpushare.order.budget_micro IS 'Charges and holds together never exceed it; 0: no bound';
COMMENT ON COLUMN cpushare.order.place_hold_micro IS 'Held for each place not filled yet; a new lease begins with it';
COMMENT ON COLUMN cpushare.order.held_micro IS 'Held for the places not filled yet';
COMMENT ON COLUMN cpushare.order.leases_held_micro IS 'The sum of its leases'' held_micro';
COMMENT ON COLUMN cpushare.order.charged_micro IS 'The sum of its leases'' charged_micro';
COMMENT ON COLUMN cpushare.order.countries IS 'Only machines of these; empty: any';
COMMENT ON COLUMN cpushare.order.min_score IS 'Only machines with at least this score; 0: any';
COMMENT ON COLUMN cpushare.order.min_rating_ppm IS 'Only sellers with at least this rating; 0: any';
COMMENT ON COLUMN cpushare.order.accel IS 'Only machines that run guests so';
COMMENT ON COLUMN cpushare.order.user_data IS 'NoCloud user-data for each VM, or null';
COMMENT ON COLUMN cpushare.order.created_at IS 'When it was placed';
COMMENT ON COLUMN cpushare.order.open_until IS 'Until then it waits for places';
COMMENT ON COLUMN cpushare.order.ended_at IS 'When nothing of it was left: no place, no lease, no hold';

CREATE TABLE lease (
	id uuid PRIMARY KEY,
	order_id uuid NOT NULL REFERENCES cpushare.order,
	machine_id uuid NOT NULL REFERENCES machine,
	buyer uuid NOT NULL REFERENCES account,
	seller uuid NOT NULL REFERENCES account,
	number integer NOT NULL CHECK (number BETWEEN 1 AND 256),
	name label NOT NULL,
	ip inet NOT NULL,
	mac macaddr NOT NULL,
	state lease_state NOT NULL DEFAULT 'matched',
	reason end_reason NOT NULL DEFAULT '',
	detail detail NOT NULL DEFAULT '',
	desired lease_state NOT NULL DEFAULT 'running' CHECK (desired IN ('running', 'paused', 'ended')),
	desired_reason end_reason NOT NULL DEFAULT '',
	desired_at timestamptz NOT NULL,
	accel accel NOT NULL,
	cores integer NOT NULL CHECK (cores > 0),
	memory_mib integer NOT NULL CHECK (memory_mib > 0),
	price_per_core_hour_micro micro NOT NULL,
	price_per_gib_hour_micro micro NOT NULL,
	price_per_gib_transferred_micro micro NOT NULL,
	held_micro micro NOT NULL,
	charged_micro micro NOT NULL DEFAULT 0,
	commission_micro micro NOT NULL DEFAULT 0,
	usage_seq bigint NOT NULL DEFAULT 0 CHECK (usage_seq >= 0),
	usage_hash sha256,
	usage_previous sha256,
	usage_signature bytea CHECK (octet_length(usage_signature) = 64),
	usage_at timestamptz,
	usage_cut boolean NOT NULL DEFAULT false,
	vcpu_ns bigint NOT NULL DEFAULT 0 CHECK (vcpu_ns >= 0),
	running_us bigint NOT NULL DEFAULT 0 CHECK (running_us >= 0),
	tx_bytes bigint NOT NULL DEFAULT 0 CHECK (tx_bytes >= 0),
	rx_bytes bigint NOT NULL DEFAULT 0 CHECK (rx_bytes >= 0),
	path text NOT NULL DEFAULT 'none' CHECK (path IN ('none', 'connecting', 'direct', 'relayed')),
	created_at timestamptz NOT NULL,
	started_at timestamptz,
	ended_at timestamptz,
	CONSTRAINT lease_number_key UNIQUE (order_id, number),
	CONSTRAINT lease_mac_key UNIQUE (order_id, mac),
	CONSTRAINT lease_commission_check CHECK (commission_micro <= charged_micro),
	CONSTRAINT lease_ended_check CHECK ((state = 'ended') = (ended_at IS NOT NULL) AND (state = 'ended') = (reason <> '')),
	CONSTRAINT lease_no_hold_left_check CHECK (state <> 'ended' OR held_micro = 0),
	CONSTRAINT lease_started_check CHECK (state NOT IN ('running', 'paused') OR started_at IS NOT NULL),
	CONSTRAINT lease_charged_check CHECK (charged_micro = 0 OR started_at IS NOT NULL)
) WITH (fillfactor = 60);
CREATE INDEX lease_machine_live ON lease (machine_id) WHERE state <> 'ended';
CREATE INDEX lease_live ON lease (id) WHERE state <> 'ended';
CREATE INDEX lease_seller ON lease (seller, reason);
CREATE INDEX lease_buyer ON lease (buyer);
COMMENT ON TABLE lease IS 'One VM of an order on a machine';
COMMENT ON COLUMN lease.id IS 'UUID version 7';
COMMENT ON COLUMN lease.order_id IS 'The order whose place it fills';
COMMENT ON COLUMN lease.machine_id IS 'Where it runs';
COMMENT ON COLUMN lease.buyer IS 'Who pays: the order''s buyer';
COMMENT ON COLUMN lease.seller IS 'Who earns: the machine''s account';
COMMENT ON COLUMN lease.number IS '1, 2, ... within the order';
COMMENT ON COLUMN lease.name IS 'Its host name on the order''s network';
COMMENT ON COLUMN lease.ip IS 'Its address on the order''s network: 10.77.(number / 250 + 1).(number % 250 + 1)';
COMMENT ON COLUMN lease.mac IS '52:54:00 and the last three bytes of its id, moved on where the order has that already';
COMMENT ON COLUMN lease.state IS 'What the machine says, and matched and ended: what the market says';
COMMENT ON COLUMN lease.reason IS 'Why it ended; empty while it has not';
COMMENT ON COLUMN lease.detail IS 'More of why, for people';
COMMENT ON COLUMN lease.desired IS 'What the market wants: running, paused, ended';
COMMENT ON COLUMN lease.desired_reason IS 'Why';
COMMENT ON COLUMN lease.desired_at IS 'Since when';
COMMENT ON COLUMN lease.accel IS 'How the guest runs';
COMMENT ON COLUMN lease.cores IS 'Reserved on the machine';
COMMENT ON COLUMN lease.memory_mib IS 'Reserved on the machine';
COMMENT ON COLUMN lease.price_per_core_hour_micro IS 'Agreed: what the machine asked';
COMMENT ON COLUMN lease.price_per_gib_hour_micro IS 'Agreed: what the machine asked';
COMMENT ON COLUMN lease.price_per_gib_transferred_micro IS 'Agreed: what the machine asked';
COMMENT ON COLUMN lease.held_micro IS 'Of the buyer''s held money, for what it uses next';
COMMENT ON COLUMN lease.charged_micro IS 'Paid by the buyer so far, commission included';
COMMENT ON COLUMN lease.commission_micro IS 'The market''s part of charged_micro';
COMMENT ON COLUMN lease.usage_seq IS 'Number of the last usage record accepted; 0: none';
COMMENT ON COLUMN lease.usage_hash IS 'Hash of that record as it was signed';
COMMENT ON COLUMN lease.usage_previous IS 'Hash of the record before it';
COMMENT ON COLUMN lease.usage_signature IS 'The machine''s Ed25519 signature of that record';
COMMENT ON COLUMN lease.usage_at IS 'When that record came';
COMMENT ON COLUMN lease.usage_cut IS 'A record''s counters grew faster than possible and were cut';
COMMENT ON COLUMN lease.vcpu_ns IS 'Delivered vCPU time, as charged for';
COMMENT ON COLUMN lease.running_us IS 'Time not paused, as charged for';
COMMENT ON COLUMN lease.tx_bytes IS 'Sent by the guest';
COMMENT ON COLUMN lease.rx_bytes IS 'Received by the guest';
COMMENT ON COLUMN lease.path IS 'Of its peer to the buyer''s: none, connecting, direct, relayed';
COMMENT ON COLUMN lease.created_at IS 'When it was matched';
COMMENT ON COLUMN lease.started_at IS 'When the VM first ran; null: not yet';
COMMENT ON COLUMN lease.ended_at IS 'When it ended; null: not yet';

CREATE TABLE network_peer (
	order_id uuid NOT NULL REFERENCES cpushare.order,
	peer uuid NOT NULL,
	number integer NOT NULL CHECK (number BETWEEN 1 AND 64),
	PRIMARY KEY (order_id, peer),
	CONSTRAINT network_peer_number_key UNIQUE (order_id, number)
);
COMMENT ON TABLE network_peer IS 'The buyer''s own machines on an order''s network';
COMMENT ON COLUMN network_peer.order_id IS 'The network';
COMMENT ON COLUMN network_peer.peer IS 'The id that the machine made for itself';
COMMENT ON COLUMN network_peer.number IS '1, 2, ...: its address follows from it';

ALTER TABLE posting ADD CONSTRAINT posting_order_fkey FOREIGN KEY (order_id) REFERENCES cpushare.order;
ALTER TABLE posting ADD CONSTRAINT posting_lease_fkey FOREIGN KEY (lease_id) REFERENCES lease;
ALTER TABLE token ADD CONSTRAINT token_machine_fkey FOREIGN KEY (machine) REFERENCES machine;
