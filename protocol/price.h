/* SPDX-License-Identifier: Apache-2.0
 * price.h - what a lease costs: a function of its cumulative counters
 */
#ifndef PROTOCOL_PRICE_H
#define PROTOCOL_PRICE_H

#include "order.h"

/* Cumulative counters of one lease, already cut to what is possible. */
struct counters {
	uint64_t vcpu_ns, running_us, tx_bytes, rx_bytes;
};

/* Each part rounded once (money_scale), then summed:
 *   per_core_hour * vcpu_ns / 3.6e12  +  per_gib_hour * (memory_mib * running_us) / (1024 * 3.6e9)
 *   + per_gib_transferred * (tx + rx) / 2^30
 * Monotone in every counter, so the charge of a report is the difference of two totals. E_OVERFLOW. */
MUST_CHECK err_t price_total(const struct prices *prices, uint32_t memory_mib, const struct counters *counters, money *ret_total);
/* What all cores busy for window_us would cost, transfers left out: the hold of one place, and the key that asks are sorted by. */
MUST_CHECK err_t price_window(const struct prices *prices, uint32_t cores, uint32_t memory_mib, int64_t window_us,
			      money *ret_cost);
/* The market's part of an amount: amount * basis_points / 10000, rounded once. */
MUST_CHECK err_t price_commission(money amount, uint32_t basis_points, money *ret_commission);
/* No virtual ethernet of ours carries more: 40 Gbit/s each way. */
#define PRICE_BYTES_PER_US 5000U
/* Cuts counters that grew faster than a machine can in elapsed_us, the time since the lease began to run: vcpu_ns to cores *
 * elapsed_us, running_us to elapsed_us, tx_bytes and rx_bytes to PRICE_BYTES_PER_US * elapsed_us, where elapsed_us is given 5 % and
 * 2 s of slack; never below previous. The slack is granted once, not with every report. Returns true where anything was cut. */
bool price_cut(struct counters *counters, const struct counters *previous, uint32_t cores, int64_t elapsed_us);

#endif
