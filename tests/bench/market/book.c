/* SPDX-License-Identifier: Apache-2.0
 * book.c - how many orders a second the book places among a million offers, beside looking at each offer
 *
 * How it works: both see the same offers and the same orders. Typical orders (1 to 8 places, mild wishes) nearly all fill; each is put,
 * matched and taken out again, its capacity stays taken, and after each a random machine reports anew (a new price, or capacity
 * that is free again), so the book is updated as often as it is asked. Hopeless orders have wishes that some machines fulfil each
 * and none all. The naive scan compares every offer by the same rules and keeps the cheapest. Turns alternate; medians of ROUNDS.
 */
#include <stdio.h>
#include <stdlib.h>
#include "book.h"
#include "clock.h"
#include "rule.h"

#define ROUNDS 5
#define NAIVE_ORDERS 4
#define BOOK_ORDERS 20000
#define HOPELESS_ORDERS 2000

static uint64_t random_state = 99;
static size_t offers = 1000000;
static struct ask *asks;

static uint32_t below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(((random_state >> 32) * bound) >> 32);
}

static uuid id_of(uint64_t n)
{
	uuid id = { { 1 } };

	for (int i = 0; i < 8; i++)
		id.bytes[15 - i] = (uint8_t)(n >> 8 * i);
	return id;
}

static void random_offer(struct ask *a, size_t n)
{
	static const char countries[][COUNTRY_SIZE] = { "DE", "FR", "US", "PL", "GB", "NL", "SE", "JP", "BR", "IN" };
	uint32_t cores = 1U << below(6);

	*a = (struct ask){ .machine = id_of(n), .seller = id_of(n / 2), .accel = below(10) ? ACCEL_KVM : ACCEL_TCG };
	a->vendor = below(2) ? CPU_INTEL : CPU_AMD;
	memcpy(a->country, countries[below(10)], COUNTRY_SIZE);
	a->direct = below(3) != 0;
	a->trusted = below(20) == 0;
	/* Better machines cost more, as they do. */
	a->score = 100 + below(2000);
	a->rating_ppm = below(1000000);
	a->ratings = below(300);
	a->up_kbit_s = 1000 * (1 + below(100));
	a->down_kbit_s = 4 * a->up_kbit_s;
	a->prices.per_core_hour.micro = 1000 + a->score * 4 + below(10000);
	a->prices.per_gib_hour.micro = 100 + below(500);
	a->prices.per_gib_transferred.micro = below(10000);
	a->cores_free = cores;
	a->memory_free_mib = cores * 1024U * (1 + below(4));
}

static struct bid order_of(uint64_t n, bool hopeless)
{
	struct bid b = { .order = id_of((1ULL << 40) + n), .buyer = id_of(1ULL << 41), .duration_s = 3600 };

	b.places = 1 + below(8);
	b.cores = 1U << below(4);
	b.memory_mib = b.cores * 1024;
	b.max_prices = (struct prices){ { 1000000 }, { 100000 }, { 10000 } };
	b.constraints.min_score = below(1500);
	b.constraints.min_rating_ppm = below(900000);
	if (below(2))
		b.constraints.min_up_kbit_s = 1000 * below(80);
	if (!below(3)) {
		b.constraints.country_count = 2;
		memcpy(b.constraints.countries[0], "DE", COUNTRY_SIZE);
		memcpy(b.constraints.countries[1], "NL", COUNTRY_SIZE);
	}
	if (hopeless) {
		b.constraints.min_score = 2000;
		b.constraints.min_rating_ppm = 950000;
		b.constraints.min_up_kbit_s = 90000;
		b.constraints.trusted = TRUSTED_REQUIRE;
		b.constraints.direct = true;
		b.constraints.accel = ACCEL_KVM;
		b.constraints.cpu_vendor = CPU_AMD;
		b.cores = 32;
		b.memory_mib = 131072;
	}
	return b;
}

/* The cheapest places of the order, by comparing every offer. Returns how many there are. */
static size_t naive_scan(const struct bid *bid)
{
	struct {
		hour_cost cost;
		size_t ask;
	} best[8];
	size_t count = 0;

	for (size_t i = 0; i < offers; i++) {
		if (rule_against(bid, &asks[i]) != RULE_COUNT)
			continue;
		hour_cost cost = rule_hour_cost(&asks[i].prices, bid->cores, bid->memory_mib);
		size_t at = count;

		if (count == bid->places && cost >= best[count - 1].cost)
			continue;
		if (count < bid->places)
			count++;
		else
			at--;
		for (; at > 0 && cost < best[at - 1].cost; at--)
			best[at] = best[at - 1];
		best[at].cost = cost;
		best[at].ask = i;
	}
	return count;
}

static double per_second(mono_time begun, size_t done)
{
	return (double)done * SECOND_US / (double)(clock_mono().us - begun.us);
}

static double measure_naive(bool hopeless)
{
	mono_time begun = clock_mono();
	size_t found = 0;

	for (uint64_t n = 0; n < NAIVE_ORDERS; n++) {
		struct bid bid = order_of(n, hopeless);

		found += naive_scan(&bid);
	}
	if (hopeless && found)
		fprintf(stderr, "book: %zu places for hopeless orders\n", found);
	return per_second(begun, NAIVE_ORDERS);
}

static void report_anew(struct book *book)
{
	size_t n = below((uint32_t)offers);
	struct ask ask = asks[n];

	if (below(2))
		ask.prices.per_core_hour.micro += below(2000);
	if (book_put_ask(book, &ask, &(bool){ false }) != OK)
		abort();
}

static double measure_book(struct book *book, bool hopeless, size_t orders, size_t *ret_filled)
{
	struct match matches[BOOK_PLACES];
	mono_time begun = clock_mono();

	for (uint64_t n = 0; n < orders; n++) {
		struct bid bid = order_of(n, hopeless);

		if (book_put_bid(book, &bid) != OK)
			abort();
		*ret_filled += book_match(book, matches, BOOK_PLACES) == bid.places;
		book_remove_bid(book, bid.order);
		report_anew(book);
	}
	return per_second(begun, orders);
}

static double measure_reports(struct book *book)
{
	mono_time begun = clock_mono();

	for (int i = 0; i < 200000; i++)
		report_anew(book);
	return per_second(begun, 200000);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, compare);
	return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	double naive[2][ROUNDS], ours[2][ROUNDS], reports[ROUNDS];
	size_t filled = 0, hopeless = 0;
	struct book *book = NULL;

	if (argc > 1)
		offers = strtoul(argv[1], NULL, 10);
	asks = calloc(offers, sizeof *asks);
	if (!asks || book_new(&book) != OK)
		return 1;
	mono_time begun = clock_mono();
	for (size_t n = 0; n < offers; n++) {
		random_offer(&asks[n], n);
		if (book_put_ask(book, &asks[n], &(bool){ false }) != OK)
			return 1;
	}
	printf("a book of %zu offers is built in %.2f s\n", offers, (double)(clock_mono().us - begun.us) / SECOND_US);
	for (int round = 0; round < ROUNDS; round++) {
		naive[0][round] = measure_naive(false);
		ours[0][round] = measure_book(book, false, BOOK_ORDERS, &filled);
		naive[1][round] = measure_naive(true);
		ours[1][round] = measure_book(book, true, HOPELESS_ORDERS, &hopeless);
		reports[round] = measure_reports(book);
	}
	printf("%.1f %% of the typical orders filled, %zu of the hopeless ones\n",
	       100.0 * (double)filled / (BOOK_ORDERS * ROUNDS), hopeless);
	double typical = median(naive[0]), none = median(naive[1]);
	printf("book, typical orders with an update each: %.0f orders/s (ratio %.0f to the naive scan, same run)\n",
	       median(ours[0]), median(ours[0]) / typical);
	printf("book, orders that nothing fits with an update each: %.0f orders/s (ratio %.0f to the naive scan, same run)\n",
	       median(ours[1]), median(ours[1]) / none);
	printf("book, offers changed: %.0f offers/s (ratio %.0f to the naive scan's orders, same run)\n", median(reports),
	       median(reports) / typical);
	book_free(book);
	free(asks);
	return 0;
}
