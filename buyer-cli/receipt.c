/* SPDX-License-Identifier: Apache-2.0
 * receipt.c - order receipt, node receipt: what an order or one VM cost, and whether a receipt that was kept is true
 */
#include "receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "output.h"
#include "session.h"

static void print_receipt(struct cli *cli, json_t *receipt)
{
	static const struct column columns[] = { { "VM", "name", CELL_TEXT },
						 { "SELLER", "seller_name", CELL_TEXT },
						 { "MACHINE", "machine_name", CELL_TEXT },
						 { "VCPU S", "vcpu_ns", CELL_SECONDS },
						 { "RUN S", "running_us", CELL_TIME_US },
						 { "SENT", "tx_bytes", CELL_BYTES },
						 { "RECEIVED", "rx_bytes", CELL_BYTES },
						 { "CORE/H", "price_per_core_hour_micro", CELL_MONEY },
						 { "GIB/H", "price_per_gib_hour_micro", CELL_MONEY },
						 { "GIB MOVED", "price_per_gib_transferred_micro", CELL_MONEY },
						 { "CHARGED", "charged_micro", CELL_MONEY },
						 { "COMMISSION", "commission_micro", CELL_MONEY },
						 { "REASON", "reason", CELL_TEXT },
						 { .title = NULL } };
	const json_t *totals = json_object_get(receipt, "totals");
	bool table = output_form(cli) == FORM_TABLE;
	char charged[MONEY_TEXT_SIZE], commission[MONEY_TEXT_SIZE];
	if (table)
		printf("Receipt of order %s\n\n", field_text(json_object_get(receipt, "order"), "id"));
	output_list(cli, json_object_get(receipt, "leases"), columns, "id");
	if (!table)
		return;
	printf("\ntotal charged %s, of it the market's commission %s\n",
	       money_format((money){ field_int(totals, "charged_micro") }, charged),
	       money_format((money){ field_int(totals, "commission_micro") }, commission));
}

/* ---- a receipt that was kept ---- */

static int read_file(struct cli *cli, const char *path, json_t **ret)
{
	AUTO_FREE char *text = NULL;
	struct json_error error;
	size_t len;
	err_t e = file_read(strcmp(path, "-") ? path : "/dev/stdin", RECEIPT_MAX_BYTES, &text, &len);
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_ERROR, "%s: %s", path, err_name(e));
	if (json_parse(text, len, ret, &error))
		return cli_error(cli, EXIT_ERROR, "%s: this is no receipt: %s", path, error.what);
	json_object_del(*ret, "schema"); /* of -o json, not the market's */
	return EXIT_OK;
}

static json_t *line_to_json(const struct receipt_line *l)
{
	json_t *line = json_object();
	json_put_text(line, "name", l->name);
	json_put_uuid(line, "lease", l->lease);
	json_put_int(line, "record", (int64_t)l->usage.seq);
	json_put_hex(line, "machine_key", l->machine_key.bytes, sizeof l->machine_key.bytes);
	json_put_money(line, "cost_micro", l->cost);
	json_put_money(line, "charged_micro", l->charged);
	json_put_bool(line, "usage_cut", l->usage_cut);
	return line;
}

static void print_check(struct cli *cli, const struct receipt_check *check, bool key_known)
{
	static const struct column columns[] = { { "VM", "name", CELL_TEXT },
						 { "RECORD", "record", CELL_NUMBER },
						 { "SIGNED BY", "machine_key", CELL_SHORT },
						 { "COST", "cost_micro", CELL_MONEY },
						 { "CHARGED", "charged_micro", CELL_MONEY },
						 { .title = NULL } };
	AUTO_JSON lines = json_array();
	AUTO_JSON whole = json_object();
	char key[2 * sizeof check->key + 1], charged[MONEY_TEXT_SIZE];
	hex_encode(check->key.bytes, sizeof check->key.bytes, key);
	for (size_t i = 0; i < check->count; i++)
		json_array_append_new(lines, line_to_json(&check->lines[i]));
	if (output_form(cli) == FORM_TABLE) {
		output_list(cli, lines, columns, "name");
		printf("\nEach machine has signed its counters, nothing was charged beyond what they cost, and the sum is %s.\n",
		       money_format(check->charged, charged));
		printf("The market signed it all with %s.\n%s", key,
		       key_known ? "" : "Is that its key? It is receipt_key of GET /v1/market; --key KEY compares.\n");
		return;
	}
	json_put_bool(whole, "valid", true);
	json_put_uuid(whole, "order", check->order);
	json_put_text(whole, "receipt_key", key);
	json_put_bool(whole, "key_checked", key_known);
	json_put_money(whole, "charged_micro", check->charged);
	json_put(whole, "leases", json_incref(lines));
	output_object(cli, whole, NULL, "order");
}

int command_order_receipt_verify(struct cli *cli)
{
	static struct receipt_check check;
	AUTO_JSON receipt = NULL;
	struct json_error error = { 0 };
	const char *key = cli_text(cli, "key", NULL);
	ed25519_public known;
	int code = output_check(cli);
	if (code)
		return code;
	if (key && (strlen(key) != 2 * sizeof known.bytes || hex_decode(key, known.bytes, sizeof known.bytes)))
		return cli_error(cli, EXIT_USAGE, "--key: 64 hex digits, as receipt_key of GET /v1/market, not \"%s\"", key);
	if ((code = read_file(cli, cli_arg(cli, 0), &receipt)))
		return code;
	if (receipt_verify(receipt, &check, &error))
		return cli_error(cli, EXIT_ERROR, "this receipt is not true: %s %s", error.field, error.what);
	if (key && memcmp(known.bytes, check.key.bytes, sizeof known.bytes) != 0)
		return cli_error(cli, EXIT_ERROR, "this receipt is not true: another key than --key signed it");
	print_check(cli, &check, key != NULL);
	return EXIT_OK;
}

static int fetch(session_t *s, const char *what, const char *id)
{
	AUTO_JSON receipt = NULL;
	char path[96];
	snprintf(path, sizeof path, "/v1/%s/%s/receipt", what, id);
	int code = session_call(s, "GET", path, NULL, false, &receipt);
	if (code)
		return code;
	if (output_form(s->cli) == FORM_NAME)
		puts(id);
	else if (output_form(s->cli) == FORM_JSON)
		output_object(s->cli, receipt, NULL, "id");
	else
		print_receipt(s->cli, receipt);
	return EXIT_OK;
}

int command_order_receipt(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char id[UUID_TEXT_SIZE];
	if (cli_flag(cli, "verify"))
		return command_order_receipt_verify(cli);
	int code = session_open(cli, true, &s);
	return code || (code = session_order(&s, cli_arg(cli, 0), id)) ? code : fetch(&s, "orders", id);
}

int command_node_receipt(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	return code || (code = session_node(&s, cli_arg(cli, 0), id)) ? code : fetch(&s, "leases", id);
}
