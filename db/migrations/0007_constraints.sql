-- SPDX-License-Identifier: Apache-2.0
-- 0007_constraints.sql - what an order wants of its machines is one document; later windows; orders that stand until they are cancelled

ALTER TABLE cpushare.order
	ADD COLUMN constraints jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(constraints) = 'object'),
	ADD COLUMN max_hour_micro micro NOT NULL DEFAULT 0,
	ADD COLUMN not_before timestamptz,
	ALTER COLUMN open_until DROP NOT NULL;
UPDATE cpushare.order SET constraints = jsonb_build_object('countries', countries, 'min_score', min_score,
	'min_rating_ppm', min_rating_ppm, 'accel', accel);
ALTER TABLE cpushare.order DROP COLUMN countries, DROP COLUMN min_score, DROP COLUMN min_rating_ppm;
COMMENT ON COLUMN cpushare.order.constraints IS 'As the API has them (Constraints); read by the market''s book';
COMMENT ON COLUMN cpushare.order.max_hour_micro IS 'Highest price of an hour of one VM, cores and memory together; 0: the other prices alone decide';
COMMENT ON COLUMN cpushare.order.not_before IS 'Matched only from then on; NULL: at once';
COMMENT ON COLUMN cpushare.order.open_until IS 'Expires then; NULL: stands until it is cancelled';
