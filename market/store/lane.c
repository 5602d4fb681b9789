/* SPDX-License-Identifier: Apache-2.0
 * lane.c - group commit: queues, and the one batch that is under way
 *
 * How it works: an item waits in its kind's queue. When nothing is under way the next kind that has some, around and around, sends up to
 * BATCH_MAX of its items as one statement, a transaction by itself. Its rows tell each item's outcome. Where the statement fails as a
 * whole, which no item should make it do, each of its items goes once more in a batch of its own, so that one cannot spoil the others'
 * and learns its own failure. A connection that is lost, is silent, or does not answer within ANSWER_US, ends the batch with E_UNAVAILABLE. It is
 * watched also while nothing is under way, so that one that was lost then costs no batch.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include "batch.h"
#include "log.h"

#define KINDS 4
#define ANSWER_US (15 * SECOND_US)
#define CLOSE_US (5 * SECOND_US)

struct queue {
	const struct batch_kind *kind;
	struct item *first, **last;
};
struct lane {
	struct loop *loop;
	struct store *store;
	struct queue queues[KINDS];
	int turn; /* the queue that is asked first */
	struct item *items[BATCH_MAX];
	size_t count; /* under way; 0: nothing is */
	int fd;	      /* watched; -1: none */
	bool writing, closing;
	mono_time since;
	int timer;
	int64_t epoch, told; /* of the book; what the connection was told */
};

void lane_set_epoch(struct lane *l, int64_t epoch)
{
	l->epoch = epoch;
}

static struct queue *queue_of(struct lane *l, const struct batch_kind *kind)
{
	struct queue *q = l->queues;
	while (q->kind && q->kind != kind)
		q++; /* there are as many places as kinds */
	if (!q->kind)
		*q = (struct queue){ kind, NULL, &q->first };
	return q;
}

static void queue_add(struct queue *q, struct item *item)
{
	item->next = NULL;
	*q->last = item;
	q->last = &item->next;
}

/* In front of those that wait, in their own order. */
static void queue_return(struct queue *q, struct item **items, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		items[i]->next = q->first;
		if (!q->first)
			q->last = &items[i]->next;
		q->first = items[i];
	}
}

static void queue_take(struct lane *l, struct queue *q)
{
	l->count = 0;
	while (q->first && l->count < BATCH_MAX) {
		struct item *item = q->first;
		if (l->count && (item->alone || l->items[0]->alone))
			break;
		if (q->kind->fits && !q->kind->fits(item, l->items, l->count))
			break;
		q->first = item->next;
		if (!q->first)
			q->last = &q->first;
		l->items[l->count++] = item;
	}
}

/* The connection is gone, and its descriptor perhaps another's soon. */
static void unwatch(struct lane *l)
{
	loop_fd_remove(l->loop, l->fd);
	l->fd = -1;
}

static void finish(struct lane *l, err_t e)
{
	struct item *items[BATCH_MAX];
	size_t count = l->count;
	memcpy(items, l->items, count * sizeof *items);
	l->count = 0;
	for (size_t i = 0; i < count; i++)
		items[i]->done(items[i], e);
}

/* The statement failed: the items' fault, or the server's. */
static void failed(struct lane *l, err_t e)
{
	if (e == E_UNAVAILABLE)
		unwatch(l);
	if (e == E_UNAVAILABLE || l->count == 1) {
		finish(l, e);
		return;
	}
	log_warn("a batch is tried again, item by item", "items=%zu error=%s why=%s", l->count, err_name(e),
		 store_error(l->store));
	struct queue *q = queue_of(l, l->items[0]->kind);
	for (size_t i = 0; i < l->count; i++)
		l->items[i]->alone = true;
	queue_return(q, l->items, l->count);
	l->count = 0;
}

static void done(struct lane *l, const PGresult *result)
{
	struct item *items[BATCH_MAX], *again[BATCH_MAX];
	size_t count = l->count, again_count = 0;
	const struct batch_kind *kind = l->items[0]->kind;
	memcpy(items, l->items, count * sizeof *items);
	if ((size_t)PQntuples(result) != count) {
		finish(l, store_fail(l->store, E_INTERNAL, "a batch of %zu was answered with %d rows", count, PQntuples(result)));
		return;
	}
	l->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct row row = row_of(result, (int)i);
		err_t e = kind->read(&row, items[i]), wrong = row_end(l->store, &row);
		if (e == E_AGAIN && !items[i]->alone) {
			items[i]->alone = true;
			again[again_count++] = items[i];
		} else {
			items[i]->done(items[i], wrong ? wrong : e);
		}
	}
	queue_return(queue_of(l, kind), again, again_count);
}

static void begin(struct lane *l);

static void on_ready(void *context, int fd, uint32_t events);

static void watch(struct lane *l, bool writing)
{
	uint32_t events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0);
	int fd = PQsocket(l->store->db);
	err_t e = OK;
	if (l->fd != fd) {
		e = loop_fd_add(l->loop, fd, events, on_ready, l);
		l->fd = fd;
	} else if (l->writing != writing) {
		e = loop_fd_change(l->loop, fd, events);
	}
	l->writing = writing;
	if (e)
		log_error("a lane's socket cannot be watched", "error=%s", err_name(e)); /* the timer ends it */
}

static void receive(struct lane *l)
{
	AUTO_RESULT *result = NULL;
	enum progress progress;
	err_t e = store_receive(l->store, &progress, &result);
	if (e == OK && progress != ANSWERED) {
		watch(l, progress == SENDING);
		return;
	}
	if (e != E_UNAVAILABLE)
		watch(l, false);
	if (e)
		failed(l, e);
	else
		done(l, result);
	begin(l);
}

static void on_ready(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	struct lane *l = context;
	if (l->count) {
		receive(l);
	} else if (store_idle(l->store) != OK) {
		unwatch(l); /* the next batch connects anew */
	}
}

/* Where the book changed hands since the last batch. */
static err_t tell_epoch(struct lane *l)
{
	if (l->told == l->epoch)
		return OK;
	l->told = l->epoch; /* also where the connection is lost: the next one is told as it is made */
	return store_set_epoch(l->store, l->epoch);
}

/* Sends the next batch, where nothing is under way. */
static void begin(struct lane *l)
{
	for (int tried = 0; tried < KINDS && !l->count && !l->closing; tried++) {
		struct queue *q = &l->queues[l->turn++ % KINDS];
		if (!q->first)
			continue;
		struct params p = { 0 };
		queue_take(l, q);
		err_t e = tell_epoch(l);
		if (e == OK) {
			q->kind->fill(&p, l->items, l->count);
			e = store_send(l->store, q->kind->sql, &p);
		}
		if (e) {
			failed(l, e);
			tried = -1; /* what waits is told as well, or goes alone */
			continue;
		}
		l->since = clock_mono();
		watch(l, true);
	}
}

static void on_timer(void *context, mono_time now)
{
	struct lane *l = context;
	if (!l->count || (now.us - l->since.us < ANSWER_US && !store_silent(l->store)))
		return;
	failed(l, store_drop(l->store, "the database does not answer"));
	begin(l);
}

bool batch_alone(const struct item *item, struct item *const *others, size_t count)
{
	(void)item;
	(void)others;
	return count == 0;
}

void lane_add(struct lane *l, const struct batch_kind *kind, struct item *item)
{
	item->kind = kind;
	item->alone = false;
	queue_add(queue_of(l, kind), item);
	begin(l);
}

err_t lane_open(struct loop *loop, const char *uri, const struct pulse *pulse, struct lane **ret_lane)
{
	struct lane *l = calloc(1, sizeof *l);
	if (!l)
		return E_NOMEM;
	l->loop = loop;
	l->fd = -1;
	err_t e = store_open(uri, &l->store);
	if (e == OK)
		store_watch(l->store, pulse);
	l->timer = e ? 0 : loop_timer_add(loop, SECOND_US, on_timer, l);
	if (!l->timer) {
		store_close(l->store);
		free(l);
		return e ? e : E_NOMEM;
	}
	*ret_lane = l;
	return OK;
}

void lane_close(struct lane *l)
{
	if (!l)
		return;
	for (mono_time until = { clock_mono().us + CLOSE_US }; l->count && clock_mono().us < until.us;) {
		struct pollfd fd = { .fd = PQsocket(l->store->db), .events = POLLIN };
		if (poll(&fd, 1, 100) > 0)
			receive(l);
	}
	l->closing = true;
	unwatch(l);
	finish(l, E_UNAVAILABLE);
	for (int i = 0; i < KINDS; i++)
		for (struct item *item = l->queues[i].first, *next; item; item = next) {
			next = item->next;
			item->done(item, E_UNAVAILABLE);
		}
	loop_timer_remove(l->loop, l->timer);
	store_close(l->store);
	free(l);
}
