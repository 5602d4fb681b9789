#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# history.t - what leases, marks and disputes add up to: days, outcomes, standings; samples; that it is bounded
. "$(dirname "$0")/database.sh"
seed
value() { as_market -c "$1" 2>&1; }
fold() { value "SELECT history_fold(1000)"; }
standing() { value "SELECT good, bad, leases, completed, failed, direct, relayed, disputes, upheld, rated FROM standing WHERE account = seed.id($1) AND side = '$2'"; }

fold >/dev/null
is "$(standing 2 seller)" '0|0|0|0|0|0|0|0|0|t' "who has a machine is a seller"
is "$(value "SELECT count(*) FROM standing WHERE account = seed.id(1)")" 0 "who has none is not"

# lease PLACE: matched, run for half an hour, charged; prints its id
lease() {
	value "SELECT seed.place($1, 1, 1, 10)" >/dev/null
	value "SELECT seed.match($1, 102)"
}
value "SELECT seed.fund(1, 100000)" >/dev/null
L=$(lease 50)
value "SELECT lease_set_state('$L', 'running', 'kvm', '', now() - interval '30 min'); SELECT seed.use('$L', 1, 5, 10); SELECT lease_set_path('$L', 'direct')" >/dev/null
is "$(value 'SELECT count(*) FROM tally')" 0 "a lease that lives adds nothing"
value "SELECT lease_finish('$L', 'completed', '', now())" >/dev/null
M=$(lease 51)
value "SELECT lease_finish('$M', 'boot_failed', '', now())" >/dev/null
is "$(fold)" 4 "two ends are four entries: of seller and buyer"
is "$(fold)" 0 "each is added once"
is "$(standing 2 seller)" '0|0|2|1|1|1|0|0|0|f' "the seller completed one and failed one"
is "$(standing 1 buyer)" '0|0|2|1|0|1|0|0|0|f' "the buyer completed one"
is "$(value "SELECT reason, bucket, leases FROM outcome_day ORDER BY reason")" $'boot_failed|0|1\ncompleted|5|1' "one never ran, one ran for half an hour"
is "$(value "SELECT reason, leases FROM seller_reason ORDER BY reason")" $'boot_failed|1\ncompleted|1' "the seller's reasons"

# ---- marks ----
value "SELECT feedback_give('$L', seed.id(1), true, '', now()); SELECT feedback_give('$L', seed.id(2), true, '', now())" >/dev/null
fold >/dev/null
is "$(standing 2 seller)" '1|0|2|1|1|1|0|0|0|f' "a mark counts, and the seller is to be rated"
rate() { value "SELECT history_rate(ARRAY[seed.id(2)], 'seller', ARRAY[$1::bigint], ARRAY[$2::bigint], now())" >/dev/null; }
rate 2 7
is "$(value "SELECT rating_ppm, rated FROM standing WHERE account = seed.id(2)")" '0|f' "a rating from before the mark is not taken"
rate 3 206543
is "$(value "SELECT rating_ppm, rated FROM standing WHERE account = seed.id(2)")" '206543|t' "that of now is"
is "$(value "SELECT rating_ppm FROM rating_month WHERE account = seed.id(2)")" 206543 "and is the month's last"
is "$(value "SELECT side, good, bad FROM mark_day ORDER BY side")" $'buyer|1|0\nseller|1|0' "marks by day"

# ---- a dispute that is upheld ----
value "SELECT dispute_open('$L', seed.id(1), 'slow', '', 3600, now())" >/dev/null
as_owner -c "UPDATE dispute SET state = 'upheld', refund_percent = 50, decided_at = now() WHERE lease = '$L';
	UPDATE feedback SET good = false WHERE lease = '$L' AND side = 'seller'"
fold >/dev/null
is "$(standing 2 seller)" '0|1|2|0|2|1|0|1|1|f' "the lease counts as failed, its mark as a bad one"
is "$(standing 1 buyer)" '1|0|2|1|0|1|0|1|1|f' "the buyer's stay, with the dispute beside"
is "$(value "SELECT good, bad FROM mark_day WHERE side = 'seller'")" '0|1' "on the mark's own day"

# ---- samples ----
value "SELECT history_sample(now() + interval '1 min', now() - interval '1 min', 1, 8, 4, 2, 1, 10, 20, 30, -1)" >/dev/null
is "$(value "SELECT machines, cores_free, ask_median_micro, bid_best_micro, trades, trade_cores, trade_p10_micro, trade_p90_micro FROM market_sample")" \
	'1|4|20||2|2|10|10' "a sample has the leases made since"
value "SELECT history_sample((SELECT at FROM market_sample), NULL, 9, 9, 9, 9, 9, 9, 9, 9, 9)" >/dev/null
is "$(value "SELECT machines FROM market_sample")" 1 "the same moment again changes nothing"
for i in 1 2 3; do value "SELECT history_heard(ARRAY[seed.id(102)], ARRAY[400::bigint], now(), 500)" >/dev/null; done
is "$(value "SELECT minutes, score FROM machine_day")" '1440|400' "a day has 1440 minutes"
value "SELECT history_forget(now() + interval '2 days', 100)" >/dev/null
is "$(value "SELECT (SELECT count(*) FROM market_sample), (SELECT count(*) FROM machine_day), (SELECT count(*) FROM outcome_day)")" '0|0|0' "what is old is forgotten"
is "$(as_owner -c "SELECT uuid_v7_floor(now()) <= uuid_v7() AND uuid_v7_floor(now() + interval '1 s') > uuid_v7()")" t \
	"ids are found by their time"

# ---- who may ----
for table in market_sample machine_day standing rating_month seller_reason mark_day outcome_day tally; do
	refused 42501 "DELETE FROM $table" "the market cannot DELETE from $table"
done
refused 42501 "INSERT INTO tally (account, side, day, good) VALUES (seed.id(2), 'seller', now(), 1)" "nor give anyone a mark"
sound "and the ledger is sound"

# ---- before there was a tally ----
before=$(as_owner -c "SELECT account, side, good, bad, leases, completed, failed, disputes, upheld FROM standing ORDER BY 1, 2")
as_owner -c "TRUNCATE standing, mark_day, outcome_day, seller_reason, tally"
sed -n '/^-- What happened before/,$p' "$TOP/db/migrations/0016_history.sql" | as_owner -f /dev/stdin
fold >/dev/null
is "$(as_owner -c "SELECT account, side, good, bad, leases, completed, failed, disputes, upheld FROM standing ORDER BY 1, 2")" "$before" \
	"a migrated market comes to the same"
done_testing
