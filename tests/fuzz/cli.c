/* SPDX-License-Identifier: Apache-2.0
 * cli.c - fuzz: a command line, its words separated by line ends
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(struct cli *cli)
{
	const struct cli_command *command = cli_command_of(cli);
	int64_t number;
	money price;
	int args = cli_arg_count(cli);
	assert(args >= command->min_args && (command->max_args < 0 || args <= command->max_args));
	assert(!cli_arg(cli, args) && !cli_args(cli)[args] && !cli_arg(cli, -1));
	if (!command->options)
		return EXIT_OK;
	for (int i = 0; i < cli_option_count(cli, "count"); i++)
		assert(cli_text_at(cli, "count", i));
	if (cli_int(cli, "count", 1, 1, 9, &number) != OK || cli_duration(cli, "wait", 1, &number) != OK ||
	    cli_size(cli, "memory", 1, &number) != OK || cli_money(cli, "price", (money){ 0 }, &price) != OK)
		return EXIT_USAGE;
	return EXIT_OK;
}

static int show(struct cli *cli)
{
	assert(!cli_flag(cli, "follow") || cli_text(cli, "follow", NULL));
	assert(!cli_flag(cli, "count") || !cli_text(cli, "count", NULL));
	return EXIT_OK;
}

static const struct cli_option order_options[] = {
	{ "count", 'n', "N", "" },   { "follow", 'f', NULL, "" },  { "wait", 0, "TIME", "" },
	{ "memory", 0, "SIZE", "" }, { "price", 0, "AMOUNT", "" }, { 0 },
};
/* "follow" takes a value here and none there: the loose scan may be wrong about it. */
static const struct cli_option show_options[] = { { "follow", 'f', "X", "" }, { "count", 0, NULL, "" }, { 0 } };
static const struct cli_option program_options[] = { { "server", 's', "URL", "" }, { "verbose", 'v', NULL, "" }, { 0 } };
static const struct cli_command commands[] = {
	{ "order create", "IMAGE [-- COMMAND...]", "", NULL, order_options, 1, -1, run },
	{ "order list", "", "", NULL, NULL, 0, 0, run },
	{ "order", "", "", NULL, NULL, 0, 0, run },
	{ "status", "", "", NULL, NULL, 0, 1, run },
	{ "show", "", "", NULL, show_options, 0, -1, show },
	{ 0 },
};
static const struct cli_program program = { "fuzz", "", "", program_options, commands, NULL, NULL, "order list", "1" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	char *text = strndup((const char *)data, size), *argv[65] = { "fuzz" }, *at = text;
	int argc = 1;
	if (!text || !nowhere)
		return 0;
	for (char *word; argc < 64 && (word = strsep(&at, "\n"));)
		argv[argc++] = word;
	FILE *real_stdout = stdout, *real_stderr = stderr;
	stdout = stderr = nowhere;
	cli_main(&program, argc, argv);
	stdout = real_stdout;
	stderr = real_stderr;
	free(text);
	return 0;
}
