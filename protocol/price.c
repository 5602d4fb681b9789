/* SPDX-License-Identifier: Apache-2.0
 * price.c - what a lease costs: a function of its cumulative counters
 */
#include "price.h"

#include "clock.h"

#define NS_PER_US 1000ULL
#define MIB_PER_GIB 1024ULL
#define GIB_BYTES (1ULL << 30)
#define BASIS_POINTS 10000U

typedef unsigned __int128 wide;

static err_t sum_of_parts(money a, money b, money c, money *ret_sum)
{
	money sum;

	TRY(money_add(a, b, &sum));
	return money_add(sum, c, ret_sum);
}

err_t price_total(const struct prices *prices, uint32_t memory_mib, const struct counters *counters, money *ret_total)
{
	uint64_t mib_us, bytes;
	money cpu, memory, transfer;

	if (__builtin_mul_overflow((uint64_t)memory_mib, counters->running_us, &mib_us) ||
	    __builtin_add_overflow(counters->tx_bytes, counters->rx_bytes, &bytes))
		return E_OVERFLOW;
	TRY(money_scale(prices->per_core_hour, counters->vcpu_ns, HOUR_US * NS_PER_US, &cpu));
	TRY(money_scale(prices->per_gib_hour, mib_us, HOUR_US * MIB_PER_GIB, &memory));
	TRY(money_scale(prices->per_gib_transferred, bytes, GIB_BYTES, &transfer));
	return sum_of_parts(cpu, memory, transfer, ret_total);
}

err_t price_window(const struct prices *prices, uint32_t cores, uint32_t memory_mib, int64_t window_us, money *ret_cost)
{
	uint64_t core_us, mib_us;
	money cpu, memory;

	if (window_us < 0)
		return E_INVALID;
	if (__builtin_mul_overflow((uint64_t)cores, (uint64_t)window_us, &core_us) ||
	    __builtin_mul_overflow((uint64_t)memory_mib, (uint64_t)window_us, &mib_us))
		return E_OVERFLOW;
	TRY(money_scale(prices->per_core_hour, core_us, HOUR_US, &cpu));
	TRY(money_scale(prices->per_gib_hour, mib_us, HOUR_US * MIB_PER_GIB, &memory));
	return money_add(cpu, memory, ret_cost);
}

err_t price_commission(money amount, uint32_t basis_points, money *ret_commission)
{
	if (amount.micro < 0 || basis_points > BASIS_POINTS)
		return E_INVALID;
	return money_scale(amount, basis_points, BASIS_POINTS, ret_commission);
}

/* Puts *counter into previous .. max, where previous wins. True where it was not there. */
static bool cut(uint64_t *counter, uint64_t previous, wide max)
{
	uint64_t before = *counter;

	if (*counter > max)
		*counter = (uint64_t)max;
	if (*counter < previous)
		*counter = previous;
	return *counter != before;
}

bool price_cut(struct counters *counters, const struct counters *previous, uint32_t cores, int64_t elapsed_us)
{
	/* At most 2^64 us, so that no product below leaves 128 bits. */
	wide elapsed = elapsed_us > 0 ? (wide)elapsed_us : 0;
	wide possible_us = elapsed + elapsed / 20 + 2 * SECOND_US;
	bool any = false;

	any |= cut(&counters->vcpu_ns, previous->vcpu_ns, possible_us * cores * NS_PER_US);
	any |= cut(&counters->running_us, previous->running_us, possible_us);
	any |= cut(&counters->tx_bytes, previous->tx_bytes, possible_us * PRICE_BYTES_PER_US);
	any |= cut(&counters->rx_bytes, previous->rx_bytes, possible_us * PRICE_BYTES_PER_US);
	return any;
}
