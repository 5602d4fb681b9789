/* SPDX-License-Identifier: Apache-2.0
 * market.c - seller list, show, history; machine list, explain, retire
 */
#include <stdio.h>
#include "commands.h"
#include "json.h"
#include "listing.h"
#include "output.h"
#include "session.h"

static const struct column seller_columns[] = { { "SELLER", "name", CELL_TEXT },
						{ "RATING", "rating_ppm", CELL_RATING },
						{ "GOOD", "good", CELL_NUMBER },
						{ "BAD", "bad", CELL_NUMBER },
						{ "MACHINES", "machines", CELL_NUMBER },
						{ "ONLINE", "machines_online", CELL_NUMBER },
						{ "LEASES", "leases", CELL_NUMBER },
						{ "COMPLETED", "leases_completed", CELL_NUMBER },
						{ "FAILED", "leases_failed", CELL_NUMBER },
						{ "SINCE", "since", CELL_DATE },
						{ .title = NULL } };

int command_seller_list(struct cli *cli)
{
	return show_list(cli, false, "/v1/sellers", seller_columns, "id");
}

int command_seller_show(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON seller = NULL;
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, false, &s);
	if (code || (code = session_find(&s, "seller", "/v1/sellers", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/sellers/%s", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &seller)))
		return code;
	output_object(cli, seller, seller_columns, "id");
	return EXIT_OK;
}

int command_seller_history(struct cli *cli)
{
	static const struct column reasons[] = { { "LEASES ENDED BY", "reason", CELL_TEXT },
						 { "LEASES", "leases", CELL_NUMBER },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON history = NULL;
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, false, &s);
	if (code || (code = session_find(&s, "seller", "/v1/sellers", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/sellers/%s/history", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &history)))
		return code;
	output_note(cli,
		    "The last %lld days: %lld leases were reached directly, %lld over a relay; %lld disputes, %lld decided for "
		    "the buyer\n",
		    (long long)field_int(history, "days"), (long long)field_int(history, "direct"),
		    (long long)field_int(history, "relayed"), (long long)field_int(history, "disputes"),
		    (long long)field_int(history, "upheld"));
	if (output_form(cli) == FORM_JSON)
		output_object(cli, history, reasons, "days");
	else
		output_list(cli, json_object_get(history, "reasons"), reasons, "reason");
	return EXIT_OK;
}

int command_machine_list(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_TEXT },
						 { "NAME", "name", CELL_TEXT },
						 { "STATE", "state", CELL_TEXT },
						 { "CC", "country", CELL_TEXT },
						 { "ACCEL", "accel", CELL_TEXT },
						 { "CORES", "cores", CELL_NUMBER },
						 { "MIB", "memory_mib", CELL_NUMBER },
						 { "LEASES", "leases", CELL_NUMBER },
						 { "SEEN", "seen_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, "/v1/machines", columns, "id");
}

int command_machine_explain(struct cli *cli)
{
	static const struct column columns[] = { { "orders waiting", "orders", CELL_NUMBER },
						 { "fit", "fits", CELL_NUMBER },
						 { "state", "state", CELL_TEXT },
						 { "in the book", "in_book", CELL_TEXT },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON why = NULL;
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_find(&s, "machine", "/v1/machines", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/machines/%s/explain", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &why)))
		return code;
	if (output_form(cli) != FORM_TABLE) {
		output_object(cli, why, columns, "fits");
		return EXIT_OK;
	}
	printf("the machine is %s and %s offered\n", field_text(why, "state"),
	       json_is_true(json_object_get(why, "in_book")) ? "is" : "is not");
	if (field_int(why, "failures"))
		printf("on trial after %lld failures: one lease at a time, %s%s\n", (long long)field_int(why, "failures"),
		       *field_text(why, "trial_until") ? "none before " : "until paid ones have ended well",
		       field_text(why, "trial_until"));
	output_explanation(why, "orders", "waiting orders");
	return EXIT_OK;
}

int command_machine_retire(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_find(&s, "machine", "/v1/machines", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/machines/%s", id);
	if (!(code = session_call(&s, "DELETE", path, NULL, false, NULL)))
		output_note(cli, "Retired.\n");
	return code;
}
