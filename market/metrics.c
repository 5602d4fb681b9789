/* SPDX-License-Identifier: Apache-2.0
 * metrics.c - what the market counts, in Prometheus' text format
 */
#include "metrics.h"

#include "calibrate.h"
#include "events.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "mails.h"
#include "presence.h"

#define ROUTES_MAX 256
#define LEDGER_US (30 * SECOND_US) /* adding up the ledger takes a while: not for every reader */
#define CLASSES 6		   /* of statuses: 1xx … 5xx */

struct metrics {
	uint64_t requests[ROUTES_MAX][CLASSES], time_us[ROUTES_MAX], elsewhere;
	struct ledger_report ledger;
	mono_time ledger_at; /* us 0: never */
};

err_t metrics_new(struct metrics **ret_metrics)
{
	struct metrics *x = calloc(1, sizeof *x);
	if (!x)
		return E_NOMEM;
	*ret_metrics = x;
	return OK;
}

void metrics_free(struct metrics *x)
{
	free(x);
}

void metrics_done(struct request *r)
{
	struct metrics *x = market_of(r)->metrics;
	int64_t took_us = clock_mono().us - r->since.us;
	size_t route = r->route ? (size_t)(r->route - market_routes) : ROUTES_MAX;
	int status = r->answer.status;
	if (route < ROUTES_MAX && status >= 100 && status < 600) {
		x->requests[route][status / 100]++;
		x->time_us[route] += (uint64_t)took_us;
	} else {
		x->elsewhere++;
	}
	bool news = r->route && !(r->route->flags & ROUTE_QUIET) && strcmp(r->route->method, "GET") && status < 400;
	log_at(status >= 500 ? LOG_WARN
	       : news	     ? LOG_INFO
			     : LOG_DEBUG,
	       "request", "id=%s method=%s path=%s status=%d took_us=%lld from=%s", r->id, r->method, r->path, status,
	       (long long)took_us, r->address);
}

static void name_and_type(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP cpushare_%s %s\n# TYPE cpushare_%s %s\n", name, help, name, type);
}

static void gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	name_and_type(out, name, "gauge", help);
	buf_printf(out, "cpushare_%s %lld\n", name, (long long)value);
}

static void put_requests(const struct metrics *x, struct buf *out)
{
	name_and_type(out, "http_requests_total", "counter", "Requests by route and class of status.");
	for (size_t i = 0; i < ROUTES_MAX && market_routes[i].method; i++)
		for (int class = 1; class < CLASSES; class ++)
			if (x->requests[i][class])
				buf_printf(out, "cpushare_http_requests_total{method=\"%s\",route=\"%s\",status=\"%dxx\"} %llu\n",
					   market_routes[i].method, market_routes[i].pattern, class,
					   (unsigned long long)x->requests[i][class]);
	buf_printf(out, "cpushare_http_requests_total{method=\"\",route=\"\",status=\"\"} %llu\n",
		   (unsigned long long)x->elsewhere);
	name_and_type(out, "http_request_seconds_total", "counter", "Time from a request's headers to the end of its answer.");
	for (size_t i = 0; i < ROUTES_MAX && market_routes[i].method; i++)
		if (x->time_us[i])
			buf_printf(out, "cpushare_http_request_seconds_total{method=\"%s\",route=\"%s\"} %llu.%06llu\n",
				   market_routes[i].method, market_routes[i].pattern,
				   (unsigned long long)(x->time_us[i] / 1000000), (unsigned long long)(x->time_us[i] % 1000000));
}

static void put_leases(struct market *m, struct buf *out)
{
	size_t count, by_state[LEASE_STATE_COUNT] = { 0 };
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count; i++) {
		const struct live *l = all[i];
		by_state[l->row.l.state]++;
	}
	free(all);
	name_and_type(out, "leases", "gauge", "Leases in memory by state.");
	for (int i = 0; i < LEASE_ENDED; i++)
		buf_printf(out, "cpushare_leases{state=\"%s\"} %zu\n", lease_state_names[i], by_state[i]);
}

static void put_machines(struct market *m, struct buf *out)
{
	size_t count, by_state[MACHINE_STATE_COUNT] = { 0 };
	void **all = uuid_map_values(&m->machines, &count);
	for (size_t i = 0; i < count; i++) {
		const struct presence *p = all[i];
		by_state[p->row.m.state]++;
	}
	free(all);
	name_and_type(out, "machines", "gauge", "Machines by state.");
	for (int i = 0; i < MACHINE_RETIRED; i++)
		buf_printf(out, "cpushare_machines{state=\"%s\"} %zu\n", machine_state_names[i], by_state[i]);
}

static void put_calibrations(const struct market *m, struct buf *out)
{
	struct calibration_counts counts = calibrate_counts(m);
	name_and_type(out, "calibrations_total", "counter", "Calibrations that ended, by what came of them.");
	for (int i = CALIBRATION_GOOD; i < CALIBRATION_RESULT_COUNT; i++)
		buf_printf(out, "cpushare_calibrations_total{result=\"%s\"} %llu\n", calibration_result_names[i],
			   (unsigned long long)counts.results[i]);
	gauge(out, "calibrations", "Calibrations under way.", (int64_t)counts.results[CALIBRATION_RUNS]);
}

static void put_mail(const struct market *m, struct buf *out)
{
	if (!m->mails)
		return;
	struct mail_sums sums = mails_sums(m->mails);
	name_and_type(out, "mails", "gauge", "Mails by what became of them, of the last 30 days.");
	for (int i = 0; i < MAIL_STATE_COUNT; i++)
		buf_printf(out, "cpushare_mails{state=\"%s\"} %lld\n", mail_state_names[i], (long long)sums.count[i]);
}

static void put_ledger(struct market *m, mono_time now, struct buf *out)
{
	struct metrics *x = m->metrics;
	if (m->database_up && (!x->ledger_at.us || now.us - x->ledger_at.us > LEDGER_US) &&
	    store_ledger_verify(m->store, &x->ledger) == OK)
		x->ledger_at = now;
	if (!x->ledger_at.us)
		return;
	gauge(out, "ledger_sum_micro", "Sum over all ledger accounts: 0.", x->ledger.sum_micro);
	gauge(out, "ledger_unbalanced", "Ledger accounts that differ from their entries: 0.", x->ledger.unbalanced);
	gauge(out, "ledger_postings", "Postings.", x->ledger.postings);
}

err_t metrics_show(struct request *r)
{
	struct market *m = market_of(r);
	/* How busy a market is, is its operator's business: Prometheus reads it from this machine. */
	if (strncmp(r->address, "127.", 4) && strcmp(r->address, "::1"))
		return refuse(r, REFUSE_NOT_OPERATOR, NULL, "metrics are shown to this machine only");
	struct buf out = { 0 };
	put_requests(m->metrics, &out);
	put_leases(m, &out);
	put_machines(m, &out);
	put_calibrations(m, &out);
	gauge(&out, "open_orders", "Orders with places to fill.", (int64_t)m->orders.count);
	gauge(&out, "book_asks", "Asks in the book.", (int64_t)book_ask_count(m->book));
	gauge(&out, "book_bids", "Bids in the book.", (int64_t)book_bid_count(m->book));
	gauge(&out, "event_streams", "Open event streams.", (int64_t)events_count(m->events));
	gauge(&out, "connections", "Open connections.", http_connection_count(m->http));
	gauge(&out, "database_up", "1 where the database answers.", m->database_up);
	gauge(&out, "book_held", "1 where this market holds the book.", m->holds_book);
	put_mail(m, &out);
	put_ledger(m, r->now_mono, &out);
	size_t len = out.len;
	char *text = buf_take(&out);
	if (!text)
		return E_NOMEM;
	answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", text, len);
	return OK;
}
