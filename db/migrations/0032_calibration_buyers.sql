-- SPDX-License-Identifier: Apache-2.0
-- 0032_calibration_buyers.sql - nobody's account becomes one of the market's own buyers: calibration_buyer_make() makes both rows

REVOKE INSERT ON calibration_buyer FROM cpushare_market;
