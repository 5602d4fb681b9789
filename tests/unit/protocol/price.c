/* SPDX-License-Identifier: Apache-2.0
 * trade_price.c - what counters cost, what is held, the market's part, and how impossible counters are cut
 */
#include "price.h"
#include "clock.h"
#include "tap.h"

#define HOUR_NS (3600ULL * 1000000000ULL)
#define GIB (1ULL << 30)

static const struct prices prices = { { 20000 }, { 4000 }, { 10000 } };

static void test_total(void)
{
	static const struct {
		const char *name;
		uint32_t memory_mib;
		struct counters counters;
		int64_t want;
	} table[] = {
		{ "nothing", 1024, { 0 }, 0 },
		{ "one core hour", 1024, { .vcpu_ns = HOUR_NS }, 20000 },
		{ "one GiB hour", 1024, { .running_us = HOUR_US }, 4000 },
		{ "half a GiB for an hour", 512, { .running_us = HOUR_US }, 2000 },
		{ "one GiB sent", 1024, { .tx_bytes = GIB }, 10000 },
		{ "one GiB, half of it received", 1024, { .tx_bytes = GIB / 2, .rx_bytes = GIB / 2 }, 10000 },
		{ "all three", 2048, { 2 * HOUR_NS, HOUR_US, GIB, GIB }, 40000 + 8000 + 20000 },
		{ "below half a micro", 1024, { .vcpu_ns = HOUR_NS / 40000 - 1 }, 0 },
		{ "half a micro is one", 1024, { .vcpu_ns = HOUR_NS / 40000 }, 1 },
		{ "each part is rounded by itself", 1024, { HOUR_NS / 40000, HOUR_US / 8000, GIB / 20000 + 1, 0 }, 3 },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		money total = { -1 };

		ok(price_total(&prices, table[i].memory_mib, &table[i].counters, &total) == OK, "%s", table[i].name);
		is_int(total.micro, table[i].want, "%s: its cost", table[i].name);
	}
}

static void test_total_refuses(void)
{
	static const struct {
		const char *name;
		uint32_t memory_mib;
		struct counters counters;
	} table[] = {
		{ "memory times time", UINT32_MAX, { .running_us = UINT64_MAX } },
		{ "sum of the bytes", 1, { .tx_bytes = UINT64_MAX, .rx_bytes = 1 } },
		{ "cost of the cores", 1, { .vcpu_ns = UINT64_MAX } },
		{ "cost of the bytes", 1, { .tx_bytes = UINT64_MAX } },
	};
	static const struct prices dear = { { MONEY_MAX_MICRO }, { MONEY_MAX_MICRO }, { MONEY_MAX_MICRO } };
	money total = { -1 };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		is_int(price_total(&dear, table[i].memory_mib, &table[i].counters, &total), E_OVERFLOW, "%s overflows",
		       table[i].name);
		is_int(total.micro, -1, "%s: the result is left alone", table[i].name);
	}
	struct counters each_fits = { .vcpu_ns = HOUR_NS, .tx_bytes = GIB };
	is_int(price_total(&dear, 1, &each_fits, &total), E_OVERFLOW, "a sum of parts that fit may overflow");
}

static uint64_t random_state = 20261121;

static uint64_t random_below(uint64_t bound)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % bound;
}

static void test_total_grows(void)
{
	bool grows = true, differences_add_up = true;

	for (int run = 0; run < 200; run++) {
		struct prices p = { { (int64_t)random_below(100000) },
				    { (int64_t)random_below(100000) },
				    { (int64_t)random_below(100000) } };
		struct counters c = { 0 };
		int64_t charged = 0, before = 0;

		for (int report = 0; report < 50; report++) {
			money total = { 0 };

			c.vcpu_ns += random_below(2000000000);
			c.running_us += random_below(2000000);
			c.tx_bytes += random_below(1 << 20);
			c.rx_bytes += random_below(1 << 20);
			if (price_total(&p, 777, &c, &total) != OK)
				grows = false;
			grows &= total.micro >= before;
			charged += total.micro - before;
			before = total.micro;
		}
		differences_add_up &= charged == before;
	}
	ok(grows, "the total never falls while counters grow");
	ok(differences_add_up, "what reports are charged adds up to the total");
}

static void test_window(void)
{
	static const struct {
		uint32_t cores, memory_mib;
		int64_t window_us, want;
	} table[] = {
		{ 1, 1024, HOUR_US, 24000 },	  { 2, 1024, HOUR_US, 44000 }, { 2, 2048, HOUR_US / 2, 24000 },
		{ 1, 1024, 15 * SECOND_US, 100 }, { 1, 1024, 0, 0 },
	};
	static const struct prices dear = { { MONEY_MAX_MICRO }, { 0 }, { 0 } };
	money cost = { -1 };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		ok(price_window(&prices, table[i].cores, table[i].memory_mib, table[i].window_us, &cost) == OK, "window %zu", i);
		is_int(cost.micro, table[i].want, "window %zu: its cost", i);
	}
	is_int(price_window(&prices, 1, 1, -1, &cost), E_INVALID, "a window cannot be negative");
	is_int(price_window(&dear, 2, 1, HOUR_US, &cost), E_OVERFLOW, "a cost beyond what money holds");
	is_int(price_window(&prices, UINT32_MAX, 1, INT64_MAX, &cost), E_OVERFLOW, "a product beyond 64 bits");
}

static void test_commission(void)
{
	static const struct {
		int64_t amount;
		uint32_t basis_points;
		int64_t want;
	} table[] = {
		{ 1000000, 500, 50000 },
		{ 1000000, 0, 0 },
		{ 1000000, 10000, 1000000 },
		{ 9, 500, 0 },
		{ 10, 500, 1 },
		{ 0, 500, 0 },
		{ MONEY_MAX_MICRO, 10000, MONEY_MAX_MICRO },
	};
	money part = { -1 };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		ok(price_commission((money){ table[i].amount }, table[i].basis_points, &part) == OK, "commission %zu", i);
		is_int(part.micro, table[i].want, "commission %zu: its amount", i);
	}
	is_int(price_commission((money){ -1 }, 500, &part), E_INVALID, "no commission of a negative amount");
	is_int(price_commission((money){ 1 }, 10001, &part), E_INVALID, "no commission above the amount");
}

static void test_cut(void)
{
	/* 100 s with 5 % and 2 s: 107 s are possible. */
	static const struct {
		const char *name;
		struct counters previous, counters, want;
	} table[] = {
		{ "what is possible", { 0 }, { 2 * 107000000000, 107000000, 5, 6 }, { 2 * 107000000000, 107000000, 5, 6 } },
		{ "too much CPU time", { 0 }, { 2 * 107000000000 + 1, 1, 0, 0 }, { 2 * 107000000000, 1, 0, 0 } },
		{ "too long", { 0 }, { 1, 107000001, 0, 0 }, { 1, 107000000, 0, 0 } },
		{ "too many bytes", { 0 }, { 0, 0, UINT64_MAX, UINT64_MAX }, { 0, 0, 107000000ULL * 5000, 107000000ULL * 5000 } },
		{ "back in time", { 7, 7, 7, 7 }, { 6, 8, 6, 8 }, { 7, 8, 7, 8 } },
		{ "previous wins",
		  { 2 * 107000000000 + 5, 107000009, 0, 0 },
		  { UINT64_MAX, UINT64_MAX, 0, 0 },
		  { 2 * 107000000000 + 5, 107000009, 0, 0 } },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct counters c = table[i].counters;
		bool cut = price_cut(&c, &table[i].previous, 2, 100 * SECOND_US);

		ok(!memcmp(&c, &table[i].want, sizeof c), "%s: %llu ns, %llu us", table[i].name, (unsigned long long)c.vcpu_ns,
		   (unsigned long long)c.running_us);
		ok(cut == !!memcmp(&c, &table[i].counters, sizeof c), "%s: said so", table[i].name);
	}
	struct counters most = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, zero = { 0 };
	ok(price_cut(&most, &zero, UINT32_MAX, INT64_MAX), "the longest time does not overflow");
	ok(most.running_us == 9684540638699514597ULL && most.vcpu_ns == UINT64_MAX, "and cuts what it should");
	most = (struct counters){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	ok(price_cut(&most, &zero, 1, INT64_MIN) && most.running_us == 2 * SECOND_US, "a clock that went back leaves the slack");
}

int main(void)
{
	test_total();
	test_total_refuses();
	test_total_grows();
	test_window();
	test_commission();
	test_cut();
	return done_testing();
}
