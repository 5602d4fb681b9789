/* SPDX-License-Identifier: Apache-2.0
 * order.c - order list, show, extend, cancel
 */
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "json.h"
#include "listing.h"
#include "order_create.h"
#include "output.h"
#include "session.h"
#include "watch.h"

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
