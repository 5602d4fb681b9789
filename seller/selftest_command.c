/* SPDX-License-Identifier: Apache-2.0
 * selftest_command.c - `selftest`: prints what selftest.h finds
 */
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "json.h"
#include "selftest.h"

static void print_table(const struct selftest_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("%-4s  %-10s  %s\n", selftest_state_names[lines[i].state], lines[i].name, lines[i].detail);
		if (*lines[i].fix)
			printf("%18s%s\n", "mend it: ", lines[i].fix);
	}
}

static void print_json(const struct selftest_line *lines, size_t count, bool fine)
{
	AUTO_JSON out = json_object();
	json_t *checks = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *check = json_object();
		json_put_text(check, "name", lines[i].name);
		json_put_text(check, "state", selftest_state_names[lines[i].state]);
		json_put_text(check, "detail", lines[i].detail);
		json_put_text(check, "fix", lines[i].fix);
		json_array_append_new(checks, check);
	}
	json_put_int(out, "schema", 1);
	json_put_bool(out, "fine", fine);
	json_put(out, "checks", checks);
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
}

int command_selftest(struct cli *cli)
{
	struct settings settings;
	struct selftest_line lines[SELFTEST_LINES];
	bool fine = true;
	if (!form_is_known(cli))
		return EXIT_USAGE;
	err_t e = settings_load(cli, &settings);
	if (e && e != E_NOT_FOUND)
		return EXIT_USAGE;
	size_t count = selftest_run(e ? NULL : &settings, lines);
	for (size_t i = 0; i < count; i++)
		fine &= lines[i].state != SELFTEST_BAD;
	if (strcmp(cli_text(cli, "output", "table"), "json") != 0)
		print_table(lines, count);
	else
		print_json(lines, count, fine);
	return fine ? EXIT_OK : EXIT_ERROR;
}
