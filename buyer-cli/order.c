/* SPDX-License-Identifier: Apache-2.0
 * order.c - order create, list, show, extend, cancel
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
#include "listing.h"
#include "order.h"
#include "output.h"
#include "session.h"
#include "user_data.h"
#include "watch.h"

static const struct column order_columns[] = { { "order", "id", CELL_TEXT },
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

static int read_request(session_t *s, struct order_request *r)
{
	struct cli *cli = s->cli;
	int64_t count, cores, memory, duration_us, open_us, mtu;
	char image[SHA256_TEXT_SIZE];
	money none = { 0 };
	memset(r, 0, sizeof *r);
	if (!cli_flag(cli, "image") || !cli_flag(cli, "max-price"))
		return cli_error(cli, EXIT_USAGE, "--image IMAGE and --max-price MONEY (for an hour of one core) are needed");
	if (cli_int(cli, "count", 1, 1, 256, &count) || cli_int(cli, "cores", 1, 1, 64, &cores) ||
	    cli_size(cli, "memory", 512LL << 20, &memory) || cli_money(cli, "max-price", none, &r->max_prices.per_core_hour) ||
	    cli_money(cli, "max-price-memory", default_memory_price, &r->max_prices.per_gib_hour) ||
	    cli_money(cli, "max-price-transfer", default_transfer_price, &r->max_prices.per_gib_transferred) ||
	    cli_duration(cli, "duration", HOUR_US, &duration_us) || cli_duration(cli, "open-for", HOUR_US, &open_us) ||
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
	if (text_copy(r->name, sizeof r->name, cli_text(cli, "name", "")))
		return cli_error(cli, EXIT_USAGE, "--name: at most %d bytes", NAME_SIZE - 1);
	int code = constraints_read(cli, &r->constraints);
	if (!code)
		code = read_not_before(cli, &r->not_before);
	if (code || (code = user_data_read(cli, &r->user_data)) || (code = session_image(s, cli_text(cli, "image", ""), image)))
		return code;
	return sha256_parse(image, &r->image) ? cli_error(cli, EXIT_USAGE, "--image: \"%s\" is no image's id", image) : EXIT_OK;
}

static int dry_run(session_t *s, json_t *body)
{
	static const struct column columns[] = { { "held at once", "hold_micro", CELL_MONEY },
						 { "at most per hour", "per_hour_micro", CELL_MONEY },
						 { "offers that fit", "fits", CELL_NUMBER },
						 { .title = NULL } };
	AUTO_JSON quote = NULL;
	int code = session_call(s, "POST", "/v1/orders/quote", body, false, &quote);
	if (!code)
		output_object(s->cli, quote, columns, "hold_micro");
	return code;
}

int command_order_create(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON order = NULL;
	struct order_request request;
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	code = read_request(&s, &request);
	AUTO_JSON body = code ? NULL : order_request_to_json(&request);
	order_request_clear(&request);
	if (code)
		return code;
	if (cli_flag(cli, "dry-run"))
		return dry_run(&s, body);
	if ((code = session_call(&s, "POST", "/v1/orders", body, true, &order)))
		return code;
	if (cli_flag(cli, "wait")) {
		char id[UUID_TEXT_SIZE], path[96];
		if (text_copy(id, sizeof id, field_text(order, "id")))
			return EXIT_ERROR;
		output_note(cli, "order %s: waiting until its VMs run (Ctrl-C leaves, the order goes on)\n", id);
		int waited = wait_for_order(&s, id, WAIT_RUNNING);
		json_decref(order);
		order = NULL;
		snprintf(path, sizeof path, "/v1/orders/%s", id);
		if ((code = session_call(&s, "GET", path, NULL, false, &order)))
			return code;
		code = waited;
	}
	output_object(cli, order, order_columns, "id");
	const char *name = *field_text(order, "name") ? field_text(order, "name") : field_text(order, "id");
	if (cli_flag(cli, "wait") && !code)
		output_note(cli, "\nIts VMs run: cpushare node console %s/vm1 --follow; cpushare net up %s\n", name, name);
	return code == EXIT_ENDED_BADLY ? say_ended_badly(&s, field_text(order, "id")) : code;
}

int command_order_list(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_TEXT },
						 { "NAME", "name", CELL_TEXT },
						 { "STATE", "state", CELL_TEXT },
						 { "VMS", "count", CELL_NUMBER },
						 { "FILLED", "filled", CELL_NUMBER },
						 { "ENDED", "ended", CELL_NUMBER },
						 { "HELD", "held_micro", CELL_MONEY },
						 { "CHARGED", "charged_micro", CELL_MONEY },
						 { "CREATED", "created_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, "/v1/orders", columns, "id");
}

static const struct column explain_columns[] = { { "offers", "asks", CELL_NUMBER },   { "fit", "fits", CELL_NUMBER },
						 { "state", "state", CELL_TEXT },     { "places", "places", CELL_NUMBER },
						 { "filled", "filled", CELL_NUMBER }, { .title = NULL } };

int command_order_show(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON order = NULL;
	AUTO_JSON why = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &order)))
		return code;
	output_object(cli, order, order_columns, "id");
	if (strcmp(field_text(order, "state"), "open") || output_form(cli) != FORM_TABLE)
		return EXIT_OK;
	snprintf(path, sizeof path, "/v1/orders/%s/explain", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &why)))
		return code;
	putchar('\n');
	output_explanation(why, "asks", "offers");
	return EXIT_OK;
}

int command_order_explain(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON why = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s/explain", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &why)))
		return code;
	if (output_form(cli) == FORM_TABLE)
		output_explanation(why, "asks", "offers");
	else
		output_object(cli, why, explain_columns, "fits");
	return EXIT_OK;
}

/* How long each VM is to have: a duration, or "+30m" more than it has. Exit code. */
static int longer(struct cli *cli, const char *text, const json_t *order, int64_t *ret_s)
{
	int64_t us, had_s = *text == '+' ? field_int(order, "duration_s") : 0;
	if (duration_parse(text + (*text == '+'), &us) || us < SECOND_US)
		return cli_error(cli, EXIT_USAGE, "\"%s\" is no time: it must be as in 2h, or +30m for so much more", text);
	*ret_s = had_s + us / SECOND_US;
	return EXIT_OK;
}

int command_order_extend(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON order = NULL;
	AUTO_JSON longer_order = NULL;
	struct extension extension;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &order)) ||
	    (code = longer(cli, cli_arg(cli, 1), order, &extension.duration_s)))
		return code;
	AUTO_JSON body = extension_to_json(&extension);
	snprintf(path, sizeof path, "/v1/orders/%s/extend", id);
	if ((code = session_call(&s, "POST", path, body, true, &longer_order)))
		return code;
	output_object(cli, longer_order, order_columns, "id");
	return EXIT_OK;
}

int command_order_cancel(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON order = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s/cancel", id);
	if ((code = session_call(&s, "POST", path, NULL, true, &order)))
		return code;
	if (cli_flag(cli, "wait")) {
		if ((code = wait_for_order(&s, id, WAIT_ENDED)) && code != EXIT_ENDED_BADLY)
			return code;
		json_decref(order);
		order = NULL;
		snprintf(path, sizeof path, "/v1/orders/%s", id);
		if ((code = session_call(&s, "GET", path, NULL, false, &order)))
			return code;
	}
	output_note(cli, "%s is %s\n", id, cli_flag(cli, "wait") ? "over" : "being ended");
	if (output_form(cli) != FORM_TABLE)
		output_object(cli, order, order_columns, "id");
	return EXIT_OK;
}
