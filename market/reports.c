/* SPDX-License-Identifier: Apache-2.0
 * reports.c - what a machine says each few seconds, and what it is told
 *
 * How it works: a report is a state, its answer the state that should be (protocol/machine.h). A late or repeated one says nothing new and is
 * answered like any other. There is no transaction around it: each change it brings is stored by itself, and what failed is in
 * the next report again.
 */
#include "attest.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "live.h"
#include "networks.h"
#include "presence.h"
#include "relays.h"

static const struct lease_report *report_of(const struct report *report, uuid lease)
{
	for (size_t i = 0; i < report->lease_count; i++)
		if (uuid_equal(report->leases[i].lease, lease))
			return &report->leases[i];
	return NULL;
}

static err_t hear(struct market *m, struct presence *p, const struct report *report, wall_time now, mono_time now_mono)
{
	err_t first = OK;
	TRY(presence_heard(m, p, report, now));
	for (size_t i = 0; i < report->lease_count; i++) {
		const struct lease_report *said = &report->leases[i];
		struct live *l = live_get(m, said->lease);
		if (!l || l->machine != p)
			continue; /* ended, or never its own: the answer does not name it */
		err_t e = live_heard(m, l, report, said, now, now_mono);
		if (e == E_UNAVAILABLE)
			return e;
		/* One lease's trouble is not the others'. */
		if (e && !first)
			first = e;
		market_store_failed(m, e, "taking a lease's report");
	}
	return first == OK || first == E_INVALID || first == E_CONFLICT || first == E_OVERFLOW ? OK : first;
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

static void note_for(const struct market *m, const struct presence *p, char *note, size_t size)
{
	size_t bids = book_bid_count(m->book);
	if (p->leases || !p->row.accepting)
		note[0] = 0;
	else if (bids == 0)
		snprintf(note, size, "no order waits for places");
	else
		snprintf(note, size, "%zu orders wait for places; none of them fits this machine's capacity, prices and rating",
			 bids);
}

static err_t answer_report(struct request *r, struct presence *p, const struct report *report)
{
	struct market *m = market_of(r);
	__attribute__((cleanup(report_answer_clear))) struct report_answer answer = { .now = r->now };
	bool busy = false;
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
		busy |= is_busy(l, order, said);
	}
	answer.interval_ms = (busy ? m->settings->busy_interval_us : m->settings->report_interval_us) / 1000;
	answer.has_question = attest_question(m, p, r->now, r->now_mono, &answer.question);
	note_for(m, p, answer.note, sizeof answer.note);
	answer_json(r, 200, report_answer_to_json(&answer));
	return OK;
}

err_t machine_report(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	AUTO_FREE struct report *report = NULL;
	if (!uuid_equal(r->caller.machine, r->values.id[0]))
		return E_NOT_FOUND;
	struct presence *p = presence_get(m, r->caller.machine);
	if (!p)
		return E_UNAVAILABLE;
	report = calloc(1, sizeof *report);
	if (!report)
		return E_NOMEM;
	if (report_from_json(r->json, report, &error) != OK)
		return refuse_json(r, &error);
	p->last_report = r->now_mono;
	if (presence_is_news(p, report->boot, report->seq))
		TRY(hear(m, p, report, r->now, r->now_mono));
	return answer_report(r, p, report);
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
	spec.image_bytes = image.size_bytes;
	spec.cdrom_bus = image.cdrom_bus;
	answer_json(r, 200, lease_spec_to_json(&spec));
	return OK;
}
