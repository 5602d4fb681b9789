#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# disputes.t - corrections and disputes: what they give back, out of whose money, and what is refused (pgTAP, as the market)
. "$(dirname "$0")/database.sh"
seed
as_market -f "$TOP/tests/db/disputes.sql"
