/* SPDX-License-Identifier: Apache-2.0
 * book.c - the order book: asks of machines, bids of orders, price-time priority with partial fills
 *
 * How it works: asks stand on a ladder by price (ladder.h). A round of book_match() goes through the bids in the order in which they
 * are served; for each, the ladder gives the first asks that fit, from which the places are taken. The bids' order is sorted again
 * only after it changed.
 *
 * What makes a waiting bid cheap: a bid that has seen every ask and still has places ("tried") can only be filled by an ask that
 * was put or given back since. Those asks are "fresh" until a round has come to its end; tried bids look at no others, and a round
 * without fresh asks looks at no tried bid.
 *
 * Memory is got where asks and bids are put, never in a round: a round cannot fail.
 */
#include "book.h"

#include <stdlib.h>
#include <string.h>
#include "ladder.h"

struct bid_entry {
	struct bid bid;
	uint64_t since;	 /* its place in time */
	size_t position; /* in bids */
	bool tried;
	bool is_new;	     /* stands in news */
	struct taken *taken; /* bid.taken: room for what is taken and all places; NULL where nothing need be distinct */
};

struct book {
	struct ladder ladder;
	struct slab entries;		/* struct ask_entry */
	struct uuid_map ask_of, bid_of; /* by machine, by order */
	struct ask_entry **asks;	/* all, in no order; ask_cap */
	struct bid_entry **bids;
	size_t ask_count, ask_cap, bid_count, bid_cap;
	uint64_t now;		  /* grows by one with each ask and bid that comes */
	bool queue_sorted;	  /* all of it */
	bool settled;		  /* no bid that waits can have anything */
	struct bid_entry **queue; /* the bids as they are served; bid_cap */
	struct bid_entry **news;  /* those that are not tried, and some that were tried since, in no order; bid_cap */
	size_t news_count;
	struct ask_entry **fresh; /* ask_cap */
	size_t fresh_count;
};

err_t book_new(struct book **ret_book)
{
	struct book *book = calloc(1, sizeof *book);

	if (!book)
		return E_NOMEM;
	book->entries.size = sizeof(struct ask_entry);
	*ret_book = book;
	return OK;
}

static void ask_free(struct book *book, struct ask_entry *entry)
{
	free(entry->blocked);
	slab_give(&book->entries, entry);
}

static void bid_free(struct bid_entry *entry)
{
	free(entry->taken);
	free(entry);
}

void book_free(struct book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->ask_count; i++)
		free(book->asks[i]->blocked);
	for (size_t i = 0; i < book->bid_count; i++)
		bid_free(book->bids[i]);
	slab_clear(&book->entries);
	ladder_clear(&book->ladder);
	uuid_map_clear(&book->ask_of);
	uuid_map_clear(&book->bid_of);
	free(book->asks);
	free(book->bids);
	free(book->queue);
	free(book->news);
	free(book->fresh);
	free(book);
}

/* Room for one more in arrays of pointers of one size. */
static err_t grow(void ***const *arrays, size_t array_count, size_t count, size_t *cap)
{
	size_t more = *cap ? 2 * *cap : 64;

	if (count < *cap)
		return OK;
	for (size_t i = 0; i < array_count; i++) {
		void **grown = reallocarray(*arrays[i], more, sizeof *grown);
		if (!grown)
			return E_NOMEM;
		*arrays[i] = grown;
	}
	*cap = more;
	return OK;
}

/* ---- asks ---- */

static bool prices_same(const struct prices *a, const struct prices *b)
{
	return a->per_core_hour.micro == b->per_core_hour.micro && a->per_gib_hour.micro == b->per_gib_hour.micro &&
	       a->per_gib_transferred.micro == b->per_gib_transferred.micro;
}

static void mark_fresh(struct book *book, struct ask_entry *entry)
{
	book->settled = false;
	if (entry->fresh)
		return;
	entry->fresh = true;
	book->fresh[book->fresh_count++] = entry;
}

static void forget_fresh(struct book *book)
{
	for (size_t i = 0; i < book->fresh_count; i++)
		book->fresh[i]->fresh = false;
	book->fresh_count = 0;
}

static bool ask_same(const struct ask *a, const struct ask *b)
{
	struct ask x = *a, y = *b;
	bool blocked = x.blocked_count == y.blocked_count &&
		       (!x.blocked_count || !memcmp(x.blocked, y.blocked, x.blocked_count * sizeof *x.blocked));

	x.blocked = y.blocked = NULL;
	return blocked && !memcmp(&x, &y, sizeof x); /* bytes between members may differ: then it is put again, no harm */
}

static err_t ask_insert(struct book *book, struct ask_entry *entry)
{
	TRY(grow((void ***[]){ (void ***)&book->asks, (void ***)&book->fresh }, 2, book->ask_count, &book->ask_cap));
	TRY(uuid_map_put(&book->ask_of, entry->ask.machine, entry));
	entry->since = ++book->now;
	err_t e = ladder_put(&book->ladder, entry);
	if (e) {
		uuid_map_remove(&book->ask_of, entry->ask.machine);
		return e;
	}
	entry->position = book->ask_count;
	book->asks[book->ask_count++] = entry;
	mark_fresh(book, entry);
	return OK;
}

static err_t ask_replace(struct book *book, struct ask_entry *entry, const struct ask *ask)
{
	bool repriced = !prices_same(&entry->ask.prices, &ask->prices);
	err_t e = OK;

	entry->kept_cores = entry->kept_memory_mib = 0;
	if (repriced)
		entry->since = ++book->now;
	if (!uuid_equal(entry->ask.seller, ask->seller)) {
		ladder_remove(&book->ladder, entry);
		entry->ask = *ask;
		e = ladder_put(&book->ladder, entry);
	} else {
		entry->ask = *ask;
		if (repriced)
			e = ladder_reprice(&book->ladder, entry);
		else
			ladder_changed(&book->ladder, entry);
	}
	if (e) { /* better no ask than one at a price that is not its own */
		book_remove_ask(book, ask->machine);
		return e;
	}
	mark_fresh(book, entry);
	return OK;
}

err_t book_put_ask(struct book *book, const struct ask *ask, bool *ret_news)
{
	struct ask_entry *entry = uuid_map_get(&book->ask_of, ask->machine);
	struct ask copy = *ask;

	TRY(rule_check_ask(ask));
	*ret_news = !entry || !ask_same(&entry->ask, ask);
	if (!*ret_news)
		return OK;
	uuid *blocked = ask->blocked_count ? malloc(ask->blocked_count * sizeof *blocked) : NULL;
	if (ask->blocked_count && !blocked)
		return E_NOMEM;
	if (blocked)
		memcpy(blocked, ask->blocked, ask->blocked_count * sizeof *blocked);
	copy.blocked = blocked;
	if (entry) {
		free(entry->blocked);
		entry->blocked = blocked;
		return ask_replace(book, entry, &copy);
	}
	entry = slab_take(&book->entries);
	if (entry) {
		memset(entry, 0, sizeof *entry); /* also between its members: asks are compared whole */
		*entry = (struct ask_entry){ .ask = copy, .blocked = blocked };
	} else {
		free(blocked);
	}
	err_t e = entry ? ask_insert(book, entry) : E_NOMEM;
	if (e && entry)
		ask_free(book, entry);
	return e;
}

void book_remove_ask(struct book *book, uuid machine)
{
	struct ask_entry *entry = uuid_map_get(&book->ask_of, machine);

	if (!entry)
		return;
	uuid_map_remove(&book->ask_of, machine);
	if (entry->block)
		ladder_remove(&book->ladder, entry);
	struct ask_entry *last = book->asks[--book->ask_count];
	book->asks[entry->position] = last;
	last->position = entry->position;
	for (size_t i = 0; entry->fresh && i < book->fresh_count; i++) {
		if (book->fresh[i] == entry) {
			book->fresh[i] = book->fresh[--book->fresh_count];
			break;
		}
	}
	ask_free(book, entry);
}

/* ---- bids ---- */

static bool wants_distinct(const struct bid *bid)
{
	const struct constraints *c = &bid->constraints;

	return c->distinct_sellers || c->distinct_countries || c->distinct_cpu_vendors;
}

static void untry(struct book *book, struct bid_entry *entry)
{
	book->settled = entry->tried = false;
	if (!entry->is_new)
		book->news[book->news_count++] = entry;
	entry->is_new = true;
}

static err_t bid_insert(struct book *book, uuid order, struct bid_entry **ret_entry)
{
	TRY(grow((void ***[]){ (void ***)&book->bids, (void ***)&book->queue, (void ***)&book->news }, 3, book->bid_count,
		 &book->bid_cap));
	struct bid_entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return E_NOMEM;
	err_t e = uuid_map_put(&book->bid_of, order, entry);
	if (e) {
		free(entry);
		return e;
	}
	entry->since = ++book->now;
	entry->position = book->bid_count;
	book->bids[book->bid_count++] = entry;
	*ret_entry = entry;
	return OK;
}

err_t book_put_bid(struct book *book, const struct bid *bid)
{
	struct bid_entry *entry = uuid_map_get(&book->bid_of, bid->order);
	struct taken *taken = NULL;

	TRY(rule_check_bid(bid));
	if (wants_distinct(bid)) {
		taken = calloc(bid->taken_count + bid->places + 1, sizeof *taken);
		if (!taken)
			return E_NOMEM;
		if (bid->taken_count)
			memcpy(taken, bid->taken, bid->taken_count * sizeof *taken);
	}
	if (entry && !prices_same(&entry->bid.max_prices, &bid->max_prices))
		entry->since = ++book->now;
	err_t e = entry ? OK : bid_insert(book, bid->order, &entry);
	if (e) {
		free(taken);
		return e;
	}
	free(entry->taken);
	entry->bid = *bid;
	entry->bid.taken = entry->taken = taken;
	if (!taken)
		entry->bid.taken_count = 0;
	untry(book, entry);
	book->queue_sorted = false;
	return OK;
}

void book_remove_bid(struct book *book, uuid order)
{
	struct bid_entry *entry = uuid_map_get(&book->bid_of, order);

	if (!entry)
		return;
	uuid_map_remove(&book->bid_of, order);
	struct bid_entry *last = book->bids[--book->bid_count];
	book->bids[entry->position] = last;
	last->position = entry->position;
	for (size_t i = 0; entry->is_new && i < book->news_count; i++) {
		if (book->news[i] == entry) {
			book->news[i] = book->news[--book->news_count];
			break;
		}
	}
	book->queue_sorted = false;
	bid_free(entry);
}

static int compare_queue(const void *a, const void *b)
{
	const struct bid_entry *x = *(struct bid_entry *const *)a, *y = *(struct bid_entry *const *)b;
	int by_price = rule_compare_bids(&x->bid, &y->bid);

	return by_price ? by_price : (x->since > y->since) - (x->since < y->since);
}

/* How many are to be served. Without fresh asks those that have seen all need not be sorted. */
static size_t sort_queue(struct book *book)
{
	size_t count = 0;

	for (size_t i = 0; i < book->news_count; i++) {
		book->news[i]->is_new = !book->news[i]->tried;
		if (book->news[i]->is_new)
			book->news[count++] = book->news[i];
	}
	book->news_count = count;
	if (book->fresh_count && book->queue_sorted)
		return book->bid_count;
	book->queue_sorted = book->fresh_count > 0;
	if (book->fresh_count)
		count = book->bid_count;
	if (count) {
		memcpy(book->queue, book->fresh_count ? book->bids : book->news, count * sizeof *book->queue);
		qsort(book->queue, count, sizeof(struct bid_entry *), compare_queue);
	}
	return count;
}

/* ---- a round ---- */

/* A tried bid's first n among the fresh. */
static size_t find_fresh(const struct book *book, const struct bid *bid, struct candidate *ret, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < book->fresh_count; i++) {
		if (rule_against(bid, &book->fresh[i]->ask) != RULE_COUNT)
			continue;
		struct candidate c = candidate_of(bid, book->fresh[i]);
		size_t at = count;

		if (count == n && !candidate_before(&c, &ret[count - 1]))
			continue;
		if (count < n)
			count++;
		else
			at--;
		for (; at > 0 && candidate_before(&c, &ret[at - 1]); at--)
			ret[at] = ret[at - 1];
		ret[at] = c;
	}
	return count;
}

static size_t find(const struct book *book, const struct bid_entry *entry, struct candidate *ret, size_t n)
{
	return entry->tried ? find_fresh(book, &entry->bid, ret, n) : ladder_find(&book->ladder, &entry->bid, ret, n);
}

static struct match take_place(struct book *book, struct bid_entry *entry, struct ask_entry *ask)
{
	struct bid *bid = &entry->bid;

	bid->places--;
	ask->ask.cores_free -= bid->cores;
	ask->ask.memory_free_mib -= bid->memory_mib;
	ask->ask.scratch_free_mib -= bid->constraints.scratch_mib;
	if (ask->ask.trial) { /* the rest is for nobody meanwhile */
		ask->kept_cores = ask->ask.cores_free;
		ask->kept_memory_mib = ask->ask.memory_free_mib;
		ask->ask.cores_free = ask->ask.memory_free_mib = 0;
	}
	ladder_changed(&book->ladder, ask);
	if (entry->taken) {
		struct taken *t = &entry->taken[bid->taken_count++];

		*t = (struct taken){ .machine = ask->ask.machine, .seller = ask->ask.seller, .vendor = ask->ask.vendor };
		memcpy(t->country, ask->ask.country, sizeof t->country);
	}
	return (struct match){ bid->order,
			       ask->ask.machine,
			       ask->ask.prices,
			       bid->cores,
			       bid->memory_mib,
			       bid->constraints.all_or_none,
			       bid->constraints.scratch_mib };
}

/* The place is empty again. */
static void give_place(struct bid_entry *entry, uuid machine)
{
	entry->bid.places++;
	for (size_t i = entry->bid.taken_count; entry->taken && i-- > 0;) {
		if (uuid_equal(entry->taken[i].machine, machine)) {
			entry->taken[i] = entry->taken[--entry->bid.taken_count];
			break;
		}
	}
}

static void give_capacity(struct book *book, struct ask_entry *ask, const struct match *m)
{
	ask->ask.cores_free += m->cores + ask->kept_cores;
	ask->ask.memory_free_mib += m->memory_mib + ask->kept_memory_mib;
	ask->ask.scratch_free_mib += m->scratch_mib;
	ask->kept_cores = ask->kept_memory_mib = 0;
	ladder_changed(&book->ladder, ask);
}

/* Takes places in the order of the candidates, at most max. */
static size_t take_places(struct book *book, struct bid_entry *entry, struct match *ret_matches, size_t max)
{
	struct candidate found[BOOK_PLACES];
	struct bid *bid = &entry->bid;
	size_t matched = 0, wanted = bid->places < max ? bid->places : max, count;

	do {
		/* Where places must differ, each is looked for by itself. */
		count = wanted > matched ? find(book, entry, found, entry->taken ? 1 : wanted - matched) : 0;
		for (size_t i = 0; i < count && matched < wanted; i++) {
			struct ask_entry *ask = found[i].entry;

			/* The first stays the first until it is full. */
			do {
				ret_matches[matched++] = take_place(book, entry, ask);
			} while (!entry->taken && matched < wanted && ask->ask.cores_free >= bid->cores &&
				 ask->ask.memory_free_mib >= bid->memory_mib &&
				 ask->ask.scratch_free_mib >= bid->constraints.scratch_mib);
		}
	} while (entry->taken && count);
	return matched;
}

/* Fills one bid, at most max places. */
static size_t match_bid(struct book *book, struct bid_entry *entry, struct match *ret_matches, size_t max)
{
	struct candidate one;

	if (entry->tried && entry->bid.constraints.all_or_none) {
		if (!find_fresh(book, &entry->bid, &one, 1))
			return 0;
		untry(book, entry); /* with a fresh one the old ones may do */
	}
	size_t matched = take_places(book, entry, ret_matches, max);
	if (entry->bid.constraints.all_or_none && entry->bid.places > 0) {
		while (matched > 0) {
			const struct match *m = &ret_matches[--matched];

			give_place(entry, m->machine);
			give_capacity(book, uuid_map_get(&book->ask_of, m->machine), m);
		}
		entry->tried = true;
	} else if (entry->bid.places > 0 && matched < max) {
		entry->tried = true;
	}
	return matched;
}

size_t book_match(struct book *book, struct match *ret_matches, size_t max)
{
	size_t matched = 0, count = sort_queue(book);

	for (size_t i = 0; i < count; i++) {
		struct bid_entry *entry = book->queue[i];
		const struct bid *bid = &entry->bid;

		if (bid->places == 0 || (entry->tried && book->fresh_count == 0))
			continue;
		if (matched == max || (bid->constraints.all_or_none && bid->places > max - matched))
			return matched;
		matched += match_bid(book, entry, ret_matches + matched, max - matched);
	}
	/* Every bid has seen every ask, unless the last one was cut off by max: then the next call goes on with it. */
	if (matched < max)
		forget_fresh(book);
	book->settled = matched < max;
	return matched;
}

bool book_take(struct book *book, const struct bid *bid, struct match *ret_match)
{
	struct bid_entry entry = { .bid = *bid };
	struct candidate first;

	entry.bid.taken_count = 0;
	entry.bid.buyer_rating_ppm = 1000000;
	if (!book->settled || bid->places != 1 || rule_check_bid(&entry.bid) != OK || !find(book, &entry, &first, 1) ||
	    first.entry->ask.min_buyer_rating_ppm)
		return false;
	*ret_match = take_place(book, &entry, first.entry);
	return true;
}

void book_return(struct book *book, const struct match *match, bool ask_too)
{
	struct bid_entry *bid = uuid_map_get(&book->bid_of, match->order);
	struct ask_entry *ask = uuid_map_get(&book->ask_of, match->machine);

	if (bid) {
		give_place(bid, match->machine);
		untry(book, bid); /* it was filled, so it has not seen them all */
	}
	if (ask && ask_too) {
		give_capacity(book, ask, match);
		mark_fresh(book, ask);
	} else if (ask) {
		book_remove_ask(book, match->machine);
	}
}

/* ---- looking in ---- */

const struct ask *book_ask(const struct book *book, uuid machine)
{
	struct ask_entry *entry = uuid_map_get(&book->ask_of, machine);

	return entry ? &entry->ask : NULL;
}

const struct bid *book_bid(const struct book *book, uuid order)
{
	struct bid_entry *entry = uuid_map_get(&book->bid_of, order);

	return entry ? &entry->bid : NULL;
}

size_t book_ask_count(const struct book *book)
{
	return book->ask_count;
}

size_t book_bid_count(const struct book *book)
{
	return book->bid_count;
}

void book_explain(const struct book *book, const struct bid *bid, struct explanation *ret)
{
	struct explanation e = { .considered = book->ask_count };

	for (size_t i = 0; i < book->ask_count; i++) {
		enum rule rule = rule_against(bid, &book->asks[i]->ask);

		if (rule == RULE_COUNT)
			e.left++;
		else
			e.removed[rule]++;
	}
	*ret = e;
}

void book_explain_ask(const struct book *book, const struct ask *ask, struct explanation *ret)
{
	struct explanation e = { 0 };

	for (size_t i = 0; i < book->bid_count; i++) {
		const struct bid *bid = &book->bids[i]->bid;

		if (!bid->places)
			continue;
		enum rule rule = rule_against(bid, ask);

		e.considered++;
		if (rule == RULE_COUNT)
			e.left++;
		else
			e.removed[rule]++;
	}
	*ret = e;
}

static int compare_levels(const void *a, const void *b)
{
	int64_t x = ((const struct level *)a)->price_per_core_hour.micro,
		y = ((const struct level *)b)->price_per_core_hour.micro;

	return (x > y) - (x < y);
}

/* Sorts single entries, cheapest or dearest first, and sums up those with one price. Frees levels. */
static size_t levels_fold(struct level *levels, size_t count, bool dearest_first, struct level *ret_levels, size_t max)
{
	size_t folded = 0;

	if (count)
		qsort(levels, count, sizeof *levels, compare_levels);
	for (size_t i = 0; i < count; i++) {
		const struct level *level = &levels[dearest_first ? count - 1 - i : i];

		if (folded && ret_levels[folded - 1].price_per_core_hour.micro == level->price_per_core_hour.micro) {
			ret_levels[folded - 1].cores += level->cores;
			ret_levels[folded - 1].count++;
		} else if (folded == max) {
			break;
		} else {
			ret_levels[folded++] = *level;
		}
	}
	free(levels);
	return folded;
}

size_t book_ask_levels(const struct book *book, struct level *ret_levels, size_t max)
{
	struct level *levels = calloc(book->ask_count + 1, sizeof *levels);
	size_t count = 0;

	for (size_t i = 0; levels && i < book->ask_count; i++) {
		const struct ask *ask = &book->asks[i]->ask;

		if (ask->cores_free)
			levels[count++] = (struct level){ ask->prices.per_core_hour, ask->cores_free, 1 };
	}
	return levels_fold(levels, count, false, ret_levels, max);
}

size_t book_bid_levels(const struct book *book, struct level *ret_levels, size_t max)
{
	struct level *levels = calloc(book->bid_count + 1, sizeof *levels);
	size_t count = 0;

	for (size_t i = 0; levels && i < book->bid_count; i++) {
		const struct bid *bid = &book->bids[i]->bid;

		if (bid->places)
			levels[count++] = (struct level){ bid->max_prices.per_core_hour, (uint64_t)bid->places * bid->cores, 1 };
	}
	return levels_fold(levels, count, true, ret_levels, max);
}
