-- SPDX-License-Identifier: Apache-2.0
-- 0065_fills.sql - what a lease that was made with its order takes from it: its number, and its place in the buyer's list
--
-- Its lease.matched is the number behind its order's order.created, its order.filled the next (20_events.sql, event_births()).

-- Of four numbers an order has three, a lease that was made later two.
ALTER TABLE event ALTER id SET INCREMENT BY 4;
ALTER TABLE lease ADD COLUMN with_order boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN lease.with_order IS 'Its order was filled as it was placed: matched_event is one more than the order''s created_event';
COMMENT ON COLUMN cpushare.order.created_event IS 'Number of its order.created, and one and two less than those of its lease.matched and order.filled where it was filled at once; '
	'below 0: that is a row of event, or past';
DROP INDEX lease_buyer;
CREATE INDEX lease_buyer ON lease (buyer, matched_event) WHERE NOT with_order;
