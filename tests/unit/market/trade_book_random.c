/* SPDX-License-Identifier: Apache-2.0
 * trade_book_random.c - the book against a naive matcher, over many small random books
 *
 * How it works: both are given the same random asks, bids, changes, removals, refusals and rounds. The naive one keeps plain
 * arrays and looks at every ask for every place; whatever the book remembers to be quicker must not show. After each round the
 * matches must be the same, in the same order, and so must every ask's capacity and every bid's places. Beside that a tally of
 * its own checks that no capacity is given out twice and no place is filled twice. SEED=n BOOKS=n choose others (make books).
 */
#include <stdlib.h>
#include "book.h"
#include "clock.h"
#include "price.h"
#include "tap.h"

#define THINGS 9 /* asks, and bids, at most */
#define BOOKS 30000
#define STEPS 40
#define ROUND_MAX 64 /* above all places of all bids */

struct naive {
	struct {
		bool there;
		uint64_t since;
		struct ask a;
		uint32_t cores_put, cores_out;	      /* since it was put: what it had, and what is matched of it */
		uint32_t cores_kept, memory_kept_mib; /* of one on trial that has a match */
	} asks[THINGS];
	struct {
		bool there;
		uint64_t since;
		struct bid b;
		struct taken taken[64];
		uint32_t places_put, places_out;
	} bids[THINGS];
	uint64_t now;
};

static uint64_t random_state = 1;
static uint64_t match_total, return_total;

static uint32_t below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % bound;
}

/* Scrambled, so that the order of ids is not the order of time. */
static uuid id_of(unsigned int n)
{
	return (uuid){ { (uint8_t)(n * 37 + 11), [15] = (uint8_t)n } };
}

static struct prices random_prices(uint32_t bound)
{
	return (struct prices){ { below(bound) }, { below(bound) }, { below(2) } };
}

static uuid buyers[3];

static struct ask random_ask(unsigned int n)
{
	static const char *const countries[] = { "DE", "FR", "" };
	struct ask ask = { .machine = id_of(n), .seller = id_of(n % 3), .accel = below(3) ? ACCEL_KVM : ACCEL_TCG };

	snprintf(ask.country, sizeof ask.country, "%s", countries[below(3)]);
	ask.score = 100 * below(3);
	ask.rating_ppm = 300000 * below(3);
	ask.prices = random_prices(4);
	ask.cores_free = below(7);
	ask.memory_free_mib = 512 * below(12);
	ask.max_duration_s = below(3) ? 0 : 1000;
	ask.min_duration_s = below(4) ? 0 : 1000;
	ask.vendor = (enum cpu_vendor)below(CPU_VENDOR_COUNT);
	ask.direct = below(2);
	ask.trusted = below(2);
	ask.ratings = below(4);
	ask.up_kbit_s = 1000 * below(4);
	ask.down_kbit_s = 5000 * below(4);
	ask.rtt_ms[1] = (uint16_t)(10 * below(4));
	ask.min_buyer_rating_ppm = below(4) ? 0 : 400000;
	ask.scratch_free_mib = 10 * below(5);
	ask.display = below(2);
	ask.image_mib = 1 + below(3);
	ask.image_failed = below(6) ? 0 : 1 + below(2);
	ask.trial = !below(6);
	if (!below(4)) {
		ask.blocked_count = 1;
		ask.blocked = &buyers[below(3)];
	}
	return ask;
}

/* Few a bid, or nothing would fit. */
static void random_wishes(struct bid *bid)
{
	struct constraints *c = &bid->constraints;

	bid->buyer_rating_ppm = 300000 * below(3);
	bid->max_hour.micro = below(4) ? 0 : 1 + below(12);
	bid->region = 1;
	for (uint32_t wishes = below(3); wishes > 0; wishes--) {
		switch (below(16)) {
		case 0:
			c->cpu_vendor = below(2) ? CPU_AMD : CPU_OTHER;
			break;
		case 1:
			c->country_not_count = 1;
			memcpy(c->countries_not[0], below(2) ? "DE" : "FR", COUNTRY_SIZE);
			break;
		case 2:
			c->max_rtt_ms = 10 * (1 + below(3));
			break;
		case 3:
			c->min_up_kbit_s = 1000 * below(4);
			c->min_down_kbit_s = 5000 * below(4);
			break;
		case 4:
			c->direct = true;
			break;
		case 5:
			c->trusted = below(2) ? TRUSTED_REQUIRE : TRUSTED_PREFER;
			break;
		case 6:
			c->min_ratings = below(3);
			break;
		case 7:
			c->preferred_count = 2;
			c->preferred[0] = id_of(below(3));
			c->preferred[1] = id_of(below(3));
			break;
		case 8:
			c->blocked_count = 1;
			c->blocked[0] = id_of(below(3));
			break;
		case 9:
			c->distinct_sellers = true;
			break;
		case 10:
			c->distinct_countries = true;
			break;
		case 11:
			c->distinct_cpu_vendors = true;
			break;
		case 12:
			c->all_or_none = true;
			break;
		case 13:
			c->scratch_mib = 10 * (1 + below(2));
			break;
		case 14:
			c->display = DISPLAY_VGA;
			break;
		case 15:
			bid->image_mib = 1 + below(3);
			bid->image = 1 + below(2);
			break;
		}
	}
}

static struct bid random_bid(unsigned int n)
{
	struct bid bid = { .order = id_of(n), .buyer = id_of(n % 3), .places = below(5), .cores = 1 + below(3) };

	bid.memory_mib = 512 * (1 + below(4));
	bid.max_prices = below(2) ? (struct prices){ { 4 }, { 4 }, { 1 } } : random_prices(5);
	bid.duration_s = below(2) ? 500 : 2000;
	if (!below(6)) {
		bid.constraints.country_count = 1;
		snprintf(bid.constraints.countries[0], COUNTRY_SIZE, "%s", below(2) ? "DE" : "FR");
	}
	if (!below(6))
		bid.constraints.min_score = 200;
	if (!below(6))
		bid.constraints.min_rating_ppm = 300000;
	bid.constraints.accel = below(5) ? ACCEL_ANY : ACCEL_KVM;
	random_wishes(&bid);
	return bid;
}

/* ---- the naive matcher, written from book.h alone ---- */

static int64_t hour(const struct prices *prices, const struct bid *shape)
{
	money cost = { -1 };

	if (price_window(prices, shape->cores, shape->memory_mib, HOUR_US, &cost) != OK)
		abort();
	return cost.micro;
}

static bool among(const uuid *ids, size_t count, uuid id)
{
	bool found = false;

	for (size_t i = 0; i < count; i++)
		found |= uuid_equal(ids[i], id);
	return found;
}

static bool differs(const struct bid *b, const struct ask *a)
{
	bool seller = true, country = true, vendor = true;

	for (size_t i = 0; i < b->taken_count; i++) {
		seller &= !uuid_equal(b->taken[i].seller, a->seller);
		country &= strcmp(b->taken[i].country, a->country) != 0;
		vendor &= b->taken[i].vendor != a->vendor;
	}
	return (seller || !b->constraints.distinct_sellers) && (country || !b->constraints.distinct_countries) &&
	       (vendor || !b->constraints.distinct_cpu_vendors);
}

static bool fits(const struct bid *b, const struct ask *a)
{
	const struct constraints *c = &b->constraints;

	return (c->accel == ACCEL_ANY || c->accel == a->accel) && (c->cpu_vendor == CPU_ANY || c->cpu_vendor == a->vendor) &&
	       (c->country_count == 0 || !strcmp(c->countries[0], a->country)) &&
	       (c->country_not_count == 0 || strcmp(c->countries_not[0], a->country)) &&
	       (c->max_rtt_ms == 0 || (a->rtt_ms[1] > 0 && a->rtt_ms[1] <= c->max_rtt_ms)) && a->up_kbit_s >= c->min_up_kbit_s &&
	       a->down_kbit_s >= c->min_down_kbit_s && (a->direct || !c->direct) &&
	       (a->trusted || c->trusted != TRUSTED_REQUIRE) && a->ratings >= c->min_ratings && a->score >= c->min_score &&
	       b->buyer_rating_ppm >= a->min_buyer_rating_ppm && !among(c->blocked, c->blocked_count, a->seller) &&
	       !among(a->blocked, a->blocked_count, b->buyer) && differs(b, a) && a->rating_ppm >= c->min_rating_ppm &&
	       b->duration_s >= a->min_duration_s && (a->max_duration_s == 0 || b->duration_s <= a->max_duration_s) &&
	       (b->max_hour.micro == 0 || hour(&a->prices, b) <= b->max_hour.micro) &&
	       a->prices.per_core_hour.micro <= b->max_prices.per_core_hour.micro &&
	       a->prices.per_gib_hour.micro <= b->max_prices.per_gib_hour.micro &&
	       a->prices.per_gib_transferred.micro <= b->max_prices.per_gib_transferred.micro && a->cores_free >= b->cores &&
	       a->memory_free_mib >= b->memory_mib && a->scratch_free_mib >= c->scratch_mib &&
	       (a->display || c->display == DISPLAY_NONE) && a->image_mib >= b->image_mib &&
	       (a->image_failed == 0 || a->image_failed != b->image);
}

/* 0 .. 3: who is wanted most has the least. */
static int wish(const struct bid *b, const struct ask *a)
{
	const struct constraints *c = &b->constraints;

	return 2 * !among(c->preferred, c->preferred_count, a->seller) + (c->trusted == TRUSTED_PREFER && !a->trusted);
}

static int best_ask(const struct naive *n, const struct bid *bid)
{
	int best = -1;

	for (int i = 0; i < THINGS; i++) {
		if (!n->asks[i].there || !fits(bid, &n->asks[i].a))
			continue;
		if (best < 0) {
			best = i;
			continue;
		}
		int64_t cost = hour(&n->asks[i].a.prices, bid), least = hour(&n->asks[best].a.prices, bid);
		uint32_t rating = n->asks[i].a.rating_ppm, most = n->asks[best].a.rating_ppm;
		int by_wish = wish(bid, &n->asks[i].a) - wish(bid, &n->asks[best].a);

		if (by_wish > 0)
			continue;
		if (by_wish < 0 || cost < least || (cost == least && rating > most) ||
		    (cost == least && rating == most && n->asks[i].since < n->asks[best].since))
			best = i;
	}
	return best;
}

static const struct naive *sorting;

static int compare_bids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	int64_t of_x = hour(&sorting->bids[x].b.max_prices, &sorting->bids[x].b) * sorting->bids[y].b.cores;
	int64_t of_y = hour(&sorting->bids[y].b.max_prices, &sorting->bids[y].b) * sorting->bids[x].b.cores;

	if (of_x != of_y)
		return of_x > of_y ? -1 : 1;
	return sorting->bids[x].since < sorting->bids[y].since ? -1 : 1;
}

static size_t naive_match(struct naive *n, struct match *ret, size_t max)
{
	int order[THINGS];
	size_t bids = 0, count = 0;

	for (int i = 0; i < THINGS; i++) {
		if (n->bids[i].there)
			order[bids++] = i;
	}
	sorting = n;
	qsort(order, bids, sizeof order[0], compare_bids);
	for (size_t k = 0; k < bids; k++) {
		struct bid *b = &n->bids[order[k]].b;
		struct naive *before;
		size_t count_before = count;

		before = malloc(sizeof *before);
		*before = *n;
		for (int i; count < max && b->places > 0 && (i = best_ask(n, b)) >= 0;) {
			struct ask *a = &n->asks[i].a;
			struct taken *t = &n->bids[order[k]].taken[b->taken_count++];

			*t = (struct taken){ .machine = a->machine, .seller = a->seller, .vendor = a->vendor };
			memcpy(t->country, a->country, sizeof t->country);
			b->taken = n->bids[order[k]].taken;
			b->places--;
			a->cores_free -= b->cores;
			a->memory_free_mib -= b->memory_mib;
			a->scratch_free_mib -= b->constraints.scratch_mib;
			if (a->trial) { /* one match takes all of it */
				n->asks[i].cores_kept = a->cores_free;
				n->asks[i].memory_kept_mib = a->memory_free_mib;
				a->cores_free = a->memory_free_mib = 0;
			}
			ret[count++] = (struct match){ b->order,
						       a->machine,
						       a->prices,
						       b->cores,
						       b->memory_mib,
						       b->constraints.all_or_none,
						       b->constraints.scratch_mib };
		}
		if (b->constraints.all_or_none && b->places > 0) {
			*n = *before;
			count = count_before;
		}
		free(before);
	}
	return count;
}

/* ---- the steps ---- */

static bool same_prices(const struct prices *a, const struct prices *b)
{
	return a->per_core_hour.micro == b->per_core_hour.micro && a->per_gib_hour.micro == b->per_gib_hour.micro &&
	       a->per_gib_transferred.micro == b->per_gib_transferred.micro;
}

static bool step_ask(struct book *book, struct naive *n, unsigned int i)
{
	struct ask ask = random_ask(i);

	if (n->asks[i].there && below(2))
		ask.prices = n->asks[i].a.prices;
	if (!n->asks[i].there || !same_prices(&ask.prices, &n->asks[i].a.prices))
		n->asks[i].since = ++n->now;
	n->asks[i].there = true;
	n->asks[i].a = ask;
	n->asks[i].cores_put = ask.cores_free;
	n->asks[i].cores_out = n->asks[i].cores_kept = n->asks[i].memory_kept_mib = 0;
	return book_put_ask(book, &ask, &(bool){ false }) == OK;
}

static bool step_bid(struct book *book, struct naive *n, unsigned int i)
{
	struct bid bid = random_bid(i);

	if (n->bids[i].there && below(2))
		bid.max_prices = n->bids[i].b.max_prices;
	if (!n->bids[i].there || !same_prices(&bid.max_prices, &n->bids[i].b.max_prices))
		n->bids[i].since = ++n->now;
	n->bids[i].there = true;
	n->bids[i].b = bid;
	n->bids[i].places_put = bid.places;
	n->bids[i].places_out = 0;
	return book_put_bid(book, &bid) == OK;
}

static void naive_return(struct naive *n, const struct match *m, bool ask_too)
{
	unsigned int ask = m->machine.bytes[15], bid = m->order.bytes[15];

	n->bids[bid].b.places++;
	n->bids[bid].places_out--;
	for (size_t i = n->bids[bid].b.taken_count; i-- > 0;) {
		if (uuid_equal(n->bids[bid].taken[i].machine, m->machine)) {
			n->bids[bid].taken[i] = n->bids[bid].taken[--n->bids[bid].b.taken_count];
			break;
		}
	}
	if (!ask_too) {
		n->asks[ask].there = false;
		return;
	}
	if (!n->asks[ask].there) /* dropped by a return just before */
		return;
	n->asks[ask].a.cores_free += m->cores + n->asks[ask].cores_kept;
	n->asks[ask].a.memory_free_mib += m->memory_mib + n->asks[ask].memory_kept_mib;
	n->asks[ask].a.scratch_free_mib += m->scratch_mib;
	n->asks[ask].cores_kept = n->asks[ask].memory_kept_mib = 0;
	n->asks[ask].cores_out -= m->cores;
}

/* Adds the matches up by themselves: nothing is given out that was not there. */
static bool tally(struct naive *n, const struct match *matches, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		unsigned int ask = matches[k].machine.bytes[15], bid = matches[k].order.bytes[15];

		n->asks[ask].cores_out += matches[k].cores;
		n->bids[bid].places_out++;
		if (n->asks[ask].cores_out > n->asks[ask].cores_put || n->bids[bid].places_out > n->bids[bid].places_put)
			return false;
	}
	return true;
}

static bool same_matches(const struct match *a, const struct match *b, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		if (!uuid_equal(a[k].order, b[k].order) || !uuid_equal(a[k].machine, b[k].machine) || a[k].cores != b[k].cores ||
		    a[k].memory_mib != b[k].memory_mib || !same_prices(&a[k].prices, &b[k].prices))
			return false;
	}
	return true;
}

static bool same_state(const struct book *book, const struct naive *n)
{
	size_t asks = 0, bids = 0;

	for (unsigned int i = 0; i < THINGS; i++) {
		const struct ask *a = book_ask(book, id_of(i));
		const struct bid *b = book_bid(book, id_of(i));

		asks += n->asks[i].there;
		bids += n->bids[i].there;
		if (!!a != n->asks[i].there || !!b != n->bids[i].there)
			return false;
		if (a && (a->cores_free != n->asks[i].a.cores_free || a->memory_free_mib != n->asks[i].a.memory_free_mib ||
			  a->scratch_free_mib != n->asks[i].a.scratch_free_mib))
			return false;
		if (b && b->places != n->bids[i].b.places)
			return false;
	}
	return book_ask_count(book) == asks && book_bid_count(book) == bids;
}

static bool step_round(struct book *book, struct naive *n)
{
	struct match got[ROUND_MAX], want[ROUND_MAX];
	/* In pieces as large as the largest bid, or larger; together they are one round. */
	size_t max = 4 + below(8), count = 0;

	for (size_t piece; (piece = book_match(book, got + count, max)) > 0;)
		count += piece;

	match_total += count;
	if (naive_match(n, want, ROUND_MAX) != count || !same_matches(got, want, count) || !tally(n, got, count))
		return false;
	for (size_t k = 0; k < count; k++) {
		if (below(4))
			continue;
		bool ask_too = below(2);

		return_total++;
		book_return(book, &got[k], ask_too);
		naive_return(n, &got[k], ask_too);
	}
	return same_state(book, n);
}

static bool step(struct book *book, struct naive *n)
{
	unsigned int i = below(THINGS);

	switch (below(10)) {
	case 0:
		book_remove_ask(book, id_of(i));
		n->asks[i].there = false;
		return true;
	case 1:
		book_remove_bid(book, id_of(i));
		n->bids[i].there = false;
		return true;
	case 2:
	case 3:
	case 4:
		return step_ask(book, n, i);
	case 5:
	case 6:
		return step_bid(book, n, i);
	default:
		return step_round(book, n);
	}
}

static uint64_t chosen(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(void)
{
	uint64_t books = chosen("BOOKS", BOOKS), seed = chosen("SEED", 1);

	for (unsigned int i = 0; i < 3; i++)
		buyers[i] = id_of(i);
	for (uint64_t run = seed; run < seed + books; run++) {
		struct naive n = { 0 };
		struct book *book = NULL;
		bool same = book_new(&book) == OK;

		random_state = run * 0x9E3779B97F4A7C15ULL + !run;
		for (int i = 0; same && i < STEPS; i++)
			same = step(book, &n);
		book_free(book);
		if (!same) {
			ok(same, "a random book: SEED=%llu BOOKS=1 is that one", (unsigned long long)run);
			return done_testing();
		}
	}
	ok(true, "%llu random books match as the naive matcher does", (unsigned long long)books);
	ok(books < 1000 || (match_total > 2 * books && return_total > books / 2), "with %llu matches, of which %llu came back",
	   (unsigned long long)match_total, (unsigned long long)return_total);
	return done_testing();
}
