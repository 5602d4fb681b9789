/* SPDX-License-Identifier: Apache-2.0
 * receipt.c - receipts: a true one holds, and none with anything changed
 */
#include "receipt.h"
#include "file.h"

#include <stdlib.h>
#include <string.h>
#include "tap.h"

static struct ed25519_key *market_key, *machine_key;
static uuid lease = { { 1, 2, 3 } };

/* 3600 s of one core at 0.02, 1 GiB for 3600 s at 0.004: 0.024; charged 0.02 of it. Then a lease that never ran. */
static json_t *line_of(const char *name, bool ran)
{
	json_t *line = json_object();
	struct usage u = { .seq = 7, .vcpu_ns = 3600000000000ULL, .running_us = 3600000000ULL, .tx_bytes = 5, .rx_bytes = 6 };
	const struct prices prices = { { 20000 }, { 4000 }, { 0 } };
	ed25519_public public = ed25519_public_of(machine_key);

	usage_sign(machine_key, lease, &u);
	json_put_uuid(line, "lease", lease);
	json_put_text(line, "name", name);
	json_put_int(line, "memory_mib", 1024);
	prices_put(line, "", &prices);
	json_put_int(line, "vcpu_ns", ran ? (int64_t)u.vcpu_ns : 0);
	json_put_int(line, "running_us", ran ? (int64_t)u.running_us : 0);
	json_put_int(line, "tx_bytes", ran ? (int64_t)u.tx_bytes : 0);
	json_put_int(line, "rx_bytes", ran ? (int64_t)u.rx_bytes : 0);
	json_put_int(line, "charged_micro", ran ? 20000 : 0);
	json_put_int(line, "commission_micro", ran ? 1000 : 0);
	json_put_bool(line, "usage_cut", false);
	json_put_hex(line, "machine_key", public.bytes, sizeof public.bytes);
	json_put(line, "usage", ran ? usage_to_json(&u) : json_null());
	return line;
}

static json_t *receipt_new(void)
{
	json_t *receipt = json_object(), *leases = json_array(), *order = json_object(), *totals = json_object();

	json_array_append_new(leases, line_of("vm1", true));
	json_array_append_new(leases, line_of("vm2", false));
	json_put_uuid(order, "id", lease);
	json_put_int(order, "charged_micro", 20000);
	json_put_int(totals, "charged_micro", 20000);
	json_put_int(totals, "commission_micro", 1000);
	json_put(receipt, "order", order);
	json_put(receipt, "totals", totals);
	json_put(receipt, "leases", leases);
	json_put_text(receipt, "market", "Bj\xc3\xb6rn's");
	return receipt;
}

static void sign(json_t *receipt)
{
	if (receipt_sign(receipt, market_key))
		abort();
}

/* A member of the whole, or of its first line; NULL value: gone. */
static void change(json_t *receipt, const char *of, const char *name, json_t *value)
{
	json_t *object = !strcmp(of, "leases") ? json_array_get(json_object_get(receipt, of), 0)
			 : *of		       ? json_object_get(receipt, of)
					       : receipt;

	if (value)
		json_object_set_new(object, name, value);
	else
		json_object_del(object, name);
}

static err_t verify(json_t *receipt, struct json_error *error)
{
	static struct receipt_check check;

	return receipt_verify(receipt, &check, error);
}

static void test_good(void)
{
	static struct receipt_check check;
	struct json_error error = { 0 };
	AUTO_JSON receipt = receipt_new();
	ed25519_public public = ed25519_public_of(market_key);

	is_int(receipt_sign(receipt, market_key), OK, "a receipt is signed");
	AUTO_FREE char *before = json_dumps(receipt, 0);
	is_int(receipt_verify(receipt, &check, &error), OK, "and holds: %s %s", error.field, error.what);
	AUTO_FREE char *after = json_dumps(receipt, 0);
	is_text(after, before, "it is left as it was");
	is_int(check.count, 2, "two leases");
	is_int(check.charged.micro, 20000, "what was charged");
	is_int(check.lines[0].cost.micro, 24000, "what the counters cost");
	ok(uuid_equal(check.order, lease) && !memcmp(&check.key, &public, sizeof public), "the order, and who signed");
	AUTO_FREE char *pretty = json_dumps(receipt, JSON_INDENT(4) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	AUTO_JSON read = json_loads(pretty, 0, NULL);
	is_int(verify(read, &error), OK, "however it is written");
}

/* Whatever is changed in a signed receipt is found. */
static void test_changed(void)
{
	static const struct {
		const char *of, *name;
	} table[] = {
		{ "", "market" },
		{ "", "signature" },
		{ "", "receipt_key" },
		{ "", "leases" },
		{ "", "totals" },
		{ "order", "id" },
		{ "leases", "name" },
		{ "leases", "charged_micro" },
		{ "leases", "usage" },
		{ "leases", "vcpu_ns" },
		{ "leases", "machine_key" },
		{ "leases", "lease" },
		{ "totals", "charged_micro" },
		{ "order", "charged_micro" },
	};
	struct json_error error;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		AUTO_JSON receipt = receipt_new();
		sign(receipt);
		change(receipt, table[i].of, table[i].name, NULL);
		ok(verify(receipt, &error) != OK, "without %s.%s", table[i].of, table[i].name);
		change(receipt, table[i].of, table[i].name, json_integer(3));
		ok(verify(receipt, &error) != OK, "another %s.%s", table[i].of, table[i].name);
	}
	AUTO_JSON more = receipt_new();
	sign(more);
	change(more, "", "bonus", json_true());
	is_int(verify(more, &error), E_CORRUPT, "with more than was signed");
	is_text(error.field, "signature", "is named");
}

/* A market that signs what is not so is found out, too. */
static void test_lies(void)
{
	static const struct {
		const char *of, *name, *field;
		int64_t value;
	} table[] = {
		{ "leases", "charged_micro", "leases[0].charged_micro", 24001 },
		{ "leases", "commission_micro", "leases[0].commission_micro", 20001 },
		{ "leases", "vcpu_ns", "leases[0].usage", 3600000000001 },
		{ "leases", "running_us", "leases[0].usage", 3600000001 },
		{ "leases", "tx_bytes", "leases[0].usage", 6 },
		{ "leases", "rx_bytes", "leases[0].usage", 5 },
		{ "leases", "price_per_gib_hour_micro", "leases[0].price_per_gib_hour_micro", -1 },
		{ "leases", "price_per_core_hour_micro", "leases[0].charged_micro", 15999 },
		{ "leases", "memory_mib", "leases[0].memory_mib", 0 },
		{ "leases", "charged_micro", "leases[0].charged_micro", -1 },
		{ "order", "charged_micro", "order.charged_micro", 20001 },
		{ "totals", "charged_micro", "totals.charged_micro", 19999 },
		{ "totals", "commission_micro", "totals.commission_micro", 1001 },
	};
	struct json_error error;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		AUTO_JSON receipt = receipt_new();
		change(receipt, table[i].of, table[i].name, json_integer(table[i].value));
		sign(receipt);
		is_int(verify(receipt, &error), E_CORRUPT, "a signed lie about %s.%s", table[i].of, table[i].name);
		is_text(error.field, table[i].field, "is named: %s", error.what);
	}
	AUTO_JSON forged = receipt_new();
	struct usage u = { .seq = 8, .vcpu_ns = 3600000000000ULL, .running_us = 3600000000ULL, .tx_bytes = 5, .rx_bytes = 6 };
	usage_sign(market_key, lease, &u);
	change(forged, "leases", "usage", usage_to_json(&u));
	sign(forged);
	is_int(verify(forged, &error), E_CORRUPT, "counters that the machine did not sign");
	is_text(error.field, "leases[0].usage.signature", "are named");
	AUTO_JSON none = receipt_new();
	change(none, "leases", "usage", json_null());
	sign(none);
	is_int(verify(none, &error), E_CORRUPT, "counters that nobody signed");
}

int main(void)
{
	if (ed25519_new(&market_key) || ed25519_new(&machine_key))
		abort();
	test_good();
	test_changed();
	test_lies();
	ed25519_free(market_key);
	ed25519_free(machine_key);
	return done_testing();
}
