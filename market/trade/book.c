/* SPDX-License-Identifier: Apache-2.0
 * book.c - the order book: asks of machines, bids of orders, price-time priority with partial fills
 *
 * How it works: asks and bids are kept by their ids. A round of book_match() goes through the bids in the order in which they
 * are served. For each, the asks that fit become a heap by (hour's cost of this bid's shape, rating, time), from whose top the
 * places are taken: O(asks + places * log asks) a bid, and the bids' order is sorted again only after it changed.
 *
 * What makes a waiting bid cheap: a bid that has seen every ask and still has places ("tried") can only be filled by an ask that
 * was put or given back since. Those asks are "fresh" until a round has come to its end; tried bids look at no others.
 *
 * Memory is got where asks and bids are put, never in a round: a round cannot fail.
 */
#include "book.h"

#include <stdlib.h>
#include <string.h>
#include "index.h"
#include "rule.h"

/* The public part is first, so that its first member, the uuid, is what the index sorts by. */
struct ask_entry {
	struct ask ask;
	uint64_t since; /* its place in time */
	bool fresh;
};
struct bid_entry {
	struct bid bid;
	uint64_t since;
	bool tried;
};
struct candidate {
	hour_cost cost;
	struct ask_entry *entry;
};

struct book {
	struct index asks, bids;
	uint64_t now; /* grows by one with each ask and bid that comes */
	bool queue_sorted;
	size_t fresh_count;
	struct bid_entry **queue; /* the bids as they are served; bids.count of bids.cap */
	struct ask_entry **fresh; /* fresh_count of asks.cap */
	struct candidate *heap;	  /* asks.cap, used within a round */
};

err_t book_new(struct book **ret_book)
{
	struct book *book = calloc(1, sizeof *book);

	if (!book)
		return E_NOMEM;
	*ret_book = book;
	return OK;
}

void book_free(struct book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->asks.count; i++)
		free(book->asks.items[i]);
	for (size_t i = 0; i < book->bids.count; i++)
		free(book->bids.items[i]);
	index_clear(&book->asks);
	index_clear(&book->bids);
	free(book->queue);
	free(book->fresh);
	free(book->heap);
	free(book);
}

/* ---- asks ---- */

static bool prices_same(const struct prices *a, const struct prices *b)
{
	return a->per_core_hour.micro == b->per_core_hour.micro && a->per_gib_hour.micro == b->per_gib_hour.micro &&
	       a->per_gib_transferred.micro == b->per_gib_transferred.micro;
}

static bool asks_same(const struct ask *a, const struct ask *b)
{
	return uuid_equal(a->seller, b->seller) && a->accel == b->accel && !strcmp(a->country, b->country) &&
	       a->score == b->score && a->rating_ppm == b->rating_ppm && prices_same(&a->prices, &b->prices) &&
	       a->cores_free == b->cores_free && a->memory_free_mib == b->memory_free_mib &&
	       a->max_duration_s == b->max_duration_s;
}

static void mark_fresh(struct book *book, struct ask_entry *entry)
{
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

/* Room for as many as the index of asks holds. */
static err_t asks_grow(struct book *book)
{
	struct ask_entry **fresh = reallocarray(book->fresh, book->asks.cap, sizeof(struct ask_entry *));
	if (!fresh)
		return E_NOMEM;
	book->fresh = fresh;
	struct candidate *heap = reallocarray(book->heap, book->asks.cap, sizeof *heap);
	if (!heap)
		return E_NOMEM;
	book->heap = heap;
	return OK;
}

static err_t ask_insert(struct book *book, const struct ask *ask)
{
	struct ask_entry *entry = calloc(1, sizeof *entry);
	size_t cap = book->asks.cap;

	if (!entry)
		return E_NOMEM;
	entry->ask = *ask;
	entry->since = ++book->now;
	err_t e = index_insert(&book->asks, entry);
	if (e != OK) {
		free(entry);
		return e;
	}
	if (book->asks.cap != cap && (e = asks_grow(book)) != OK) {
		free(index_remove(&book->asks, ask->machine));
		book->asks.cap = cap; /* so that the next one grows all three again */
		return e;
	}
	mark_fresh(book, entry);
	return OK;
}

err_t book_put_ask(struct book *book, const struct ask *ask)
{
	struct ask_entry *entry = index_find(&book->asks, ask->machine);

	TRY(rule_check_ask(ask));
	if (!entry)
		return ask_insert(book, ask);
	if (asks_same(&entry->ask, ask))
		return OK;
	if (!prices_same(&entry->ask.prices, &ask->prices))
		entry->since = ++book->now;
	entry->ask = *ask;
	mark_fresh(book, entry);
	return OK;
}

void book_remove_ask(struct book *book, uuid machine)
{
	struct ask_entry *entry = index_remove(&book->asks, machine);

	if (!entry)
		return;
	for (size_t i = 0; entry->fresh && i < book->fresh_count; i++) {
		if (book->fresh[i] == entry) {
			book->fresh[i] = book->fresh[--book->fresh_count];
			break;
		}
	}
	free(entry);
}

/* ---- bids ---- */

static err_t bid_insert(struct book *book, const struct bid *bid)
{
	struct bid_entry *entry = calloc(1, sizeof *entry);
	size_t cap = book->bids.cap;

	if (!entry)
		return E_NOMEM;
	entry->bid = *bid;
	entry->since = ++book->now;
	err_t e = index_insert(&book->bids, entry);
	if (e != OK) {
		free(entry);
		return e;
	}
	if (book->bids.cap != cap) {
		struct bid_entry **queue = reallocarray(book->queue, book->bids.cap, sizeof(struct bid_entry *));

		if (!queue) {
			free(index_remove(&book->bids, bid->order));
			book->bids.cap = cap;
			return E_NOMEM;
		}
		book->queue = queue;
	}
	book->queue_sorted = false;
	return OK;
}

err_t book_put_bid(struct book *book, const struct bid *bid)
{
	struct bid_entry *entry = index_find(&book->bids, bid->order);

	TRY(rule_check_bid(bid));
	if (!entry)
		return bid_insert(book, bid);
	if (!prices_same(&entry->bid.max_prices, &bid->max_prices))
		entry->since = ++book->now;
	entry->bid = *bid;
	entry->tried = false;
	book->queue_sorted = false;
	return OK;
}

void book_remove_bid(struct book *book, uuid order)
{
	free(index_remove(&book->bids, order));
	book->queue_sorted = false;
}

static int compare_entries(const void *a, const void *b)
{
	const struct bid_entry *x = *(struct bid_entry *const *)a, *y = *(struct bid_entry *const *)b;
	int by_price = rule_compare_bids(&x->bid, &y->bid);

	return by_price ? by_price : (x->since > y->since) - (x->since < y->since);
}

static void sort_queue(struct book *book)
{
	if (book->queue_sorted)
		return;
	for (size_t i = 0; i < book->bids.count; i++)
		book->queue[i] = book->bids.items[i];
	if (book->bids.count)
		qsort(book->queue, book->bids.count, sizeof(struct bid_entry *), compare_entries);
	book->queue_sorted = true;
}

/* ---- a round ---- */

/* Is a served before b? */
static bool candidate_before(const struct candidate *a, const struct candidate *b)
{
	if (a->cost != b->cost)
		return a->cost < b->cost;
	if (a->entry->ask.rating_ppm != b->entry->ask.rating_ppm)
		return a->entry->ask.rating_ppm > b->entry->ask.rating_ppm;
	return a->entry->since < b->entry->since;
}

static void heap_sink(struct candidate *heap, size_t count, size_t at)
{
	struct candidate sinking = heap[at];

	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && candidate_before(&heap[child + 1], &heap[child]))
			child++;
		if (!candidate_before(&heap[child], &sinking))
			break;
		heap[at] = heap[child];
	}
	heap[at] = sinking;
}

static size_t heap_of_fitting(struct book *book, const struct bid_entry *entry)
{
	const struct bid *bid = &entry->bid;
	struct ask_entry **asks = entry->tried ? book->fresh : (struct ask_entry **)book->asks.items;
	size_t ask_count = entry->tried ? book->fresh_count : book->asks.count, count = 0;

	for (size_t i = 0; i < ask_count; i++) {
		if (rule_against(bid, &asks[i]->ask) == RULE_COUNT)
			book->heap[count++] = (struct candidate){
				.cost = rule_hour_cost(&asks[i]->ask.prices, bid->cores, bid->memory_mib),
				.entry = asks[i],
			};
	}
	for (size_t i = count / 2; i-- > 0;)
		heap_sink(book->heap, count, i);
	return count;
}

static struct match take_place(struct bid *bid, struct ask *ask)
{
	bid->places--;
	ask->cores_free -= bid->cores;
	ask->memory_free_mib -= bid->memory_mib;
	return (struct match){ bid->order, ask->machine, ask->prices, bid->cores, bid->memory_mib };
}

/* Fills one bid, at most max places. */
static size_t match_bid(struct book *book, struct bid_entry *entry, struct match *ret_matches, size_t max)
{
	struct bid *bid = &entry->bid;
	size_t matched = 0, left = heap_of_fitting(book, entry);

	while (left > 0 && bid->places > 0 && matched < max) {
		struct ask *ask = &book->heap[0].entry->ask;

		ret_matches[matched++] = take_place(bid, ask);
		/* The cheapest stays the cheapest until it is full. */
		if (ask->cores_free < bid->cores || ask->memory_free_mib < bid->memory_mib) {
			book->heap[0] = book->heap[--left];
			heap_sink(book->heap, left, 0);
		}
	}
	if (bid->places > 0 && left == 0)
		entry->tried = true;
	return matched;
}

size_t book_match(struct book *book, struct match *ret_matches, size_t max)
{
	size_t matched = 0;

	sort_queue(book);
	for (size_t i = 0; i < book->bids.count; i++) {
		struct bid_entry *entry = book->queue[i];

		if (entry->bid.places == 0 || (entry->tried && book->fresh_count == 0))
			continue;
		if (matched == max)
			return matched;
		matched += match_bid(book, entry, ret_matches + matched, max - matched);
	}
	/* Every bid has seen every ask, unless the last one was cut off by max: then the next call goes on with it. */
	if (matched < max)
		forget_fresh(book);
	return matched;
}

void book_return(struct book *book, const struct match *match, bool ask_too)
{
	struct bid_entry *bid = index_find(&book->bids, match->order);
	struct ask_entry *ask = index_find(&book->asks, match->machine);

	if (bid) {
		bid->bid.places++;
		bid->tried = false; /* it was filled, so it has not seen them all */
	}
	if (ask && ask_too) {
		ask->ask.cores_free += match->cores;
		ask->ask.memory_free_mib += match->memory_mib;
		mark_fresh(book, ask);
	} else if (ask) {
		book_remove_ask(book, match->machine);
	}
}

/* ---- looking in ---- */

const struct ask *book_ask(const struct book *book, uuid machine)
{
	struct ask_entry *entry = index_find(&book->asks, machine);

	return entry ? &entry->ask : NULL;
}

const struct bid *book_bid(const struct book *book, uuid order)
{
	struct bid_entry *entry = index_find(&book->bids, order);

	return entry ? &entry->bid : NULL;
}

size_t book_ask_count(const struct book *book)
{
	return book->asks.count;
}

size_t book_bid_count(const struct book *book)
{
	return book->bids.count;
}

void book_explain(const struct book *book, const struct bid *bid, struct explanation *ret)
{
	struct explanation e = { .asks = book->asks.count };

	for (size_t i = 0; i < book->asks.count; i++) {
		enum rule rule = rule_against(bid, &((struct ask_entry *)book->asks.items[i])->ask);

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
	struct level *levels = calloc(book->asks.count + 1, sizeof *levels);
	size_t count = 0;

	for (size_t i = 0; levels && i < book->asks.count; i++) {
		const struct ask *ask = &((struct ask_entry *)book->asks.items[i])->ask;

		if (ask->cores_free)
			levels[count++] = (struct level){ ask->prices.per_core_hour, ask->cores_free, 1 };
	}
	return levels_fold(levels, count, false, ret_levels, max);
}

size_t book_bid_levels(const struct book *book, struct level *ret_levels, size_t max)
{
	struct level *levels = calloc(book->bids.count + 1, sizeof *levels);
	size_t count = 0;

	for (size_t i = 0; levels && i < book->bids.count; i++) {
		const struct bid *bid = &((struct bid_entry *)book->bids.items[i])->bid;

		if (bid->places)
			levels[count++] = (struct level){ bid->max_prices.per_core_hour, (uint64_t)bid->places * bid->cores, 1 };
	}
	return levels_fold(levels, count, true, ret_levels, max);
}
