/* SPDX-License-Identifier: Apache-2.0
 * sessions.c - session list and end, account export
 */
#include <stdio.h>
#include "commands.h"
#include "listing.h"
#include "output.h"
#include "session.h"

int command_session_list(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_TEXT },
						 { "FROM", "client", CELL_TEXT },
						 { "THIS ONE", "current", CELL_TEXT },
						 { "SINCE", "created_at", CELL_DATE },
						 { "EXPIRES", "expires_at", CELL_DATE },
						 { "LAST USED", "last_used_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, "/v1/sessions", columns, "id");
}

int command_session_end(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_find(&s, "session", "/v1/sessions", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/sessions/%s", id);
	if (!(code = session_call(&s, "DELETE", path, NULL, false, NULL)))
		output_note(cli, "Logged out there.\n");
	return code;
}

int command_account_export(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON all = NULL;
	int code = session_open(cli, true, &s);
	if (code || (code = session_call(&s, "GET", "/v1/account/export", NULL, false, &all)))
		return code;
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	return EXIT_OK;
}
