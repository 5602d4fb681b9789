/* SPDX-License-Identifier: Apache-2.0
 * trade_book.c - the order book, case by case: what fits, who is served first, what comes back
 */
#include "book.h"
#include "tap.h"

static uuid id_of(unsigned int n)
{
	return (uuid){ { 1, [14] = (uint8_t)(n >> 8), [15] = (uint8_t)n } };
}

static unsigned int number_of(uuid id)
{
	return (unsigned int)id.bytes[14] << 8 | id.bytes[15];
}

static struct ask ask_of(unsigned int n, int64_t price, uint32_t cores)
{
	return (struct ask){ .machine = id_of(n),
			     .seller = id_of(1000 + n),
			     .accel = ACCEL_KVM,
			     .country = "DE",
			     .score = 400,
			     .rating_ppm = 500000,
			     .prices = { { price }, { 10 }, { 10 } },
			     .cores_free = cores,
			     .memory_free_mib = 65536,
			     .max_duration_s = 0 };
}

static struct bid bid_of(unsigned int n, int64_t price, uint32_t places)
{
	return (struct bid){ .order = id_of(n),
			     .buyer = id_of(2000 + n),
			     .places = places,
			     .cores = 1,
			     .memory_mib = 1024,
			     .max_prices = { { price }, { 10 }, { 10 } },
			     .duration_s = 3600 };
}

static struct book *new_book(void)
{
	struct book *book = NULL;

	if (book_new(&book) != OK)
		tap_ok(false, "no memory", __FILE__, __LINE__, "a new book");
	return book;
}

static void put_ask(struct book *book, struct ask ask)
{
	if (book_put_ask(book, &ask, &(bool){ false }) != OK)
		tap_ok(false, "refused", __FILE__, __LINE__, "ask %u goes in", number_of(ask.machine));
}

static void put_bid(struct book *book, struct bid bid)
{
	if (book_put_bid(book, &bid) != OK)
		tap_ok(false, "refused", __FILE__, __LINE__, "bid %u goes in", number_of(bid.order));
}

/* A round as text: "order:machine order:machine". */
static const char *round_of(struct book *book, size_t max)
{
	static char text[512];
	struct match matches[32];
	size_t count = book_match(book, matches, max), len = 0;

	text[0] = 0;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%u:%u", i ? " " : "", number_of(matches[i].order),
					number_of(matches[i].machine));
	return text;
}

static void break_rule(struct ask *ask, enum rule rule)
{
	static uuid buyer;

	buyer = id_of(2001);
	switch (rule) {
	case RULE_ACCEL:
		ask->accel = ACCEL_TCG;
		break;
	case RULE_VENDOR:
		ask->vendor = CPU_INTEL;
		break;
	case RULE_RTT:
		ask->rtt_ms[3] = 21;
		break;
	case RULE_BANDWIDTH:
		ask->down_kbit_s--;
		break;
	case RULE_DIRECT:
		ask->direct = false;
		break;
	case RULE_TRUSTED:
		ask->trusted = false;
		break;
	case RULE_BUYER_RATING:
		ask->min_buyer_rating_ppm++;
		break;
	case RULE_BLOCKED:
		ask->blocked = &buyer;
		ask->blocked_count = 1;
		break;
	case RULE_DISTINCT:
		ask->seller = id_of(77);
		break;
	case RULE_COUNTRY:
		ask->country[0] = 0;
		break;
	case RULE_SCORE:
		ask->score--;
		break;
	case RULE_RATING:
		ask->rating_ppm--;
		break;
	case RULE_DURATION:
		ask->max_duration_s--;
		break;
	case RULE_PRICE:
		ask->prices.per_gib_transferred.micro++;
		break;
	case RULE_CORES:
		ask->cores_free = 0;
		break;
	case RULE_MEMORY:
		ask->memory_free_mib--;
		break;
	case RULE_SCRATCH:
		ask->scratch_free_mib--;
		break;
	case RULE_DISPLAY:
		ask->display = false;
		break;
	case RULE_IMAGE:
		ask->image_mib--;
		break;
	case RULE_COUNT:
		break;
	}
}

static void test_rules(void)
{
	for (enum rule rule = 0; rule <= RULE_COUNT; rule++) {
		struct book *book = new_book();
		struct ask ask = ask_of(1, 100, 1);
		struct bid bid = bid_of(1, 100, 1);
		struct explanation why;

		const struct taken taken = { .seller = id_of(77) };

		bid.constraints = (struct constraints){ .countries = { "FR", "DE" },
							.country_count = 2,
							.countries_not = { "US" },
							.country_not_count = 1,
							.min_score = 400,
							.min_rating_ppm = 500000,
							.min_ratings = 7,
							.min_up_kbit_s = 1000,
							.min_down_kbit_s = 2000,
							.max_rtt_ms = 20,
							.accel = ACCEL_KVM,
							.cpu_vendor = CPU_AMD,
							.direct = true,
							.trusted = TRUSTED_REQUIRE,
							.distinct_sellers = true,
							.blocked = { id_of(78) },
							.blocked_count = 1,
							.scratch_mib = 10,
							.display = DISPLAY_VGA };
		bid.region = 3;
		bid.buyer_rating_ppm = 300000;
		bid.taken = &taken;
		bid.taken_count = 1;
		ask.vendor = CPU_AMD;
		ask.direct = ask.trusted = ask.display = true;
		ask.ratings = 7;
		ask.up_kbit_s = 1000;
		ask.down_kbit_s = 2000;
		ask.rtt_ms[3] = 20;
		ask.min_buyer_rating_ppm = 300000;
		ask.max_duration_s = 3600;
		ask.memory_free_mib = 1024;
		ask.scratch_free_mib = 10;
		ask.image_mib = bid.image_mib = 4;
		break_rule(&ask, rule);
		put_ask(book, ask);
		put_bid(book, bid);
		book_explain(book, &bid, &why);
		is_int(why.considered, 1, "%s: one ask", rule < RULE_COUNT ? rule_names[rule] : "fits");
		is_int(why.left, rule == RULE_COUNT, "left");
		is_int(rule < RULE_COUNT ? why.removed[rule] : 1, 1, "removed by the rule that it breaks");
		is_text(round_of(book, 8), rule == RULE_COUNT ? "1:1" : "", "matched only where it fits");
		book_free(book);
	}
}

static void test_explain_order(void)
{
	struct book *book = new_book();
	struct ask ask = ask_of(1, 500, 0);
	struct bid bid = bid_of(1, 100, 1);
	struct explanation why;

	put_ask(book, ask);
	put_ask(book, ask_of(2, 50, 0));
	put_ask(book, ask_of(3, 50, 4));
	book_explain(book, &bid, &why);
	is_int(why.considered, 3, "three asks");
	is_int(why.removed[RULE_PRICE], 1, "the dear one counts for its price alone");
	is_int(why.removed[RULE_CORES], 1, "the full one for its cores");
	is_int(why.left, 1, "one is left");
	book_free(book);
}

static void test_priority(void)
{
	struct book *book = new_book();
	struct ask rated = ask_of(4, 70, 1), later = ask_of(5, 70, 1);

	rated.rating_ppm = 900000;
	put_ask(book, ask_of(3, 90, 1));
	put_ask(book, ask_of(2, 70, 1));
	put_ask(book, later);
	put_ask(book, rated);
	put_ask(book, ask_of(1, 60, 1));
	put_bid(book, bid_of(12, 100, 1));
	put_bid(book, bid_of(11, 100, 2));
	put_bid(book, bid_of(10, 110, 1));
	put_bid(book, bid_of(9, 80, 5));
	is_text(round_of(book, 32), "10:1 12:4 11:2 11:5",
		"dearest bid first, then the earlier; cheapest ask first, then the better rated, then the earlier");
	is_int(book_bid(book, id_of(9))->places, 5, "nothing was left below 80");
	is_int(book_ask(book, id_of(3))->cores_free, 1, "the dear ask waits");
	book_free(book);
}

static void test_time_kept(void)
{
	struct book *book = new_book();
	struct ask first = ask_of(1, 70, 1), again = first;

	put_ask(book, first);
	put_ask(book, ask_of(2, 70, 1));
	again.memory_free_mib = 2048;
	put_ask(book, again);
	put_bid(book, bid_of(1, 100, 1));
	is_text(round_of(book, 8), "1:1", "an ask with the same price keeps its place");
	book_free(book);

	book = new_book();
	put_ask(book, first);
	put_ask(book, ask_of(2, 70, 1));
	again.prices.per_core_hour.micro = 80;
	put_ask(book, again);
	put_ask(book, first);
	put_bid(book, bid_of(1, 100, 1));
	is_text(round_of(book, 8), "1:2", "one whose price changed goes to the end");
	book_free(book);

	book = new_book();
	put_bid(book, bid_of(1, 100, 1));
	put_bid(book, bid_of(2, 100, 1));
	put_bid(book, bid_of(1, 100, 3));
	put_ask(book, ask_of(1, 70, 1));
	is_text(round_of(book, 8), "1:1", "a bid with the same price keeps its place too");
	put_bid(book, bid_of(1, 90, 3));
	put_bid(book, bid_of(1, 100, 3));
	put_ask(book, ask_of(2, 70, 1));
	is_text(round_of(book, 8), "2:2", "and loses it with its price");
	book_free(book);
}

static void test_shape_decides(void)
{
	struct book *book = new_book();
	struct ask cheap_cores = ask_of(1, 10, 64), cheap_memory = ask_of(2, 40, 64);
	struct bid small = bid_of(1, 100, 1), large = bid_of(2, 100, 1);

	cheap_cores.prices.per_gib_hour.micro = 10;
	cheap_memory.prices.per_gib_hour.micro = 1;
	large.memory_mib = 32768;
	put_ask(book, cheap_cores);
	put_ask(book, cheap_memory);
	put_bid(book, small);
	put_bid(book, large);
	is_text(round_of(book, 8), "2:2 1:1", "the cheapest ask depends on the shape");
	book_free(book);
}

static void test_bids_by_core(void)
{
	struct book *book = new_book();
	struct bid wide = bid_of(1, 100, 1), narrow = bid_of(2, 101, 1);

	wide.cores = 8;
	wide.max_prices.per_gib_hour.micro = narrow.max_prices.per_gib_hour.micro = 0;
	struct ask ask = ask_of(1, 50, 8);
	ask.prices.per_gib_hour.micro = 0;
	put_ask(book, ask);
	put_bid(book, wide);
	put_bid(book, narrow);
	is_text(round_of(book, 8), "2:1", "a wide bid is not dearer for being wide");
	book_free(book);
}

static void test_scratch(void)
{
	struct book *book = new_book();
	struct match matches[8];
	struct ask ask = ask_of(1, 70, 8);
	struct bid bid = bid_of(1, 100, 3);

	ask.scratch_free_mib = 25;
	bid.constraints.scratch_mib = 10;
	put_ask(book, ask);
	put_bid(book, bid);
	is_int(book_match(book, matches, 8), 2, "as many as its disk has room for");
	is_int(book_ask(book, id_of(1))->scratch_free_mib, 5, "which is taken");
	book_return(book, &matches[0], true);
	is_int(book_ask(book, id_of(1))->scratch_free_mib, 15, "and comes back");
	book_free(book);
}

static void test_failed_image(void)
{
	struct book *book = new_book();
	struct ask ask = ask_of(1, 70, 8);
	struct bid same = bid_of(1, 100, 1), other = bid_of(2, 100, 1), any = bid_of(3, 100, 1);

	ask.image_failed = same.image = image_mark((sha256){ { 1, 2 } });
	other.image = image_mark((sha256){ { 1, 3 } });
	put_ask(book, ask);
	put_bid(book, same);
	put_bid(book, other);
	put_bid(book, any);
	is_text(round_of(book, 8), "2:1 3:1", "an image that a machine failed at is not for that machine");
	ask.image_failed = 0;
	put_ask(book, ask);
	is_text(round_of(book, 8), "1:1", "until that counts no more");
	book_free(book);
}

static void test_partial_and_return(void)
{
	struct book *book = new_book();
	struct match matches[8];

	put_ask(book, ask_of(1, 70, 2));
	put_bid(book, bid_of(1, 100, 3));
	is_int(book_match(book, matches, 1), 1, "one match where one is asked for");
	is_int(book_match(book, matches + 1, 7), 1, "the next call goes on");
	is_int(book_match(book, matches + 2, 6), 0, "then the ask is full");
	is_int(book_bid(book, id_of(1))->places, 1, "one place is open");
	is_int(book_ask(book, id_of(1))->cores_free, 0, "no core is free");
	is_int(book_ask(book, id_of(1))->memory_free_mib, 65536 - 2048, "memory is taken too");
	is_int(matches[0].prices.per_core_hour.micro, 70, "at the seller's price");

	book_return(book, &matches[0], true);
	is_int(book_bid(book, id_of(1))->places, 2, "the place came back");
	is_int(book_ask(book, id_of(1))->cores_free, 1, "and its core");
	is_int(book_ask(book, id_of(1))->memory_free_mib, 65536 - 1024, "and its memory");
	is_text(round_of(book, 8), "1:1", "and it is matched again");

	book_return(book, &matches[1], false);
	ok(!book_ask(book, id_of(1)), "an ask that lied is dropped");
	is_int(book_bid(book, id_of(1))->places, 2, "the place came back all the same");
	put_ask(book, ask_of(1, 70, 1));
	is_text(round_of(book, 8), "1:1", "its next report brings it back");

	book_remove_bid(book, id_of(1));
	book_return(book, &matches[1], true);
	is_int(book_ask(book, id_of(1))->cores_free, 1, "a bid that is gone does not hinder the ask");
	book_remove_ask(book, id_of(1));
	book_return(book, &matches[1], true);
	is_int(book_ask_count(book) + book_bid_count(book), 0, "nor the other way round");
	book_free(book);
}

/* A filled bid has not looked at all asks: what comes back must find those that it did not need. */
static void test_return_after_filled(void)
{
	struct book *book = new_book();
	struct match match;

	put_ask(book, ask_of(1, 70, 1));
	put_ask(book, ask_of(2, 80, 1));
	put_bid(book, bid_of(1, 100, 1));
	is_int(book_match(book, &match, 1), 1, "filled");
	is_text(round_of(book, 8), "", "and quiet");
	book_return(book, &match, false);
	is_text(round_of(book, 8), "1:2", "the second ask takes the place");
	book_free(book);
}

static void test_trial(void)
{
	struct book *book = new_book();
	struct ask trial = ask_of(1, 70, 4);
	struct match match;

	trial.trial = true;
	put_ask(book, trial);
	put_bid(book, bid_of(1, 100, 3));
	is_int(book_match(book, &match, 1), 1, "a machine on trial gets one lease");
	is_text(round_of(book, 8), "", "and no second");
	is_int(book_ask(book, id_of(1))->cores_free, 0, "nothing of it is free meanwhile");
	book_return(book, &match, true);
	is_int(book_ask(book, id_of(1))->cores_free, 4, "a match that is returned gives all of it back");
	is_text(round_of(book, 8), "1:1", "for one again");
	put_ask(book, ask_of(1, 70, 4));
	is_text(round_of(book, 8), "1:1 1:1", "and for all once it has shown that it works");
	put_ask(book, trial);
	struct bid all = bid_of(2, 100, 2);
	all.constraints.all_or_none = true;
	put_bid(book, all);
	is_text(round_of(book, 8), "", "an order of two places at once gets none");
	is_int(book_ask(book, id_of(1))->cores_free, 4, "and leaves all of it");
	book_free(book);
}

/* A bid that is not in the book, of a new order. */
static void test_take(void)
{
	struct book *book = new_book();
	struct match m = { 0 }, matches[8];
	struct bid bid = bid_of(9, 100, 1), waiting = bid_of(1, 50, 1), two = bid_of(9, 100, 2);
	struct ask cheap = ask_of(1, 60, 1), dear = ask_of(2, 70, 2);

	put_ask(book, cheap);
	put_ask(book, dear);
	put_bid(book, waiting);
	ok(!book_take(book, &bid, &m), "nothing before those that wait have seen every ask");
	is_int(book_match(book, matches, 8), 0, "which are of no use to them");
	ok(!book_take(book, &two, &m), "nothing for an order of two places");
	ok(book_take(book, &bid, &m) && uuid_equal(m.machine, id_of(1)) && uuid_equal(m.order, id_of(9)), "else the cheapest");
	is_int(book_ask(book, id_of(1))->cores_free, 0, "which is taken");
	is_int((int)book_bid_count(book), 1, "and no bid is there for it");
	ok(book_take(book, &bid, &m) && uuid_equal(m.machine, id_of(2)), "then the next one");
	book_return(book, &m, true);
	is_int(book_ask(book, id_of(2))->cores_free, 2, "what comes back is there again");
	ok(!book_take(book, &bid, &m), "and those that wait see it first");
	is_int(book_match(book, matches, 8), 0, "who do not want it");
	cheap.min_buyer_rating_ppm = 1;
	put_ask(book, cheap);
	is_int(book_match(book, matches, 8), 0, "nor one that is put again");
	ok(!book_take(book, &bid, &m), "the cheapest wants to know the buyer's rating: not the next one in its place");
	book_remove_ask(book, id_of(1));
	put_bid(book, waiting);
	ok(!book_take(book, &bid, &m), "nothing while a new bid has not seen all");
	is_int(book_match(book, matches, 8), 0, "until it has");
	ok(book_take(book, &bid, &m) && uuid_equal(m.machine, id_of(2)), "then what is left");
	book_free(book);
}

static void test_waiting(void)
{
	struct book *book = new_book();

	put_bid(book, bid_of(1, 60, 2));
	is_text(round_of(book, 8), "", "no ask");
	put_ask(book, ask_of(1, 70, 1));
	is_text(round_of(book, 8), "", "too dear");
	put_ask(book, ask_of(1, 60, 1));
	is_text(round_of(book, 8), "1:1", "the ask came down");
	put_ask(book, ask_of(2, 70, 1));
	is_text(round_of(book, 8), "", "too dear again");
	put_bid(book, bid_of(1, 70, 1));
	is_text(round_of(book, 8), "1:2", "the bid went up");
	book_free(book);
}

static void test_levels(void)
{
	struct book *book = new_book();
	struct level levels[3];

	is_int(book_ask_levels(book, levels, 3) + book_bid_levels(book, levels, 3), 0, "an empty book has no levels");
	put_ask(book, ask_of(1, 80, 4));
	put_ask(book, ask_of(2, 70, 2));
	put_ask(book, ask_of(3, 80, 1));
	put_ask(book, ask_of(4, 60, 0));
	is_int(book_ask_levels(book, levels, 3), 2, "two prices with free cores");
	ok(levels[0].price_per_core_hour.micro == 70 && levels[0].cores == 2 && levels[0].count == 1, "cheapest ask first");
	ok(levels[1].price_per_core_hour.micro == 80 && levels[1].cores == 5 && levels[1].count == 2, "summed up");
	is_int(book_ask_levels(book, levels, 1), 1, "no more than asked for");
	is_int(levels[0].price_per_core_hour.micro, 70, "of which the cheapest");

	struct bid wide = bid_of(1, 10, 3);
	wide.cores = 4;
	put_bid(book, wide);
	put_bid(book, bid_of(2, 20, 5));
	put_bid(book, bid_of(3, 10, 1));
	put_bid(book, bid_of(4, 30, 0));
	is_int(book_bid_levels(book, levels, 3), 2, "two prices with open places");
	ok(levels[0].price_per_core_hour.micro == 20 && levels[0].cores == 5 && levels[0].count == 1, "dearest bid first");
	ok(levels[1].price_per_core_hour.micro == 10 && levels[1].cores == 13 && levels[1].count == 2, "places times cores");
	is_int(book_bid_levels(book, levels, 1), 1, "no more than asked for");
	is_int(levels[0].price_per_core_hour.micro, 20, "of which the dearest");
	book_free(book);
}

static void test_refusals(void)
{
	struct book *book = new_book();
	struct ask asks[6];
	struct bid bids[6];

	for (size_t i = 0; i < 6; i++) {
		asks[i] = ask_of(1, 70, 1);
		bids[i] = bid_of(1, 70, 1);
	}
	asks[0].accel = ACCEL_ANY;
	asks[1].accel = ACCEL_COUNT;
	asks[2].rating_ppm = RATING_MAX_PPM + 1;
	asks[3].max_duration_s = -1;
	asks[4].prices.per_core_hour.micro = -1;
	asks[5].prices.per_gib_transferred.micro = MONEY_MAX_MICRO + 1;
	bids[0].cores = 0;
	bids[1].memory_mib = 0;
	bids[2].duration_s = 0;
	bids[3].max_prices.per_gib_hour.micro = -1;
	bids[4].constraints.country_count = MAX_COUNTRIES + 1;
	bids[5].constraints.accel = ACCEL_COUNT;
	for (size_t i = 0; i < 6; i++) {
		is_int(book_put_ask(book, &asks[i], &(bool){ false }), E_INVALID, "refused ask %zu", i);
		is_int(book_put_bid(book, &bids[i]), E_INVALID, "refused bid %zu", i);
	}
	is_int(book_ask_count(book) + book_bid_count(book), 0, "nothing of them is kept");
	ok(!book_ask(book, id_of(1)) && !book_bid(book, id_of(1)), "nor found");
	book_remove_ask(book, id_of(1));
	book_remove_bid(book, id_of(1));
	is_text(round_of(book, 8), "", "an empty book matches nothing");
	book_free(book);
	book_free(NULL);
}

int main(void)
{
	test_rules();
	test_explain_order();
	test_priority();
	test_time_kept();
	test_shape_decides();
	test_bids_by_core();
	test_scratch();
	test_failed_image();
	test_partial_and_return();
	test_return_after_filled();
	test_trial();
	test_take();
	test_waiting();
	test_levels();
	test_refusals();
	return done_testing();
}
