-- SPDX-License-Identifier: Apache-2.0
-- 0017_ratings.sql - ratings are of leases and fade (docs/RATING.md, version 2): the stored ones are made anew each day, and each month's last is kept

ALTER TABLE standing ADD COLUMN rated_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX standing_rated_at ON standing (side, rated_at);
COMMENT ON COLUMN standing.rating_ppm IS 'As it was at rated_at';
COMMENT ON COLUMN standing.rated IS 'Nothing that the rating is made of has happened since rated_at';
COMMENT ON COLUMN standing.rated_at IS 'When the rating was computed last';
UPDATE standing SET rated = false;

CREATE TABLE rating_month (
	account uuid NOT NULL REFERENCES account,
	side text NOT NULL CHECK (side IN ('seller', 'buyer')),
	month date NOT NULL,
	rating_ppm integer NOT NULL,
	PRIMARY KEY (account, side, month)
);
CREATE INDEX rating_month_month ON rating_month (month);
COMMENT ON TABLE rating_month IS 'The last rating of each month; kept for three';
COMMENT ON COLUMN rating_month.account IS 'Of whom';
COMMENT ON COLUMN rating_month.side IS 'As what: seller or buyer';
COMMENT ON COLUMN rating_month.month IS 'Its first day, UTC';
COMMENT ON COLUMN rating_month.rating_ppm IS 'The rating';
