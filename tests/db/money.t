#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# money.t - each procedure that moves money: what it does, what it refuses, and that a refusal changes nothing (pgTAP, as the market)
. "$(dirname "$0")/database.sh"
seed
as_market -f "$TOP/tests/db/money.sql"
