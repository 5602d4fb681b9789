/* SPDX-License-Identifier: Apache-2.0
 * trade_constraints.c - each thing that an order or an offer may ask for keeps away whom it should, for its rule's reason, and nobody else
 *
 * Each line is tried on four pairs: an ask that lacks something or does not, and a bid that wants it or does not. Only the bid that wants
 * and the ask that lacks must not meet: in what is matched, in what is explained to the order, and in what is explained to the offer.
 */
#include "book.h"
#include "tap.h"

static const uuid one = { { 1 } }, other = { { 2 } };

/* What it has is just enough for the bids that want it. */
static struct ask good_ask(void)
{
	return (struct ask){ .machine = one,
			     .seller = one,
			     .accel = ACCEL_KVM,
			     .vendor = CPU_AMD,
			     .country = "DE",
			     .score = 400,
			     .rating_ppm = 500000,
			     .ratings = 7,
			     .up_kbit_s = 1000,
			     .down_kbit_s = 2000,
			     .rtt_ms = { 500, 500, 500, 20, 500, 500, 500, 500 },
			     .direct = true,
			     .trusted = true,
			     .display = true,
			     .prices = { { 100 }, { 16 }, { 10 } },
			     .cores_free = 2,
			     .memory_free_mib = 2048,
			     .scratch_free_mib = 10,
			     .image_mib = 4,
			     .min_buyer_rating_ppm = 300000,
			     .min_duration_s = 1800,
			     .max_duration_s = 7200 };
}

static struct bid plain_bid(void)
{
	return (struct bid){ .order = one,
			     .buyer = one,
			     .buyer_rating_ppm = 900000,
			     .places = 1,
			     .cores = 1,
			     .memory_mib = 64,
			     .max_prices = { { 1000 }, { 1000 }, { 1000 } },
			     .duration_s = 3600 };
}

static bool put(struct book *book, const struct ask *ask, const struct bid *bid)
{
	return (!ask || book_put_ask(book, ask, &(bool){ false }) == OK) && (!bid || book_put_bid(book, bid) == OK);
}

/* Whether just so many of two were taken away, by this rule and no other. */
static bool told(const struct explanation *e, enum rule rule, size_t removed)
{
	size_t all = 0;
	for (int i = 0; i < RULE_COUNT; i++)
		all += e->removed[i];
	return e->considered == 2 && e->removed[rule] == removed && all == removed && e->left == 2 - removed;
}

static void explained(const char *name, enum rule rule, const struct ask *lacks, const struct bid *wants)
{
	struct book *book = NULL;
	struct bid plain = plain_bid();
	struct ask good = good_ask();
	struct explanation e;
	bool fine = book_new(&book) == OK && put(book, &good, &plain) && put(book, lacks, wants);
	book_explain(book, &plain, &e);
	fine &= told(&e, rule, 0);
	book_explain(book, wants, &e);
	ok(fine && told(&e, rule, 1), "%s: the order is told of one of two asks, by rule %s", name, rule_names[rule]);
	book_explain_ask(book, &good, &e);
	fine = told(&e, rule, 0);
	book_explain_ask(book, lacks, &e);
	ok(fine && told(&e, rule, 1), "%s: the offer is told of one of two bids", name);
	book_free(book);
}

/* Of both asks, or of the lacking one alone: which does the bid get? */
static uuid given(const struct bid *bid, const struct ask *good, const struct ask *lacks)
{
	struct book *book = NULL;
	struct match m = { 0 };
	if (book_new(&book) != OK || !put(book, lacks, bid) || !put(book, good, NULL) || book_match(book, &m, 1) > 1)
		return (uuid){ { 9 } };
	book_free(book);
	return m.machine;
}

static void tried(const char *name, enum rule rule, struct ask lacks, struct bid wants)
{
	struct ask good = good_ask();
	struct bid plain = plain_bid();
	lacks.machine = other;
	wants.order = other;
	explained(name, rule, &lacks, &wants);
	ok(uuid_equal(given(&wants, &good, &lacks), one) && uuid_is_zero(given(&wants, NULL, &lacks)),
	   "%s: the bid gets the other ask or none", name);
	ok(uuid_equal(given(&plain, NULL, &lacks), other), "%s: who does not want it gets that ask", name);
}

#define LINE(name, rule, wants, lacks)                                          \
	do {                                                                    \
		struct ask a = good_ask();                                      \
		struct bid b = plain_bid();                                     \
		struct constraints *c __attribute__((unused)) = &b.constraints; \
		wants;                                                          \
		lacks;                                                          \
		tried(name, rule, a, b);                                        \
	} while (0)

static void test_machine(void)
{
	LINE("KVM", RULE_ACCEL, c->accel = ACCEL_KVM, a.accel = ACCEL_TCG);
	LINE("AMD", RULE_VENDOR, c->cpu_vendor = CPU_AMD, a.vendor = CPU_INTEL);
	LINE("AMD, where it is not known", RULE_VENDOR, c->cpu_vendor = CPU_AMD, a.vendor = CPU_ANY);
	LINE("a score", RULE_SCORE, c->min_score = 400, a.score = 399);
	LINE("cores", RULE_CORES, b.cores = 2, a.cores_free = 1);
	LINE("memory", RULE_MEMORY, b.memory_mib = 2048, a.memory_free_mib = 2047);
	LINE("a scratch disk", RULE_SCRATCH, c->scratch_mib = 10, a.scratch_free_mib = 9);
	LINE("a display", RULE_DISPLAY, c->display = DISPLAY_VGA, a.display = false);
	LINE("room for the image", RULE_IMAGE, b.image_mib = 4, a.image_mib = 3);
	LINE("no failure at the image", RULE_IMAGE, b.image = 77, a.image_failed = 77);
	LINE("proof", RULE_TRUSTED, c->trusted = TRUSTED_REQUIRE, a.trusted = false);
}

static void test_place(void)
{
	LINE("one of two countries", RULE_COUNTRY, (c->country_count = 2, memcpy(c->countries, "FR\0DE", 2 * COUNTRY_SIZE)),
	     memcpy(a.country, "US", COUNTRY_SIZE));
	LINE("a country, where it is not known", RULE_COUNTRY, (c->country_count = 1, memcpy(c->countries, "DE", COUNTRY_SIZE)),
	     a.country[0] = 0);
	LINE("none of two countries", RULE_COUNTRY,
	     (c->country_not_count = 2, memcpy(c->countries_not, "FR\0US", 2 * COUNTRY_SIZE)),
	     memcpy(a.country, "US", COUNTRY_SIZE));
	LINE("a round trip", RULE_RTT, (b.region = 3, c->max_rtt_ms = 20), a.rtt_ms[3] = 21);
	LINE("a round trip that nobody measured", RULE_RTT, (b.region = 3, c->max_rtt_ms = 20), a.rtt_ms[3] = 0);
	LINE("a round trip to another region", RULE_RTT, (b.region = 3, c->max_rtt_ms = 20), (a.rtt_ms[3] = 21, a.rtt_ms[2] = 1));
	LINE("a line up", RULE_BANDWIDTH, c->min_up_kbit_s = 1000, a.up_kbit_s = 999);
	LINE("a line down", RULE_BANDWIDTH, c->min_down_kbit_s = 2000, a.down_kbit_s = 1999);
	LINE("a line that is not known", RULE_BANDWIDTH, c->min_up_kbit_s = 1, a.up_kbit_s = 0);
	LINE("direct UDP", RULE_DIRECT, c->direct = true, a.direct = false);
}

static void test_people(void)
{
	static const struct taken at_other = { .seller = { { 2 } }, .country = "PL", .vendor = CPU_OTHER };
	static const struct taken in_us = { .seller = { { 3 } }, .country = "US", .vendor = CPU_OTHER };
	static const struct taken on_intel = { .seller = { { 3 } }, .country = "PL", .vendor = CPU_INTEL };
	LINE("a seller's rating", RULE_RATING, c->min_rating_ppm = 500000, a.rating_ppm = 499999);
	LINE("a number of ratings", RULE_RATING, c->min_ratings = 7, a.ratings = 6);
	LINE("a blocked seller", RULE_BLOCKED, (c->blocked_count = 2, c->blocked[1] = other), a.seller = other);
	LINE("a buyer's rating", RULE_BUYER_RATING, b.buyer_rating_ppm = 300000, a.min_buyer_rating_ppm = 300001);
	LINE("a blocked buyer", RULE_BLOCKED, b.buyer = other, (a.blocked = &other, a.blocked_count = 1));
	LINE("another seller", RULE_DISTINCT, (c->distinct_sellers = true, b.taken = &at_other, b.taken_count = 1),
	     a.seller = other);
	LINE("another country", RULE_DISTINCT, (c->distinct_countries = true, b.taken = &in_us, b.taken_count = 1),
	     memcpy(a.country, "US", COUNTRY_SIZE));
	LINE("another vendor", RULE_DISTINCT, (c->distinct_cpu_vendors = true, b.taken = &on_intel, b.taken_count = 1),
	     a.vendor = CPU_INTEL);
}

static void test_terms(void)
{
	LINE("at least so long", RULE_DURATION, b.duration_s = 1800, a.min_duration_s = 1801);
	LINE("at most so long", RULE_DURATION, b.duration_s = 7200, a.max_duration_s = 7199);
	LINE("a core's price", RULE_PRICE, b.max_prices.per_core_hour.micro = 100, a.prices.per_core_hour.micro = 101);
	LINE("memory's price", RULE_PRICE, b.max_prices.per_gib_hour.micro = 16, a.prices.per_gib_hour.micro = 17);
	LINE("a transfer's price", RULE_PRICE, b.max_prices.per_gib_transferred.micro = 10,
	     a.prices.per_gib_transferred.micro = 11);
	LINE("one price for all", RULE_PRICE, b.max_hour.micro = 101, a.prices.per_core_hour.micro = 101); /* 64 MiB are 1 */
}

int main(void)
{
	test_machine();
	test_place();
	test_people();
	test_terms();
	return done_testing();
}
