#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reputation.t - what ratings are made of: money, age, counterparts, marks; the same from history; machines on trial (pgTAP, as the market)
. "$(dirname "$0")/database.sh"
seed
# Somebody writes the sums by hand.
as_owner <<'EOF'
CREATE FUNCTION seed.tamper() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	UPDATE reputation SET good_micro = good_micro + 1 WHERE about = seed.id(4) AND counterpart = seed.id(1);
	DELETE FROM reputation WHERE side = 'buyer' AND counterpart = seed.id(2);
	INSERT INTO reputation VALUES (seed.id(3), 'seller', seed.id(1), 600, 5, 5), (seed.id(3), 'seller', seed.id(1), 601, 5, 5);
END $$;
GRANT EXECUTE ON FUNCTION seed.tamper() TO cpushare_market;
EOF
as_market -f "$TOP/tests/db/reputation.sql"
