/* SPDX-License-Identifier: Apache-2.0
 * sessions.c - session list and end, account export and mail
 */
#include <stdio.h>
#include <string.h>
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

/* For people: the kinds in one line. */
static void show_mail(const struct cli *cli, json_t *mail)
{
	static const struct column columns[] = { { "address", "email", CELL_TEXT },
						 { "confirmed", "confirmed", CELL_TEXT },
						 { "the market sends mail", "sends", CELL_TEXT },
						 { "told of", "told_of", CELL_TEXT },
						 { .title = NULL } };
	if (output_form(cli) != FORM_JSON) {
		AUTO_BUF kinds = { 0 };
		size_t i;
		json_t *kind;
		json_array_foreach (json_object_get(mail, "kinds"), i, kind)
			buf_printf(&kinds, "%s%s", i ? " " : "", json_string_value(kind));
		json_put_text(mail, "told_of", kinds.len ? kinds.data : "none");
	}
	output_object(cli, mail, columns, "email");
}

int command_account_mail(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON mail = NULL;
	AUTO_JSON choice = json_object();
	json_t *kinds = json_array();
	bool none = cli_arg_count(cli) == 1 && !strcmp(cli_arg(cli, 0), "none");
	for (int i = 0; !none && i < cli_arg_count(cli); i++)
		json_array_append_new(kinds, json_string(cli_arg(cli, i)));
	json_put(choice, "kinds", kinds);
	int code = session_open(cli, true, &s);
	bool ask = !cli_arg_count(cli);
	if (!code)
		code = session_call(&s, ask ? "GET" : "PUT", "/v1/account/mail", ask ? NULL : choice, false, &mail);
	if (!code)
		show_mail(cli, mail);
	return code;
}
