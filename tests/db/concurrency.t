#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# concurrency.t - sessions that want the same money, core, payment or lease at the same time: one gets it, and nothing is lost
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000), seed.fund(3, 100000)' >/dev/null

# race NAME SQL...: each SQL in a session of its own; their answers lie in $WORK/NAME.1, .2, …
race() {
	local name=$1 n=0 sql pids=()
	shift
	for sql; do
		n=$((n + 1))
		as_market -v VERBOSITY=sqlstate -c "$sql" >"$WORK/$name.$n" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
}
# race_behind LOCK-SQL NAME SQL...: the same, while a session holds LOCK-SQL's locks until all of them wait
race_behind() { # LOCK-SQL NAME SQL...
	local lock=$1 name=$2
	shift 2
	coproc LOCKER { as_owner 2>&1; }
	local locker=$LOCKER_PID out=${LOCKER[0]} in=${LOCKER[1]}
	printf 'BEGIN;\n%s;\nSELECT 1 AS locked;\n' "$lock" >&"$in"
	read -r _ <&"$out"
	race "$name" "$@" &
	local racers=$!
	within 20 waiting $# || note "only $(as_admin -c "$WAITING") wait"
	printf 'COMMIT;\n\\q\n' >&"$in"
	wait "$racers" "$locker"
}
WAITING="SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'cpushare_market'"
waiting() { [ "$(as_admin -c "$WAITING")" -ge "$1" ]; }
answers() { sort "$WORK/$1".* | uniq -c | sed 's/^ *//' | paste -sd ';'; }

race_behind "SELECT ledger_lock(ledger_account_of(seed.id(1), 'funds'))" spend \
	"SELECT 'placed' FROM seed.place(50, 1, 1, 600)" "SELECT 'placed' FROM seed.place(51, 1, 1, 600)"
is "$(answers spend)" '1 ERROR:  CS004;1 placed' "two orders for one balance: one is placed"
is "$(as_market -c 'SELECT seed.balance(1)')" 'available 400, held 600' "and holds once"

as_market -c "SELECT seed.place(52, 3, 8, 10)" >/dev/null
lock_machine="SELECT 1 FROM machine WHERE id = seed.id(102) FOR UPDATE"
race_behind "$lock_machine" match "SELECT count(seed.match(52, 102)) FROM generate_series(1, 3)" \
	"SELECT count(seed.match(52, 102)) FROM generate_series(1, 3)"
is "$(cat "$WORK"/match.* | paste -sd + | bc)" 4 "two markets match onto one machine: no more than it has"
is "$(as_market -c "SELECT sum(cores) FROM lease WHERE machine_id = seed.id(102)")" 4 "so say its leases"
is "$(as_market -c "SELECT count(DISTINCT number) = 4 AND count(DISTINCT ip) = 4 AND count(DISTINCT mac) = 4 FROM lease")" t \
	"which share no number, no address, no card"

# As matches_make() locks machines, while another session writes when they were seen, named in another order.
coproc LOCKER { as_owner 2>&1; }
LOCKER_WAS=$LOCKER_PID out=${LOCKER[0]} in=${LOCKER[1]}
printf 'BEGIN;\nSELECT 1 FROM machine WHERE id = seed.id(102) FOR NO KEY UPDATE;\n' >&"$in"
read -r _ <&"$out"
race seen "SELECT 'seen' || machines_see(ARRAY[seed.id(104), seed.id(102)], now())" &
racer=$!
within 20 waiting 1 || note "nobody waits"
printf "SELECT 'both' FROM machine WHERE id = seed.id(104) FOR NO KEY UPDATE;\nCOMMIT;\n\\\\q\n" >&"$in"
read -r got <&"$out"
wait "$racer" "$LOCKER_WAS"
is "$got;$(answers seen)" 'both;1 seen' "machines that are matched and seen at the same time: neither stops the other"

as_market -c "SELECT deposit_create(seed.id(11), seed.id(1), 'manual', 'pending', 70, 0, 70, '', now()),
	deposit_create(seed.id(12), seed.id(1), 'manual', 'pending', 70, 0, 70, '', now())" >/dev/null
race_behind "SELECT 1 FROM deposit WHERE id = seed.id(11) FOR UPDATE" credit \
	"SELECT 'credited' FROM deposit_credit(seed.id(11), 'r1')" "SELECT 'credited' FROM deposit_credit(seed.id(11), 'r2')"
is "$(answers credit)" '1 ERROR:  CS003;1 credited' "two credits of one deposit: one is done"
race_behind "SELECT ledger_lock(market_account_of('external'))" credit2 \
	"SELECT 'credited' FROM deposit_credit(seed.id(12), 'r3')" "SELECT 'credited' FROM deposit_credit(seed.id(12), 'r3')"
is "$(as_market -c "SELECT seed.balance(1)")" 'available 540, held 600' "however they meet"

lease=$(as_market -c "SELECT id FROM lease ORDER BY number LIMIT 1")
other=$(as_market -c "SELECT id FROM lease ORDER BY number OFFSET 1 LIMIT 1")
as_market -c "SELECT lease_set_state(id, 'running', 'kvm', '', now()) FROM lease" >/dev/null
race_behind "SELECT 1 FROM cpushare.order WHERE id = seed.id(52) FOR UPDATE" use \
	"SELECT 'used' FROM seed.use('$lease', 1, 10, 10)" "SELECT 'used' FROM seed.use('$lease', 1, 10, 10)" \
	"SELECT 'used' FROM seed.use('$lease', 1, 10, 10)"
is "$(answers use)" '3 used' "one record three times at once is accepted three times"
is "$(as_market -c "SELECT charged_micro FROM lease WHERE id = '$lease'")" 10 "and charged once"
race_behind "SELECT 1 FROM cpushare.order WHERE id = seed.id(52) FOR UPDATE" finish \
	"SELECT 'ended' FROM lease_finish('$lease', 'completed', '', now())" \
	"SELECT 'ended' FROM lease_finish('$lease', 'lost_contact', '', now())" "SELECT 'used' FROM seed.use('$lease', 2, 20, 10)"
like "$(answers finish)" '1 ended' "two ends and a record at once: it ends once"
sound "the ledger is sound after races"

# Who once owed something has an account for it, whose lock is one more to take in order.
as_market -c "SELECT deposit_create(seed.id(13), seed.id(3), 'paypal', 'created', 50, 0, 50, '', now()), deposit_paid(seed.id(13), 'paypal', 'p', 50, ''),
	deposit_reverse('paypal', 'p', 'r', 50); SELECT payout_create(seed.id(n), seed.id(3), 'manual', 'x', 10, 1, 9, true, false, now())
	FROM generate_series(20, 23) n" >/dev/null
race_behind "SELECT ledger_lock(market_account_of('payout'))" payouts \
	"SELECT payout_fail(seed.id(20), 'no', now())" "SELECT payout_fail(seed.id(21), 'no', now())" \
	"SELECT 'asked' FROM payout_create(seed.id(24), seed.id(3), 'manual', 'x', 10, 1, 9, true, false, now())" \
	"SELECT payout_fail(seed.id(22), 'no', now())" "SELECT payout_fail(seed.id(23), 'no', now())"
is "$(answers payouts)" '1 asked;4 failed' "one payout is asked for, others come back: none waits in a circle"

# Several leases are ended in one transaction, as an order is cancelled or a machine retired, while another session wants what they hold in its order.
# behind FIRST-SQL NAME SQL SECOND-SQL: SQL begins after FIRST-SQL, which is in one transaction with SECOND-SQL
behind() {
	coproc LOCKER { as_owner -v VERBOSITY=sqlstate 2>&1; }
	local locker=$LOCKER_PID in=${LOCKER[1]} out
	exec {out}<&"${LOCKER[0]}" # bash closes its own when the process ends
	printf "BEGIN;\n%s;\nSELECT 'began';\n" "$1" >&"$in"
	while read -r got <&"$out" && [ "$got" != began ]; do :; done
	race "$2" "$3" &
	local racer=$!
	within 20 waiting 1 || note "nobody waits"
	printf '%s;\nCOMMIT;\n\\q\n' "$4" >&"$in"
	while read -r got <&"$out"; do [ -z "$got" ] || echo "$got"; done >"$WORK/$2.0"
	exec {out}<&-
	wait "$racer" "$locker"
}
as_owner -c "CREATE FUNCTION seed.lease_of(p_order integer) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM lease WHERE order_id = seed.id(p_order) ORDER BY number LIMIT 1'" \
	-c "CREATE FUNCTION seed.fill(p_order integer, p_buyer integer, p_machine integer) RETURNS text LANGUAGE sql AS \$\$
	SELECT coalesce((SELECT 'filled' WHERE o.lease IS NOT NULL), outcome) FROM orders_place(ARRAY[seed.id(p_order)], ARRAY[seed.id(p_buyer)], ARRAY[''],
		ARRAY[seed.hash('image')], ARRAY[1::bigint], ARRAY[1::bigint], ARRAY[64::bigint], ARRAY[100::bigint], ARRAY[100::bigint], ARRAY[100::bigint], ARRAY[3600::bigint],
		ARRAY[0::bigint], ARRAY[0::bigint], ARRAY[0::bigint], ARRAY[NULL::timestamptz], ARRAY['{}'], ARRAY[NULL::text], ARRAY[1::bigint], ARRAY[NULL::text],
		ARRAY[NULL::bytea], ARRAY[now()], 100, ARRAY[1400::bigint], NULL, NULL, ARRAY[gen_random_uuid()], ARRAY['52:54:00:00:00:00'::macaddr], ARRAY[seed.id(p_machine)],
		ARRAY[10::bigint], ARRAY[0::bigint], ARRAY[0::bigint]) o \$\$" -c "GRANT EXECUTE ON FUNCTION seed.lease_of, seed.fill TO cpushare_market"
as_market -c "SELECT lease_finish(id, 'completed', '', now()) FROM lease WHERE state <> 'ended'" -c "SELECT seed.fund(1, 1000), seed.place(60, 1, 2, 10), seed.match(60, 104)" >/dev/null
behind "SELECT leases_lock(seed.id(60), NULL), order_close(seed.id(60), 'cancelled', now())" cancel "SELECT seed.fill(61, 1, 104)" \
	"SELECT lease_finish(seed.lease_of(60), 'cancelled_by_buyer', '', now())"
is "$(answers cancel)" '1 filled' "an order is cancelled while its buyer's next is filled on the same machine: none waits in a circle"
as_market -c "SELECT seed.place(62, 1, 1, 10), seed.match(62, 104), seed.place(63, 3, 1, 10), seed.match(63, 104), seed.place(64, 1, 1, 10), seed.match(64, 102)" >/dev/null
behind "SELECT leases_lock(NULL, seed.id(104)), lease_finish(seed.lease_of(62), 'withdrawn_by_seller', '', now())" retire \
	"SELECT string_agg(outcome, ' ') FROM leases_use(ARRAY[seed.lease_of(63), seed.lease_of(64)], ARRAY[1, 1], ARRAY[1, 1], ARRAY[1, 1], ARRAY[1, 1], ARRAY[1, 1],
		ARRAY[NULL, NULL]::bytea[], ARRAY[NULL, NULL]::bytea[], ARRAY[NULL, NULL]::bytea[], ARRAY[false, false], ARRAY[1, 1], ARRAY[10, 10], 730, now())" \
	"SELECT lease_finish(seed.lease_of(63), 'withdrawn_by_seller', '', now())"
is "$(answers retire)" '1 over used' "a machine's leases end while their buyers are charged for others: nor here"

# Two who owe and have something again, of whom the later one came to its ledger account first.
as_owner -c "INSERT INTO account (id, email, name, password_hash) SELECT seed.id(n), 'u' || n, 'u' || n, 'x' FROM unnest(ARRAY[31, 30]) n" || bail "no debtors"
for n in 31 30; do
	as_market -c "SELECT image_create(seed.id($n), seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece')), image_piece_add(seed.id($n), seed.hash('image'), 0)" \
		-c "SELECT deposit_create(seed.id($n), seed.id($n), 'paypal', 'created', 50, 0, 50, '', now()), deposit_paid(seed.id($n), 'paypal', 'p$n', 50, '')" \
		-c "SELECT seed.place(90 + $n, $n, 1, 20), deposit_reverse('paypal', 'p$n', 'r$n', 50), order_close(seed.id(90 + $n), 'cancelled', now())" >/dev/null
done
is "$(as_market -c 'SELECT seed.balance(30), seed.balance(31)')" 'available 20, held 0, owed -20|available 20, held 0, owed -20' "two owe, and have something"
behind "SELECT ledger_lock(ledger_account_of(seed.id(31), 'funds'))" debts "SELECT 'collected' FROM debts_collect()" \
	"SELECT 'both' FROM ledger_account WHERE owner = seed.id(30) AND kind = 'funds' FOR NO KEY UPDATE"
is "$(answers debts)" '1 both;1 collected' "their debts are collected while both are wanted: in the order of their ledger accounts"

# Sessions that cross each other's ways for a while: usage, orders, matches, ends, deposits; no deadlock, nothing lost.
as_owner -f /dev/stdin <<'END' || bail "no churn"
CREATE PROCEDURE seed.churn(p_seed integer, INOUT p_done integer DEFAULT 0, INOUT p_failed text DEFAULT '') LANGUAGE plpgsql AS $$
DECLARE
	v_buyer integer;
BEGIN
	PERFORM setseed(p_seed / 100.0);
	FOR i IN 1 .. 150 LOOP
		BEGIN
			v_buyer := CASE WHEN random() < 0.5 THEN 1 ELSE 3 END;
			CASE floor(random() * 6)::int
			WHEN 0 THEN PERFORM seed.place(1000 * p_seed + i, v_buyer, 2, 5);
			WHEN 1 THEN PERFORM seed.fund(v_buyer, 50);
			WHEN 2 THEN
				PERFORM matches_make(array_agg(o.id), array_agg(m.id), array_agg(10::bigint), array_agg(0::bigint),
					array_agg(0::bigint), array_agg(1::bigint), array_agg(64::bigint), array_agg(0::bigint), now())
				FROM (SELECT id FROM cpushare.order WHERE state = 'open' ORDER BY random() LIMIT 3) o, machine m HAVING count(*) > 0;
			WHEN 3 THEN
				PERFORM order_close(id, 'cancelled', now()) FROM
					(SELECT id FROM cpushare.order WHERE state = 'open' ORDER BY random() LIMIT 1) o;
			WHEN 4 THEN
				PERFORM lease_finish(id, 'completed', '', now()) FROM
					(SELECT id FROM lease WHERE state <> 'ended' ORDER BY random() LIMIT 1) l;
			ELSE
				PERFORM lease_set_state(id, 'running', 'any', '', now()), seed.use(id, usage_seq + 1, charged_micro + 3, 10) FROM
					(SELECT * FROM lease WHERE state <> 'ended' ORDER BY random() LIMIT 1) l;
			END CASE;
			p_done := p_done + 1;
		EXCEPTION
			WHEN SQLSTATE 'CS003' OR SQLSTATE 'CS004' OR SQLSTATE 'CS006' THEN NULL; -- another was quicker
			WHEN OTHERS THEN p_failed := p_failed || SQLSTATE || ' ' || SQLERRM || '; ';
		END;
		COMMIT;
	END LOOP;
END $$;
GRANT EXECUTE ON PROCEDURE seed.churn TO cpushare_market;
END
race churn 'CALL seed.churn(1)' 'CALL seed.churn(2)' 'CALL seed.churn(3)' 'CALL seed.churn(4)'
for n in 1 2 3 4; do like "$(<"$WORK/churn.$n")" '^1?[0-9][0-9]\|$' "session $n goes through"; done
as_market -c "SELECT image_create(seed.id(2), seed.hash('image'), 'disc', 4711, 'scsi', seed.hash('piece')), image_piece_add(seed.id(2), seed.hash('image'), 0)" >/dev/null
race_behind "SELECT seed.place(970, 2, 1, 0)" kept "SELECT image_delete(seed.id(2), seed.hash('image'))"
is "$(answers kept)" '1 ERROR:  CS003' "an image that is being ordered is not deleted"
as_market -c "SELECT order_close(seed.id(970), 'cancelled', now())" >/dev/null
race_behind "SELECT image_delete(seed.id(2), seed.hash('image'))" gone "SELECT seed.place(971, 2, 1, 0)"
is "$(answers gone)" '1 ERROR:  CS001' "an image that is being deleted is not ordered"

sound "the ledger is sound after them"
is "$(as_market -c "SELECT count(*) FROM machine m WHERE (SELECT sum(cores) FROM lease WHERE machine_id = m.id AND state <> 'ended')
	> m.cores")" 0 "no machine has more than it offers"
is "$(as_market -c "SELECT sum(credit_micro) = (SELECT sum(balance_micro) FROM ledger_account WHERE kind <> 'external') FROM deposit
	WHERE state = 'credited'")" t "what was paid in is there"
done_testing
