/* SPDX-License-Identifier: Apache-2.0
 * config.c - tests of the lines that say what options are taken to be
 */
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "tap.h"

static void test_lines(void)
{
	static char text[] =
		"# a comment\n\n  output = wide\r\n;another\norder.create.max-price=0.02\norder.create.name = a = b # c\nx.y=\n";
	static const struct cli_default wanted[] = { { "", "output", "wide" },
						     { "order create", "max-price", "0.02" },
						     { "order create", "name", "a = b # c" },
						     { "x", "y", "" } };
	struct config config;
	int line;
	ok(config_parse(text, &config, &line) == OK && config.count == 4, "lines, comments and blanks");
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		ok(!strcmp(config.list[i].command, wanted[i].command) && !strcmp(config.list[i].option, wanted[i].option) &&
			   !strcmp(config.list[i].value, wanted[i].value),
		   "%s: %s: %s", config.list[i].command, config.list[i].option, config.list[i].value);
	ok(!config.list[4].command, "the list ends");
}

static void test_refusals(void)
{
	static const struct {
		const char *text;
		int line;
	} refused[] = { { "output", 1 }, { "output = json\n= 5\n", 2 }, { "\n\n[section]\n", 3 } };
	struct config config;
	char text[64], many[16 * (CONFIG_MAX + 1)] = "";
	int line;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		snprintf(text, sizeof text, "%s", refused[i].text);
		err_t e = config_parse(text, &config, &line);
		ok(e == E_INVALID && line == refused[i].line, "line %d is refused", line);
	}
	for (int i = 0; i <= CONFIG_MAX; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), "a.b%d = 1\n", i);
	ok(config_parse(many, &config, &line) == E_LIMIT && line == CONFIG_MAX + 1, "one line too many");
}

int main(void)
{
	test_lines();
	test_refusals();
	return done_testing();
}
