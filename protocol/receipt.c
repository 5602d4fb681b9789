/* SPDX-License-Identifier: Apache-2.0
 * receipt.c - what an order cost, signed by the market: anybody can check it later, without asking the market
 */
#include "receipt.h"

#include <stdlib.h>
#include <string.h>
#include "buf.h"
#include "field.h"

/* What the signature covers. */
static err_t signed_text(json_t *receipt, struct buf *ret)
{
	static const char label[] = "cpushare-receipt-v1";
	AUTO_JSON bare = json_copy(receipt);
	if (!bare)
		return E_NOMEM;
	json_object_del(bare, "signature");
	char *text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return E_NOMEM;
	buf_append(ret, label, sizeof label);
	buf_puts(ret, text);
	free(text);
	return ret->error;
}

err_t receipt_sign(json_t *receipt, const struct ed25519_key *key)
{
	AUTO_BUF text = { 0 };
	ed25519_public public = ed25519_public_of(key);
	json_put_hex(receipt, "receipt_key", public.bytes, sizeof public.bytes);
	TRY(signed_text(receipt, &text));
	ed25519_signature signature = ed25519_sign(key, text.data, text.len);
	json_put_hex(receipt, "signature", signature.bytes, sizeof signature.bytes);
	return OK;
}

static void take_line(struct json_reader *r, struct receipt_line *l)
{
	json_take_uuid(r, "lease", &l->lease);
	field_label(r, "name", l->name, sizeof l->name);
	json_take_u32(r, "memory_mib", LEASE_MIN_MEMORY_MIB, LEASE_MAX_MEMORY_MIB, &l->memory_mib);
	prices_take(r, "", &l->prices);
	json_take_u64(r, "vcpu_ns", &l->counters.vcpu_ns);
	json_take_u64(r, "running_us", &l->counters.running_us);
	json_take_u64(r, "tx_bytes", &l->counters.tx_bytes);
	json_take_u64(r, "rx_bytes", &l->counters.rx_bytes);
	json_take_money(r, "charged_micro", &l->charged);
	json_take_money(r, "commission_micro", &l->commission);
	json_take_bool(r, "usage_cut", &l->usage_cut);
	json_take_hex(r, "machine_key", l->machine_key.bytes, sizeof l->machine_key.bytes);
	l->has_usage = json_has(r, "usage");
	if (l->has_usage)
		usage_take(r, "usage", &l->usage);
}

/* Nothing in a line that its machine has not signed. */
static void check_line(struct json_reader *r, struct receipt_line *l)
{
	const struct counters *c = &l->counters;
	const struct usage *u = &l->usage;
	if (r->bad)
		return;
	if (l->has_usage && !usage_verify(l->machine_key, l->lease, u))
		json_refuse(r, "usage.signature", "is not that of the machine's key");
	else if (c->vcpu_ns != u->vcpu_ns || c->running_us != u->running_us || c->tx_bytes != u->tx_bytes ||
		 c->rx_bytes != u->rx_bytes)
		json_refuse(r, "usage", "has other counters than the line");
	else if (price_total(&l->prices, l->memory_mib, c, &l->cost))
		json_refuse(r, "usage", "costs more than there is money");
	else if (l->charged.micro > l->cost.micro)
		json_refuse(r, "charged_micro", "is more than the counters cost");
	else if (l->commission.micro > l->charged.micro)
		json_refuse(r, "commission_micro", "is more than what was charged");
}

static void take_lines(struct json_reader *r, struct receipt_check *check, money *ret_commission)
{
	json_t *leases;
	if (!json_take_array(r, "leases", ORDER_MAX_COUNT, &leases))
		return;
	for (check->count = 0; check->count < json_array_size(leases); check->count++) {
		struct receipt_line *l = &check->lines[check->count];
		struct json_reader line;
		bool took = json_element_object(r, "leases", leases, check->count, &line);
		if (took) {
			take_line(&line, l);
			check_line(&line, l);
		}
		if (!took || json_close_lenient(&line) || money_add(check->charged, l->charged, &check->charged) ||
		    money_add(*ret_commission, l->commission, ret_commission)) {
			r->bad = true;
			return;
		}
	}
}

/* A member of the whole whose "charged_micro" must be this; it has an id, or the commission, too. */
static void check_charged(struct json_reader *r, const char *name, money charged, uuid *ret_id, const money *commission)
{
	struct json_reader sums;
	money told = { 0 };
	if (!json_take_object(r, name, &sums))
		return;
	if (ret_id)
		json_take_uuid(&sums, "id", ret_id);
	json_take_money(&sums, "charged_micro", &told);
	if (!sums.bad && told.micro != charged.micro)
		json_refuse(&sums, "charged_micro", "is not the sum of the leases");
	if (commission) {
		json_take_money(&sums, "commission_micro", &told);
		if (!sums.bad && told.micro != commission->micro)
			json_refuse(&sums, "commission_micro", "is not the sum of the leases");
	}
	if (json_close_lenient(&sums))
		r->bad = true;
}

err_t receipt_verify(json_t *receipt, struct receipt_check *ret, struct json_error *error)
{
	struct json_reader r;
	ed25519_signature signature = { 0 };
	money commission = { 0 };
	AUTO_BUF text = { 0 };
	memset(ret, 0, sizeof *ret);
	json_open(&r, receipt, error);
	json_take_hex(&r, "receipt_key", ret->key.bytes, sizeof ret->key.bytes);
	json_take_hex(&r, "signature", signature.bytes, sizeof signature.bytes);
	if (r.bad)
		return E_INVALID;
	TRY(signed_text(receipt, &text));
	if (!ed25519_verify(ret->key, text.data, text.len, signature)) {
		json_refuse(&r, "signature", "is not that of receipt_key over this receipt");
		return E_CORRUPT;
	}
	take_lines(&r, ret, &commission);
	if (!r.bad)
		check_charged(&r, "order", ret->charged, &ret->order, NULL);
	if (!r.bad)
		check_charged(&r, "totals", ret->charged, NULL, &commission);
	return r.bad ? E_CORRUPT : OK;
}
