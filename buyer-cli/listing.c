/* SPDX-License-Identifier: Apache-2.0
 * listing.c - a command that shows one list of the market's
 */
#include "listing.h"
#include "json.h"
#include "session.h"

int show_list(struct cli *cli, bool need_token, const char *path, const struct column *columns, const char *name_field)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON items = NULL;
	int code = session_open(cli, need_token, &s);
	if (code || (code = session_list(&s, path, &items)))
		return code;
	output_list(cli, items, columns, name_field);
	return EXIT_OK;
}
