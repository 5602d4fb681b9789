/* SPDX-License-Identifier: Apache-2.0
 * order_create.c - placing an order, by order create or by a recipe
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "commands.h"
#include "constraints.h"
#include "file.h"
#include "json.h"
#include "order_create.h"
#include "user_data.h"
#include "watch.h"

const struct column order_columns[] = { { "order", "id", CELL_TEXT },
					{ "name", "name", CELL_TEXT },
					{ "state", "state", CELL_TEXT },
					{ "VMs wanted", "count", CELL_NUMBER },
					{ "VMs filled", "filled", CELL_NUMBER },
					{ "VMs ended", "ended", CELL_NUMBER },
					{ "each runs for", "duration_s", CELL_DURATION },
					{ "cores each", "cores", CELL_NUMBER },
					{ "MiB each", "memory_mib", CELL_NUMBER },
					{ "max per core hour", "max_price_per_core_hour_micro", CELL_MONEY },
					{ "max per GiB hour", "max_price_per_gib_hour_micro", CELL_MONEY },
					{ "max per GiB moved", "max_price_per_gib_transferred_micro", CELL_MONEY },
					{ "max per VM hour", "max_price_per_hour_micro", CELL_BUDGET },
					{ "MTU of its LAN", "mtu", CELL_NUMBER },
					{ "budget", "budget_micro", CELL_BUDGET },
					{ "held", "held_micro", CELL_MONEY },
					{ "charged", "charged_micro", CELL_MONEY },
					{ "image", "image", CELL_TEXT },
					{ "key", "key_file", CELL_TEXT },
					{ "created", "created_at", CELL_DATE },
					{ "not before", "not_before", CELL_DATE },
					{ "open until", "open_until", CELL_DATE },
					{ .title = NULL } };

static const money default_memory_price = { 50000 }, default_transfer_price = { 100000 };

int user_data_read(const struct cli *cli, char **ret_text)
{
	const char *path = cli_text(cli, "user-data", NULL);
	AUTO_FREE char *text = NULL;
	size_t len;
	if (!path)
		return EXIT_OK;
	err_t e = file_read(path, USER_DATA_MAX, &text, &len);
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_USAGE, "--user-data %s: %s", path,
				 e == E_LIMIT	    ? "at most 64 KiB"
				 : e == E_NOT_FOUND ? "there is no such file"
						    : strerror(errno));
	if (strlen(text) != len)
		return cli_error(cli, EXIT_USAGE, "--user-data %s: must be text", path);
	*ret_text = text;
	text = NULL;
	return EXIT_OK;
}

/* A time, or "+2h" from now. */
static int read_not_before(struct cli *cli, wall_time *ret)
{
	const char *text = cli_text(cli, "not-before", NULL);
	int64_t later_us;
	if (!text)
		return EXIT_OK;
	if (*text == '+' && duration_parse(text + 1, &later_us) == OK)
		ret->us = clock_wall().us + later_us;
	else if (wall_parse(text, ret))
		return cli_error(cli, EXIT_USAGE, "--not-before: a time such as 2026-12-24T20:00:00Z, or +2h, not \"%s\"", text);
	return EXIT_OK;
}

static int read_request(session_t *s, const struct order_defaults *d, struct order_request *r)
{
	struct cli *cli = s->cli;
	int64_t count, cores, memory, duration_us, open_us, mtu;
	char image[SHA256_TEXT_SIZE];
	money none = { 0 };
	memset(r, 0, sizeof *r);
	if (!cli_text(cli, "image", d->image) || !cli_flag(cli, "max-price"))
		return cli_error(cli, EXIT_USAGE, "%s--max-price MONEY (for an hour of one core) is needed",
				 d->image ? "" : "--image IMAGE is needed; ");
	if (cli_int(cli, "count", d->count, 1, 256, &count) || cli_int(cli, "cores", d->cores, 1, 64, &cores) ||
	    cli_size(cli, "memory", d->memory_bytes, &memory) ||
	    cli_money(cli, "max-price", none, &r->max_prices.per_core_hour) ||
	    cli_money(cli, "max-price-memory", default_memory_price, &r->max_prices.per_gib_hour) ||
	    cli_money(cli, "max-price-transfer", default_transfer_price, &r->max_prices.per_gib_transferred) ||
	    cli_duration(cli, "duration", d->duration_us, &duration_us) || cli_duration(cli, "open-for", HOUR_US, &open_us) ||
	    cli_money(cli, "budget", none, &r->budget) || cli_money(cli, "max-price-hour", none, &r->max_hour) ||
	    cli_int(cli, "mtu", ORDER_DEFAULT_MTU, ORDER_MIN_MTU, ORDER_MAX_MTU, &mtu))
		return EXIT_USAGE;
	if (memory < 64LL << 20 || memory > 1LL << 40)
		return cli_error(cli, EXIT_USAGE, "--memory: must be from 64M to 1T");
	r->count = (uint32_t)count;
	r->cores = (uint32_t)cores;
	r->memory_mib = (uint32_t)(memory >> 20);
	r->mtu = (uint32_t)mtu;
	r->duration_s = duration_us / SECOND_US;
	r->open_s = cli_flag(cli, "standing") ? 0 : open_us / SECOND_US;
	if (cli_flag(cli, "standing") && cli_flag(cli, "open-for"))
		return cli_error(cli, EXIT_USAGE, "--standing waits for ever, --open-for does not: give one of them");
	if (text_copy(r->name, sizeof r->name, cli_text(cli, "name", d->name)))
		return cli_error(cli, EXIT_USAGE, "--name: at most %d bytes", NAME_SIZE - 1);
	int code = constraints_read(cli, &r->constraints);
	if (!code)
		code = read_not_before(cli, &r->not_before);
	if (code || (code = user_data_read(cli, &r->user_data)) ||
	    (code = session_image(s, cli_text(cli, "image", d->image), image)))
		return code;
	if (!r->user_data && d->user_data && !(r->user_data = strdup(d->user_data)))
		return cli_error(cli, EXIT_ERROR, "out of memory");
	return sha256_parse(image, &r->image) ? cli_error(cli, EXIT_USAGE, "--image: \"%s\" is no image's id", image) : EXIT_OK;
}

static int dry_run(session_t *s, json_t *body)
{
	static const struct column columns[] = { { "held at once", "hold_micro", CELL_MONEY },
						 { "at most per hour", "per_hour_micro", CELL_MONEY },
						 { "of it the market's, in 0.01 %", "commission_basis_points", CELL_NUMBER },
						 { "offers that fit", "fits", CELL_NUMBER },
						 { .title = NULL } };
	AUTO_JSON quote = NULL;
	AUTO_JSON market = NULL;
	int code = session_call(s, "POST", "/v1/orders/quote", body, false, &quote);
	if (code || (code = session_call(s, "GET", "/v1/market", NULL, false, &market)))
		return code;
	json_put_int(quote, "commission_basis_points", field_int(json_object_get(market, "fees"), "settlement_basis_points"));
	output_object(s->cli, quote, columns, "hold_micro");
	return EXIT_OK;
}

int order_create(session_t *s, const struct order_defaults *defaults, char *ret_word)
{
	struct cli *cli = s->cli;
	AUTO_JSON order = NULL;
	struct order_request request;
	int code = read_request(s, defaults, &request);
	AUTO_JSON body = code ? NULL : order_request_to_json(&request);
	order_request_clear(&request);
	if (code)
		return code;
	if (cli_flag(cli, "dry-run"))
		return dry_run(s, body);
	if ((code = session_call(s, "POST", "/v1/orders", body, true, &order)))
		return code;
	const char *name = *field_text(order, "name") ? field_text(order, "name") : field_text(order, "id");
	snprintf(ret_word, ORDER_WORD_SIZE, "%s", name);
	if (cli_flag(cli, "wait")) {
		char id[UUID_TEXT_SIZE], path[96];
		if (text_copy(id, sizeof id, field_text(order, "id")))
			return EXIT_ERROR;
		output_note(cli, "order %s: waiting until its VMs run (Ctrl-C leaves, the order goes on)\n", id);
		int waited = wait_for_order(s, id, WAIT_RUNNING);
		json_decref(order);
		order = NULL;
		snprintf(path, sizeof path, "/v1/orders/%s", id);
		if ((code = session_call(s, "GET", path, NULL, false, &order)))
			return code;
		code = waited;
	}
	if (defaults->key_file && *defaults->key_file)
		json_put_text(order, "key_file", defaults->key_file);
	output_object(cli, order, order_columns, "id");
	if (cli_flag(cli, "wait") && !code)
		output_note(cli, "\nIts VMs run: cpushare node console %s/vm1 --follow; cpushare net up %s\n", ret_word,
			    ret_word);
	return code == EXIT_ENDED_BADLY ? say_ended_badly(s, field_text(order, "id")) : code;
}

int command_order_create(struct cli *cli)
{
	static const struct order_defaults defaults = {
		.name = "", .count = 1, .cores = 1, .memory_bytes = 512LL << 20, .duration_us = HOUR_US
	};
	AUTO_SESSION s = { .client = NULL };
	char word[ORDER_WORD_SIZE];
	int code = session_open(cli, true, &s);
	return code ? code : order_create(&s, &defaults, word);
}
