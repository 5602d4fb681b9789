/* SPDX-License-Identifier: Apache-2.0
 * receipt.c - what an order cost, lease by lease; what one lease did, for its seller, too
 */
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "receipt.h"

struct totals {
	int64_t vcpu_ns, running_us, bytes;
	money charged, commission;
};

static err_t add(struct totals *t, const struct lease *l)
{
	t->vcpu_ns += l->vcpu_ns;
	t->running_us += l->running_us;
	t->bytes += l->tx_bytes + l->rx_bytes;
	TRY(money_add(t->charged, l->charged, &t->charged));
	return money_add(t->commission, l->commission, &t->commission);
}

/* With what its machine signed: enough to check it without asking us. */
static json_t *line_of(const struct lease_row *row)
{
	const struct lease *l = &row->l;
	json_t *line = json_object();
	json_put_uuid(line, "lease", l->id);
	json_put_text(line, "name", l->name);
	json_put_text(line, "seller_name", l->seller_name);
	json_put_text(line, "machine_name", l->machine_name);
	json_put_text(line, "state", lease_state_names[l->state]);
	json_put_text(line, "reason", end_reason_names[l->reason]);
	json_put_int(line, "cores", l->cores);
	json_put_int(line, "memory_mib", l->memory_mib);
	json_put_time(line, "started_at", l->started_at);
	json_put_time(line, "ended_at", l->ended_at);
	json_put_int(line, "vcpu_ns", l->vcpu_ns);
	json_put_int(line, "running_us", l->running_us);
	json_put_int(line, "tx_bytes", l->tx_bytes);
	json_put_int(line, "rx_bytes", l->rx_bytes);
	prices_put(line, "", &l->prices);
	json_put_money(line, "charged_micro", l->charged);
	json_put_money(line, "commission_micro", l->commission);
	json_put_money(line, "refunded_micro", row->refunded);
	json_put_bool(line, "usage_cut", l->usage_cut);
	json_put_uuid(line, "machine", l->machine);
	json_put_hex(line, "machine_key", row->key.bytes, sizeof row->key.bytes);
	if (row->usage.seq)
		json_put(line, "usage", usage_to_json(&row->usage));
	return line;
}

/* order: whose id and charge are those of these leases. Takes it. */
static err_t answer_receipt(struct request *r, json_t *order, const struct lease_row *rows, size_t count)
{
	const struct market *m = market_of(r);
	struct totals t = { 0 };
	AUTO_JSON answer = json_object();
	AUTO_JSON lines = json_array();
	json_t *totals = json_object();
	json_put_text(answer, "market", m->settings->name);
	json_put_text(answer, "currency", m->settings->currency);
	json_put(answer, "order", order);
	json_put(answer, "leases", json_incref(lines));
	json_put(answer, "totals", totals);
	for (size_t i = 0; i < count; i++) {
		TRY(add(&t, &rows[i].l));
		json_array_append_new(lines, line_of(&rows[i]));
	}
	json_put_int(totals, "vcpu_ns", t.vcpu_ns);
	json_put_int(totals, "running_us", t.running_us);
	json_put_int(totals, "bytes", t.bytes);
	json_put_money(totals, "charged_micro", t.charged);
	json_put_money(totals, "commission_micro", t.commission);
	json_put_time(answer, "issued_at", r->now);
	TRY(receipt_sign(answer, m->signing_key));
	answer_json(r, 200, json_incref(answer));
	return OK;
}

err_t order_receipt(struct request *r)
{
	struct market *m = market_of(r);
	struct order order;
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(store_order_get(m->store, r->values.id[0], &order));
	if (!uuid_equal(order.buyer, r->caller.account))
		return E_NOT_FOUND;
	TRY(store_lease_list_of_order(m->store, order.id, r->caller.account, &rows, &count));
	return answer_receipt(r, order_to_json(&order), rows, count);
}

/* For both sides: of the order it has no more than the id. */
err_t lease_receipt(struct request *r)
{
	struct lease_row row;
	TRY(gate_lease(r, &row));
	json_t *order = json_object();
	json_put_uuid(order, "id", row.l.order);
	json_put_money(order, "charged_micro", row.l.charged);
	return answer_receipt(r, order, &row, 1);
}
