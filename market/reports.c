/* SPDX-License-Identifier: Apache-2.0
 * reports.c - what a machine says each few seconds, and what it is told
 *
 * How it works: a report is a state, its answer the state that should be (protocol/machine.h). A late or repeated one says nothing new and is
 * answered like any other. There is no transaction around it: each change it brings is stored by itself, and what failed is in
 * the next report again.
 */
#include "attest.h"
#include "bytes.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "live.h"
#include "networks.h"
#include "presence.h"
#include "relays.h"

#define TYPED_INTERVAL_US 250000

static const struct lease_report *report_of(const struct report *report, uuid lease)
{
	for (size_t i = 0; report && i < report->lease_count; i++)
		if (uuid_equal(report->leases[i].lease, lease))
			return &report->leases[i];
	return NULL;
}

static void on_settled(struct settled *settled, struct live *l, err_t e);
static void on_changed(struct changed *changed, err_t e);

/* A report while it is taken: the answer goes out when all that it brought is stored. */
struct hearing {
	struct request *r;
	struct report *report; /* NULL: it named no lease, and the rest is taken */
	struct settled settled;
	struct changed changed;
	size_t waits_for; /* what is on its way to the database */
	bool begun;	  /* all of it was read */
	err_t error;	  /* the first one that is not the machine's own fault */
};

/* More than 100 KiB, which malloc() would ask the kernel for and give back each time: one is kept. */
static struct report *spare;

static struct hearing *hearing_new(struct request *r)
{
	struct hearing *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->report = spare ? spare : malloc(sizeof *h->report); /* not cleared: only what is counted is read */
	spare = NULL;
	if (!h->report) {
		free(h);
		return NULL;
	}
	h->r = r;
	h->settled = (struct settled){ on_settled, h };
	h->changed = (struct changed){ .done = on_changed, .context = h };
	return h;
}

static void report_give_back(struct hearing *h)
{
	if (!h->report)
		return;
	if (spare)
		free(h->report);
	else
		spare = h->report;
	h->report = NULL;
}

static void hearing_free(struct hearing *h)
{
	report_give_back(h);
	free(h);
}

/* One lease's trouble is not the others'. */
static void note_trouble(struct hearing *h, err_t e)
{
	market_store_failed(market_of(h->r), e, "taking a lease's report");
	if (e && !h->error && e != E_INVALID && e != E_CONFLICT && e != E_OVERFLOW)
		h->error = e;
}

static void hear(struct hearing *h, struct presence *p)
{
	struct market *m = market_of(h->r);
	const struct report *report = h->report;
	bool change;
	h->waits_for++; /* before: it may be done at once */
	err_t heard = presence_heard(m, p, report, h->r->now, &h->changed, &change);
	h->waits_for -= heard || !change;
	note_trouble(h, heard);
	for (size_t i = 0; h->error != E_UNAVAILABLE && i < report->lease_count; i++) {
		const struct lease_report *said = &report->leases[i];
		struct live *l = live_get(m, said->lease);
		bool later;
		if (!l || l->machine != p)
			continue; /* ended, or never its own: the answer does not name it */
		err_t e = live_heard(m, l, report, said, h->r->now, h->r->now_mono, &later);
		if (e == OK && later) {
			h->waits_for++;
			meter_settle_later(m, l, &h->settled, h->r->now);
		}
		note_trouble(h, e);
	}
}

/* How it should be. */
static err_t order_for(struct request *r, const struct live *l, const struct lease_report *said, struct lease_order *ret)
{
	const struct lease_row *row = &l->row;
	bool ending = row->desired == LEASE_ENDED;
	*ret = (struct lease_order){
		.lease = row->l.id,
		.state = ending				? LEASE_ENDED
			 : row->desired == LEASE_PAUSED ? LEASE_PAUSED
							: LEASE_RUNNING,
		.reason = ending ? row->desired_reason : END_NONE,
		.ack_seq = row->usage.seq,
		.ack_hash = row->usage_hash,
		.console_from = console_from(&l->console, r->now_mono),
		.screen_width = screen_width(&l->screen, r->now_mono),
		.resets = row->resets,
		.peers_version = l->network->version,
	};
	ret->has_peers = !said || said->peers_version != l->network->version;
	if (!ret->has_peers)
		return OK;
	if (l->has_peer && l->peer.has_pin)
		relays_for(market_of(r)->relays, l->network->order, l->peer.id, l->peer.pin, r->now, &ret->relays);
	return network_peers(l->network, row->l.id, &ret->peers);
}

static bool is_busy(const struct live *l, const struct lease_order *order, const struct lease_report *said)
{
	return l->row.l.state == LEASE_MATCHED || l->row.l.state == LEASE_PREPARING || l->row.desired == LEASE_ENDED ||
	       order->console_from >= 0 || order->has_peers || !said;
}

/* Who types wants to see it soon. */
static int64_t interval_ms_of(const struct market *m, bool busy, bool typed)
{
	int64_t us = busy ? m->settings->busy_interval_us : m->settings->report_interval_us;
	return (typed && us > TYPED_INTERVAL_US ? TYPED_INTERVAL_US : us) / 1000;
}

static void note_for(const struct market *m, const struct presence *p, char *note, size_t size)
{
	size_t bids = book_bid_count(m->book);
	if (p->leases || !p->row.accepting)
		note[0] = 0;
	else if (bids == 0)
		(void)!text_copy(note, size, "no order waits for places");
	else
		snprintf(note, size, "%zu orders wait for places; none of them fits this machine's capacity, prices and rating",
			 bids);
}

static err_t answer_report(struct request *r, struct presence *p, const struct report *report)
{
	struct market *m = market_of(r);
	__attribute__((cleanup(report_answer_clear))) struct report_answer answer = { .now = r->now };
	bool busy = false, typed = false;
	size_t count = 0;
	for (const struct live *l = p->leases; l; l = l->next_of_machine)
		count++;
	answer.leases = calloc(count + 1, sizeof *answer.leases);
	if (!answer.leases)
		return E_NOMEM;
	for (struct live *l = p->leases; l; l = l->next_of_machine) {
		const struct lease_report *said = report_of(report, l->row.l.id);
		struct lease_order *order = &answer.leases[answer.lease_count];
		TRY(order_for(r, l, said, order));
		answer.lease_count++;
		l->told = true;
		busy |= is_busy(l, order, said) || screen_is_wanted(&l->screen, r->now_mono);
		typed |= console_is_typed(&l->console, r->now_mono);
	}
	answer.interval_ms = interval_ms_of(m, busy, typed);
	answer.has_question = attest_question(m, p, r->now, r->now_mono, &answer.question);
	note_for(m, p, answer.note, sizeof answer.note);
	char *text = report_answer_to_text(&answer);
	if (!text)
		return E_NOMEM;
	answer_text(r, 200, "application/json", text, strlen(text));
	return OK;
}

static void hearing_end(struct hearing *h)
{
	struct request *r = h->r;
	struct presence *p = presence_get(market_of(r), r->caller.machine);
	err_t e = h->error ? h->error : p ? answer_report(r, p, h->report) : E_UNAVAILABLE;
	if (e)
		gate_refuse(r, e);
	hearing_free(h);
}

/* Something that it waits for is there. */
static void hearing_go_on(struct hearing *h)
{
	struct request *r = h->r;
	if (--h->waits_for || !h->begun)
		return;
	hearing_end(h);
	request_resume(r);
	market_wake(market_of(r));
}

static void on_settled(struct settled *settled, struct live *l, err_t e)
{
	struct hearing *h = settled->context;
	note_trouble(h, e);
	if (l && !e)
		note_trouble(h, live_judge(market_of(h->r), l, clock_wall(), clock_mono()));
	hearing_go_on(h);
}

static void on_changed(struct changed *changed, err_t e)
{
	struct hearing *h = changed->context;
	note_trouble(h, e);
	hearing_go_on(h);
}

err_t machine_report(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	if (!uuid_equal(r->caller.machine, r->values.id[0]))
		return E_NOT_FOUND;
	struct presence *p = presence_get(m, r->caller.machine);
	if (!p)
		return E_UNAVAILABLE;
	struct hearing *h = hearing_new(r);
	if (!h)
		return E_NOMEM;
	err_t e = report_from_text(r->body.data, r->body.len, h->report, &error);
	if (e) {
		hearing_free(h);
		return refuse_json(r, &error);
	}
	p->last_report = r->now_mono;
	if (presence_is_news(p, h->report->boot, h->report->seq))
		hear(h, p);
	else
		h->waits_for += presence_wait(p, &h->changed); /* what the first one waits for */
	h->begun = true;
	if (!h->waits_for) {
		hearing_end(h);
		return OK;
	}
	if (!h->report->lease_count) /* after an outage very many wait at once */
		report_give_back(h);
	request_wait(r);
	return OK;
}

/* ---- what a lease is made of ---- */

err_t lease_spec_show(struct request *r)
{
	struct market *m = market_of(r);
	const struct live *l = live_get(m, r->values.id[0]);
	if (!l || !l->machine || !uuid_equal(l->row.l.machine, r->caller.machine))
		return E_NOT_FOUND;
	const struct lease *lease = &l->row.l;
	struct order order;
	struct image image;
	__attribute__((cleanup(lease_spec_clear))) struct lease_spec spec = {
		.lease = lease->id,
		.order = lease->order,
		.cores = lease->cores,
		.memory_mib = lease->memory_mib,
		.duration_s = l->row.duration_s,
		.prices = lease->prices,
		.self = network_lease_peer(lease),
	};
	TRY(store_order_get(m->store, lease->order, &order));
	spec.network = network_view_of(m, &order);
	TRY(store_image_get(m->store, lease->buyer, order.image, &image));
	TRY(store_order_user_data(m->store, lease->order, &spec.user_data));
	memcpy(spec.name, lease->name, sizeof spec.name);
	spec.image = order.image;
	spec.scratch_mib = order.constraints.scratch_mib;
	spec.max_freeze_s = order.constraints.max_freeze_s;
	spec.display = order.constraints.display;
	spec.warm = order.constraints.warm;
	spec.image_bytes = image.size_bytes;
	spec.cdrom_bus = image.cdrom_bus;
	answer_json(r, 200, lease_spec_to_json(&spec));
	return OK;
}
