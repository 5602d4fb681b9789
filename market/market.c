/* SPDX-License-Identifier: Apache-2.0
 * market.c - starting, stopping, and catching up with what requests and reports have changed
 */
#include "market.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "attest.h"
#include "calibrate.h"
#include "events.h"
#include "file.h"
#include "fills.h"
#include "forward.h"
#include "gate.h"
#include "holding.h"
#include "lane.h"
#include "lines.h"
#include "live.h"
#include "log.h"
#include "mails.h"
#include "matching.h"
#include "metrics.h"
#include "networks.h"
#include "payments.h"
#include "presence.h"
#include "samples.h"
#include "ticks.h"

#define PASSWORD_THREADS 2 /* scrypt takes 32 MiB and a core each */
#define DISK_THREADS 2
#define CODES_BURST 10 /* tries of a second factor, of one account: at 3 in a million each, a year of them finds none */
#define CODES_REFILL_US (5 * MINUTE_US)
#define DISK_QUEUE 256
#define RELOADED_AT_ONCE 500

/* ---- noting what changed ---- */

static void touch(struct market *m, struct uuid_list *list, uuid id)
{
	if (m->holds_book && uuid_list_add(list, id) != OK) /* another market hears of it by its sweep */
		log_error("out of memory: a change is seen late", "%s", "");
	market_wake(m);
}

void market_touch_order(struct market *m, uuid order)
{
	touch(m, &m->touched_orders, order);
}

void market_touch_machine(struct market *m, uuid machine)
{
	touch(m, &m->touched_machines, machine);
}

void market_touch_lease(struct market *m, uuid lease)
{
	touch(m, &m->touched_leases, lease);
}

void market_wake(struct market *m)
{
	if (m->woken || m->catch_up_fd < 0)
		return;
	if (eventfd_write(m->catch_up_fd, 1))
		log_error("cannot wake the market", "errno=%d", errno);
	else
		m->woken = true;
}

err_t market_store_failed(struct market *m, err_t e, const char *doing)
{
	static struct log_bucket bucket;
	if (e == OK)
		return OK;
	if (e == E_DENIED && m->holds_book && !m->book_lost) {
		log_warn("another market holds the book", "doing=%s", doing);
		m->book_lost = true;
		loop_stop(m->loop);
	} else if (e == E_UNAVAILABLE && m->database_up)
		log_error("the database does not answer", "doing=%s why=%s", doing, store_error(m->store));
	else if (e != E_UNAVAILABLE && log_allowed(&bucket))
		log_error("the store refused", "doing=%s error=%s why=%s", doing, err_name(e), store_error(m->store));
	if (e == E_UNAVAILABLE)
		m->database_up = false;
	return e;
}

/* Reads again what is in the list, many at once. What fails stays in it for the next time. */
typedef err_t reload_fn(struct market *m, const uuid *ids, size_t count);
static void reload_all(struct market *m, struct uuid_list *list, reload_fn *reload, const char *doing)
{
	struct uuid_list taken = *list;
	*list = (struct uuid_list){ 0 };
	for (size_t i = 0, n; i < taken.count; i += n) {
		n = taken.count - i < RELOADED_AT_ONCE ? taken.count - i : RELOADED_AT_ONCE;
		err_t e = m->database_up ? reload(m, taken.ids + i, n) : E_UNAVAILABLE;
		market_store_failed(m, e, doing);
		for (size_t k = i; e && k < i + n; k++)
			if (uuid_list_add(list, taken.ids[k]) != OK)
				log_error("out of memory: a change is seen late", "%s", "");
	}
	uuid_list_clear(&taken);
}

static err_t machines_reload(struct market *m, const uuid *ids, size_t count)
{
	err_t first = OK;
	for (size_t i = 0; i < count; i++) {
		err_t e = presence_reload(m, ids[i]);
		if (e != E_NOT_FOUND && !first) /* its transaction was rolled back */
			first = e;
	}
	return first;
}

void market_catch_up(struct market *m)
{
	if (m->stopping || !m->database_up)
		return;
	fills_settle(m, clock_mono());
	reload_all(m, &m->touched_leases, lives_reload, "reading leases again");
	reload_all(m, &m->touched_machines, machines_reload, "reading machines again");
	reload_all(m, &m->touched_orders, orders_reload, "reading orders again");
	if (m->match_wanted && m->database_up) {
		matching_run(m, clock_wall());
		reload_all(m, &m->touched_orders, orders_reload, "reading orders again");
	}
	events_send(m);
}

static void on_wake(void *context, int fd, uint32_t events)
{
	(void)events;
	eventfd_t count;
	struct market *m = context;
	m->woken = false; /* before: what is touched from here on is seen in another turn */
	if (eventfd_read(fd, &count) == 0)
		market_catch_up(m);
}

/* ---- loading ---- */

static err_t load_machines(struct market *m)
{
	struct machine_row *rows = NULL;
	size_t count;
	TRY(store_machine_list(m->store, (uuid){ 0 }, &rows, &count));
	err_t e = OK;
	for (size_t i = 0; i < count && !e; i++) {
		struct presence *p;
		e = presence_put(m, &rows[i], &p);
	}
	free(rows);
	return e;
}

static err_t load_leases(struct market *m)
{
	struct lease_row *rows = NULL;
	size_t count;
	mono_time now = clock_mono();
	TRY(store_lease_list_live(m->store, &rows, &count));
	err_t e = OK;
	for (size_t i = 0; i < count && !e; i++)
		e = live_put(m, &rows[i], now);
	free(rows);
	TRY(e);
	/* Those that ended while the database's answer was lost. */
	size_t known;
	void **all = uuid_map_values(&m->leases, &known);
	for (size_t i = 0; i < known; i++) {
		struct live *l = all[i];
		if (!l->ended.us)
			market_touch_lease(m, l->row.l.id);
	}
	free(all);
	return OK;
}

static err_t load_orders(struct market *m)
{
	struct book_order *rows = NULL;
	size_t count;
	TRY(store_order_list_open(m->store, &rows, &count));
	err_t e = OK;
	for (size_t i = 0; i < count && !e; i++)
		e = order_put(m, &rows[i]);
	free(rows);
	size_t known;
	void **all = uuid_map_values(&m->orders, &known);
	for (size_t i = 0; i < known; i++)
		market_touch_order(m, ((struct open_order *)all[i])->id);
	free(all);
	return e;
}

err_t market_load(struct market *m)
{
	TRY(load_machines(m));
	TRY(load_leases(m));
	TRY(ticks_load(m));
	TRY(load_orders(m));
	TRY(attest_load(m));
	TRY(calibrate_load(m));
	m->hearing_since = clock_mono();
	m->database_up = true;
	return OK;
}

/* ---- start and stop ---- */

static const char *web_dir_of(const struct market *m, char *path, size_t size)
{
	if (m->settings->web_dir[0])
		return m->settings->web_dir;
	snprintf(path, size, "%s/web", m->resources_dir);
	return path;
}

err_t market_start(struct market *m, const struct http_config *http)
{
	char web[4096];
	m->catch_up_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->catch_up_fd < 0)
		return E_IO;
	TRY(loop_fd_add(m->loop, m->catch_up_fd, EPOLLIN, on_wake, m));
	TRY(workers_new(m->loop, PASSWORD_THREADS, (int)m->settings->logins_queue, &m->passwords));
	TRY(workers_new(m->loop, DISK_THREADS, DISK_QUEUE, &m->disks));
	TRY(payments_start(m));
	TRY(rate_new((uint32_t)m->settings->signups_burst, m->settings->signups_refill_us, &m->signups));
	TRY(rate_new((uint32_t)m->settings->strangers_burst, m->settings->strangers_refill_us, &m->strangers));
	TRY(rate_new((uint32_t)m->settings->requests_burst, m->settings->requests_refill_us, &m->callers));
	TRY(rate_new(CODES_BURST, CODES_REFILL_US, &m->codes));
	TRY(files_load(web_dir_of(m, web, sizeof web), &m->pages));
	TRY(gate_new(&m->gate));
	TRY(metrics_new(&m->metrics));
	TRY(samples_new(&m->samples));
	TRY(events_new(m, &m->events));
	TRY(book_new(&m->book));
	TRY(calibrate_new(m, &m->calibrations));
	m->lines = lines_new();
	if (!m->lines)
		return E_NOMEM;
	TRY(password_hash("the password of nobody", m->decoy_hash));
	TRY(holding_start(m));
	TRY(http_start(m->loop, http, &m->http));
	m->hearing_since = clock_mono();
	market_wake(m);
	return sweeps_start(m);
}

/* What was heard is charged, though the next report would bring it again. */
static void settle_all(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->leases, &count);
	err_t e = OK;
	for (size_t i = 0; i < count && e != E_UNAVAILABLE && !m->book_lost; i++) {
		struct live *l = all[i];
		if (!l->ended.us)
			e = market_store_failed(m, meter_settle(m, l, clock_wall(), clock_mono()), "settling before the end");
	}
	free(all);
}

void market_stop(struct market *m)
{
	m->stopping = true;
	http_quiesce(m->http);
	/* They resume their requests. */
	workers_free(m->passwords);
	workers_free(m->disks);
	payments_stop(m);
	mails_stop(m);
	calibrate_free(m->calibrations);
	lines_free(m->lines);
	lane_close(m->lane);
	for (int i = 0; i < PLACING_LANES; i++)
		lane_close(m->placing_lanes[i]);
	lane_close(m->chain_lane);
	forward_free(m->forward);
	http_stop(m->http);
	settle_all(m);
	if (m->holds_book && presence_write_seen(m, clock_wall()) != OK)
		log_warn("when machines were seen is not written", "%s", "");
	holding_stop(m);
	events_free(m->events);
	live_free_all(m);
	networks_free_all(m);
	presence_free_all(m);
	orders_free_all(m);
	fills_free_all(m);
	uuid_map_clear(&m->wakers);
	book_free(m->book);
	metrics_free(m->metrics);
	samples_free(m->samples);
	gate_free(m->gate);
	files_free(m->pages);
	free(m->rules);
	rate_free(m->signups);
	rate_free(m->strangers);
	rate_free(m->callers);
	rate_free(m->codes);
	uuid_list_clear(&m->touched_orders);
	uuid_list_clear(&m->touched_machines);
	uuid_list_clear(&m->touched_leases);
	loop_fd_remove(m->loop, m->catch_up_fd);
	fd_close(&m->catch_up_fd);
}
