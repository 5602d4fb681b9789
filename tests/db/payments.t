#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# payments.t - what providers tell, in every order: credited once, taken back once, a debt that stops orders and payouts
. "$(dirname "$0")/database.sh"
seed
market() { as_market -c "$1"; }
# Deposit N of 1000, of which the market keeps 100, and its payment "pay-N".
deposit() { market "SELECT deposit_create(seed.id($1), seed.id(1), 'paypal', 'created', 1000, 100, 900, '', now())" >/dev/null; }
paid() { market "SELECT deposit_paid(seed.id($1), 'paypal', 'pay-${2:-$1}', ${3:-1000}, '')"; }
reverse() { market "SELECT deposit_reverse('paypal', 'pay-$1', '$2', $3)" >/dev/null; }
money() { # available held owed of the user, commission and external of the market
	as_owner -c "SELECT string_agg(CASE kind WHEN 'funds' THEN 'available ' || balance_micro - held_micro || CASE WHEN held_micro > 0 THEN ', held ' || held_micro
		ELSE '' END ELSE kind || ' ' || balance_micro END, ', ' ORDER BY owner NULLS LAST, kind) FROM ledger_account
		WHERE (owner = seed.id(1) OR owner IS NULL) AND (balance_micro <> 0 OR kind = 'funds')"
}

deposit 11
is "$(paid 11)" credited "a payment is credited"
is "$(paid 11)" repeated "once"
is "$(paid 11 x)" second "another one of the same deposit is not"
deposit 12
is "$(paid 12 12 999)" mismatch "nor one of another amount"
is "$(money)" "available 900, commission 100, external -1000" "the books"
refused 23505 "SELECT deposit_paid(seed.id(12), 'paypal', 'pay-11', 1000, '')" "a payment that was credited elsewhere is refused"
refused CS001 "SELECT deposit_paid(seed.id(12), 'stripe', 'pay-12', 1000, '')" "so is one of another provider"
market "SELECT deposit_lost(seed.id(12), 'paypal', 'late')" >/dev/null
is "$(paid 12)" credited "what was given up is credited when it comes after all"
market "SELECT deposit_lost(seed.id(12), 'paypal', 'late')" >/dev/null
is "$(as_owner -c "SELECT state FROM deposit WHERE id = seed.id(12)")" credited "and is not lost by word of mouth"
sound "after deposits"

reverse 11 ref-1 500
reverse 11 ref-1 500
reverse 11 ref-1 400
is "$(money)" "available 1350, commission 150, external -1500" "a refund counts once, and takes the market's part of it"
reverse 11 ref-2 9000
is "$(money)" "available 900, commission 100, external -1000" "all refunds together take no more than was paid"
reverse 13 early 300
deposit 13
paid 13 >/dev/null
is "$(money)" "available 1530, commission 170, external -1700" "a refund that comes before its payment counts"
sound "after refunds"

market "SELECT seed.place(50, 1, 1, 1500)" >/dev/null
reverse 12 dispute 1000
is "$(money)" "available 0, held 1500, owed -870, commission 70, external -700" "what was spent is owed; what is held stays"
sound "with a debt"
refused CS004 "SELECT seed.place(51, 1, 1, 0)" "who owes places no order, not even for nothing"
refused CS004 "SELECT payout_create(seed.id(60), seed.id(1), 'manual', 'x', 10, 1, 9, false, false, now())" "and takes nothing out"
market "SELECT order_close(seed.id(50), 'cancelled', now())" >/dev/null
market "SELECT debts_collect()" >/dev/null
is "$(money)" "available 630, commission 70, external -700" "what is free again makes it good"
ok "and orders are taken" market "SELECT seed.place(51, 1, 1, 30)"
sound "without it"

market "SELECT payout_create(seed.id(61), seed.id(1), 'paypal', 'x', 200, 20, 180, false, true, now())" >/dev/null
refused CS003 "SELECT payout_sent(seed.id(61), 'b', now())" "nobody has approved it: it cannot be sent"
refused CS003 "SELECT payout_paid(seed.id(61), now())" "nor paid"
is "$(market "SELECT count(*) FROM payout_due(now() + interval '1 day', 1, 10)")" 0 "nor is it due"
market "SELECT payout_approve(seed.id(61), NULL, true, now())" >/dev/null
refused CS003 "SELECT payout_approve(seed.id(61), NULL, true, now())" "it is approved once"
is "$(market "SELECT payout_paid(seed.id(61), now())") $(market "SELECT payout_paid(seed.id(61), now())")" "paid repeated" "paid once"
is "$(money)" "available 400, held 30, commission 90, external -520" "the market's part is its own then"
is "$(market "SELECT payout_fail(seed.id(61), 'back', now())") $(market "SELECT payout_fail(seed.id(61), 'back', now())")" "failed repeated" \
	"sent back afterwards: once"
is "$(money) $(market "SELECT payout_paid(seed.id(61), now())")" "available 580, held 30, commission 90, external -700 returned" "less the market's part"
market "SELECT payout_create(seed.id(62), seed.id(1), 'paypal', 'x', 200, 20, 180, true, true, now())" >/dev/null
is "$(market "SELECT payouts_micro, payouts_difference_micro FROM payouts_verify()")" "200|0" "what is under way adds up"
sound "with a payout under way"

# Sessions that meet: a refund that is under way is waited for by its payment, which cannot see it yet.
deposit 14
as_market -c "BEGIN" -c "SELECT deposit_reverse('paypal', 'pay-14', 'r-1', 100)" -c "SELECT pg_sleep(1)" -c "COMMIT" >/dev/null &
TAKER=$!
under_way() { [ "$(as_admin -c "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(1)'")" = 1 ]; }
within 20 under_way
paid 14 >/dev/null
wait $TAKER
is "$(as_owner -c "SELECT state || ' ' || reversed_micro FROM deposit WHERE id = seed.id(14)")" "credited 100" "a refund and its payment at one time"
sound "after the meeting"
done_testing
