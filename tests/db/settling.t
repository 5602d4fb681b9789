#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# settling.t - leases that are settled together: one posting for those of one order and seller, each lease's part of it named and audited
. "$(dirname "$0")/database.sh"
seed
as_market -c 'SELECT seed.fund(1, 1000)' -c 'SELECT seed.place(50, 1, 3, 100)' >/dev/null || bail "no seed"
for i in 1 2 3; do
	lease[i]=$(as_market -c 'SELECT seed.match(50, 102)') && as_market -c "SELECT lease_set_state('${lease[i]}', 'running', 'kvm', '', now())" >/dev/null
done
# settle SEQ LEASES TOTALS TARGET: their outcomes, and what is charged, the commission of it, and held then
settle() {
	as_market -c "SELECT string_agg(concat_ws(' ', outcome, charged_micro, commission_micro, held_micro), ', ' ORDER BY o.n) FROM (
			SELECT array_agg(id) AS id, array_agg($1::bigint) AS n, array_agg(NULL::bytea) AS none, array_agg(seed.hash('')) AS hash,
			array_agg(false) AS cut, array_agg($4::bigint) AS target FROM unnest('{$2}'::uuid[]) id) c,
		leases_use(c.id, c.n, c.n, c.n, c.n, c.n, c.none, c.none, c.hash, c.cut, '{$3}'::bigint[], c.target, 1000, now())
			WITH ORDINALITY AS o (outcome, charged_micro, commission_micro, held_micro, budget, n)"
}
postings() { as_market -c "SELECT count(*) FROM posting WHERE kind = 'charge'"; }
none=00000000-0000-7000-8000-00000000aaaa
is "$(settle 1 "${lease[1]},${lease[2]}" 30,50 100)" 'used 30 3 100, used 50 5 100' "two leases are charged together"
is "$(as_market -c "SELECT leases, lease_id, earned_micro, commission_micro FROM posting WHERE kind = 'charge'")" \
	"{${lease[1]},${lease[2]}}||{27,45}|{3,5}" "in one posting, which names the part of each"
is "$(as_market -c "SELECT string_agg(amount_micro::text, ' ' ORDER BY leg) FROM entry JOIN posting p ON p.id = posting WHERE kind = 'charge'")" \
	'72 8' "its entries are the sums"
sound "the ledger is sound"
is "$(settle 1 "${lease[1]},$none,${lease[3]}" 90,90,40 100)" 'old 30 3 100, none, used 40 4 100' "each has an outcome of its own"
is "$(as_market -c "SELECT lease_id FROM posting WHERE kind = 'charge' AND leases IS NULL")" "${lease[3]}" "a posting for one lease names it as ever"
is "$(settle 2 "${lease[1]},${lease[2]},${lease[3]}" 30,50,40 400)" 'used 30 3 400, used 50 5 380, used 40 4 100' \
	"what is available fills the holds in their order, as far as it goes"
is "$(as_market -c 'SELECT seed.balance(1)')" 'available 0, held 880' "and no further"
sound "the ledger is sound"
is "$(postings)" 2 "no charge: no posting of that kind"

# What the superuser changes with all triggers off is found; and undone after each look.
wrong() { # SQL
	as_admin -c "BEGIN; SET LOCAL session_replication_role = replica; $1;
		SELECT orders_difference FROM ledger_verify(); ROLLBACK" 2>&1
}
is "$(wrong "UPDATE posting SET earned_micro = '{28,44}' WHERE leases IS NOT NULL AND kind = 'charge'")" 2 "a part moved to another lease is found"
is "$(wrong "UPDATE posting SET earned_micro = '{28,45}' WHERE leases IS NOT NULL AND kind = 'charge'")" 2 "so is one made larger"
is "$(wrong "UPDATE posting SET leases = leases[2:2] || leases[1:1] WHERE leases IS NOT NULL AND kind = 'charge'")" 2 "so are leases changed round"
as_market -c 'SELECT ledger_chain(100)' >/dev/null
is "$(as_admin -c "BEGIN; SET LOCAL session_replication_role = replica; UPDATE posting SET earned_micro = '{28,44}' WHERE leases IS NOT NULL
	AND kind = 'charge'; SELECT fault FROM ledger_chain_faults(10); ROLLBACK")" changed "the chain covers the parts"
like "$(as_owner -c "INSERT INTO posting (id, kind, order_id, leases, earned_micro, commission_micro, at)
	VALUES ('$none', 'charge', seed.id(50), '{${lease[1]},$none}', '{1,1}', '{0,0}', now())" 2>&1)" 'there is no such lease' "every part is of a lease of the order"
is "$(as_owner -c "SELECT indexdef FROM pg_indexes WHERE schemaname = 'cpushare' AND tablename = 'ledger_account' AND indexdef ~ 'balance'")" '' \
	"no index names a balance: each change of one would be an entry in all indexes"
done_testing
