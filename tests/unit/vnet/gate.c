/* SPDX-License-Identifier: Apache-2.0
 * gate.c - rates, cookies, and tables whose keys an outsider chooses
 */
#include <assert.h>
#include "gate.h"
#include "macs.h"
#include "pace.h"
#include "tap.h"

static struct address address_of(const char *text)
{
	struct address a;
	assert(address_parse(text, &a) == OK);
	return a;
}

/* What goes in ten seconds where somebody always has a packet of so many bytes and looks every so many microseconds. */
static int64_t paced(int64_t bytes_s, int64_t packet_bytes, int64_t look_us)
{
	struct pace p = { 0 };
	uint64_t sum = 1000; /* went before there was a bound */
	mono_time now = { 5000000 };
	pace_set(&p, bytes_s, sum);
	for (int64_t end_us = now.us + 10 * SECOND_US; now.us < end_us; now.us += look_us)
		while (sum < 1ULL << 40 && pace_allows(&p, sum, now))
			sum += (uint64_t)packet_bytes;
	return (int64_t)sum - 1000;
}

static void test_pace(void)
{
	static const struct {
		int64_t bytes_s, packet_bytes, look_us, burst_bytes;
	} rows[] = {
		{ 8000, 1464, 1000, PACE_BURST_BYTES },
		{ 125000, 64, 1000, PACE_BURST_BYTES },
		{ 2500000, 66000, 1000, 250000 },
		{ 2500000, 1464, 50000, 250000 },
		{ 125000000, 64, 100, 12500000 },
		{ 125000000, 66000, 10, 12500000 },
		{ 2500000, 100, 10 * SECOND_US / 4, 250000 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t most = rows[i].bytes_s * 10 + rows[i].burst_bytes + rows[i].packet_bytes;
		int64_t went = paced(rows[i].bytes_s, rows[i].packet_bytes, rows[i].look_us);
		ok(went <= most, "%lld of at most %lld bytes went in ten seconds", (long long)went, (long long)most);
		if (rows[i].look_us < 100000) /* less often, and the burst is lost meanwhile */
			ok(went >= rows[i].bytes_s * 10 - rows[i].packet_bytes, "and no less than the rate allows");
	}
	struct pace p = { 0 };
	mono_time now = { 5000000 };
	ok(pace_allows(&p, 1ULL << 50, now) && pace_due_us(&p) == INT64_MAX, "without a bound anything goes");
	pace_set(&p, 1000000, 1ULL << 50);
	ok(pace_allows(&p, 1ULL << 50, now), "what went before a bound is not counted");
	ok(!pace_allows(&p, (1ULL << 50) + PACE_BURST_BYTES + 500, now), "more than the burst is owed");
	is_int(pace_due_us(&p), now.us + 500 + PACE_GRAIN_US, "until the rate has paid it");
	now.us += 501;
	ok(pace_allows(&p, (1ULL << 50) + PACE_BURST_BYTES + 500, now) && pace_due_us(&p) == INT64_MAX, "then more goes");
	ok(!pace_allows(&p, (1ULL << 50) + 2 * PACE_BURST_BYTES, now), "a debt");
	pace_set(&p, 2000000, 1ULL << 51);
	ok(!pace_allows(&p, (1ULL << 50) + 2 * PACE_BURST_BYTES, now), "outlives another rate");
	pace_set(&p, 0, 1ULL << 51);
	ok(pace_allows(&p, 1ULL << 52, now), "and ends with the bound");
}

static void test_bucket(void)
{
	struct bucket b = { 0 };
	mono_time now = { 5000000 };
	int taken = 0;
	for (int i = 0; i < 100; i++)
		taken += bucket_take(&b, 5, 10, now);
	is_int(taken, 10, "a burst");
	taken = 0;
	for (int i = 0; i < 20000; i++, now.us += 100)
		taken += bucket_take(&b, 5, 10, now);
	ok(taken == 10 || taken == 9, "two seconds at the rate, however often asked: %d", taken);
	now.us += 100 * SECOND_US;
	taken = 0;
	for (int i = 0; i < 100; i++)
		taken += bucket_take(&b, 5, 10, now);
	is_int(taken, 10, "never more than the burst");
}

static void test_admission(void)
{
	struct gate g;
	mono_time now = { 9000000 };
	struct address from = address_of("198.51.100.7:5000"), other = address_of("198.51.100.8:5000");
	struct carrier c = { .sender_index = 5, .id = 6 };
	int pass = 0, ask = 0;
	gate_init(&g, now);
	is_int(gate_admit(&g, &from, &c, false, now), GATE_PASS, "a handshake is admitted");
	is_int(gate_admit(&g, &from, &c, true, now), GATE_ASK_COOKIE, "a second one with the same peer must prove its address");
	gate_cookie(&g, &from, &c, now, c.cookie);
	is_int(gate_admit(&g, &from, &c, true, now), GATE_PASS, "it does");
	is_int(gate_admit(&g, &other, &c, true, now), GATE_ASK_COOKIE, "another address cannot use its cookie");
	c.id++;
	is_int(gate_admit(&g, &from, &c, true, now), GATE_ASK_COOKIE, "nor another handshake");
	c.id--;
	now.us += GATE_SECRET_US;
	is_int(gate_admit(&g, &from, &c, true, now), GATE_PASS, "two minutes later it is still good");
	now.us += GATE_SECRET_US;
	is_int(gate_admit(&g, &from, &c, true, now), GATE_ASK_COOKIE, "but not four minutes later");
	now.us += 10 * GATE_SECRET_US;

	memset(c.cookie, 0, sizeof c.cookie);
	for (int i = 0; i < 100; i++) {
		enum gate_verdict v = gate_admit(&g, &from, &c, false, now);
		pass += v == GATE_PASS;
		ask += v == GATE_ASK_COOKIE;
	}
	is_int(pass, GATE_BUSY_RATE, "under load few are admitted");
	is_int(ask, 100 - GATE_BUSY_RATE, "the others are asked for a cookie");
	gate_cookie(&g, &from, &c, now, c.cookie);
	pass = 0;
	for (int i = 0; i < 100; i++)
		pass += gate_admit(&g, &from, &c, false, now) == GATE_PASS;
	is_int(pass, GATE_PREFIX_RATE - GATE_BUSY_RATE, "one origin gets no more than its share even with it");
	pass = 0;
	for (int i = 0; i < 200; i++) {
		char text[32];
		snprintf(text, sizeof text, "203.0.%d.1:5000", i);
		struct address a = address_of(text);
		gate_cookie(&g, &a, &c, now, c.cookie);
		pass += gate_admit(&g, &a, &c, false, now) == GATE_PASS;
	}
	is_int(pass, GATE_RATE - GATE_PREFIX_RATE, "and all together no more than the bound");
}

static void test_map(void)
{
	struct map m = { 0 };
	uint32_t v = 0;
	int wrong = 0;
	ok(!map_get(&m, 1, &v), "empty");
	map_remove(&m, 1);
	for (uint32_t i = 0; i < 5000; i++)
		wrong += map_set(&m, i * 4096ull, i) != OK;
	for (uint32_t i = 0; i < 5000; i += 2)
		map_remove(&m, i * 4096ull);
	for (uint32_t i = 0; i < 5000; i++)
		wrong += map_get(&m, i * 4096ull, &v) != (i % 2 == 1) || (i % 2 == 1 && v != i);
	for (uint32_t i = 0; i < 5000; i++)
		wrong += map_set(&m, i * 4096ull, i + 1) != OK;
	for (uint32_t i = 0; i < 5000; i++)
		wrong += !map_get(&m, i * 4096ull, &v) || v != i + 1;
	is_int(wrong, 0, "5000 keys in, half out, all in again");
	is_int(m.count, 5000, "counted");
	map_clear(&m);
}

static void test_macs(void)
{
	struct macs m = { 0 };
	mono_time now = { 1000000 };
	int owners[100] = { 0 }, learned = 0;
	ok(macs_learn(&m, 77, &owners[0], now) && macs_owner(&m, 77, now) == &owners[0], "a MAC is learned");
	ok(macs_learn(&m, 77, &owners[1], now) && macs_owner(&m, 77, now) == &owners[1], "and moves");
	for (uint64_t i = 0; i < 100; i++)
		for (uint64_t k = 0; k < 100; k++)
			learned += macs_learn(&m, 1000 + i * 100 + k, &owners[i], now);
	is_int(learned, MACS_MAX - 1, "as many as may be, in all");
	now.us += MACS_AGE_US;
	ok(!macs_owner(&m, 77, now), "old ones are unknown");
	learned = 0;
	for (uint64_t k = 0; k < 100; k++)
		learned += macs_learn(&m, 900000 + k, &owners[5], now);
	is_int(learned, MACS_PER_OWNER, "and make room; one owner gets its share");
	macs_clear(&m);
}

int main(void)
{
	test_bucket();
	test_pace();
	test_admission();
	test_map();
	test_macs();
	return done_testing();
}
