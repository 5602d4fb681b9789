/* SPDX-License-Identifier: Apache-2.0
 * cli.c - tests of command lines: what is run with what, what is complained about, help and man page
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "cli.h"
#include "clock.h"
#include "tap.h"

/* What the command saw, as text: "order create|args:a,b|count:1,2|..." */
static char seen[1024];

PRINTF_LIKE(1, 2) static void see(const char *fmt, ...)
{
	size_t len = strlen(seen);
	__builtin_va_list args;
	__builtin_va_start(args, fmt);
	vsnprintf(seen + len, sizeof seen - len, fmt, args);
	__builtin_va_end(args);
}

static int run_any(struct cli *cli)
{
	see("%s", cli_command_of(cli)->name);
	for (char **arg = cli_args(cli); *arg; arg++)
		see("|%s", *arg);
	for (int i = 0; cli_command_of(cli)->options && i < cli_option_count(cli, "count"); i++)
		see(" count=%s", cli_text_at(cli, "count", i));
	if (!cli_program_of(cli)->options)
		return EXIT_OK;
	if (cli_flag(cli, "server"))
		see(" server=%s", cli_text(cli, "server", "none"));
	if (cli_flag(cli, "verbose"))
		see(" verbose");
	return EXIT_OK;
}

static int run_typed(struct cli *cli)
{
	int64_t count, wait_us, memory;
	money price;
	char text[MONEY_TEXT_SIZE];
	if (cli_int(cli, "count", 5, 1, 9, &count) != OK || cli_duration(cli, "wait", HOUR_US, &wait_us) != OK ||
	    cli_size(cli, "memory", 7, &memory) != OK || cli_money(cli, "price", (money){ 0 }, &price) != OK)
		return EXIT_USAGE;
	snprintf(seen, sizeof seen, "%d %d %lld %s", (int)count, (int)(wait_us / SECOND_US), (long long)memory,
		 money_format(price, text));
	return EXIT_CONFLICT;
}

static const struct cli_option order_options[] = {
	{ "count", 'n', "N", "how many" },
	{ "follow", 'f', NULL, "stay and watch" },
	{ 0 },
};
static const struct cli_option typed_options[] = {
	{ "count", 'n', "N", "how many" },
	{ "wait", 0, "TIME", "how long" },
	{ "memory", 0, "SIZE", "how much" },
	{ "price", 0, "AMOUNT", "what for" },
	{ 0 },
};
static const struct cli_option program_options[] = {
	{ "server", 's', "URL", "the market" },
	{ "verbose", 'v', NULL, "say more" },
	{ 0 },
};
static const struct cli_command commands[] = {
	{ "order create", "IMAGE [-- COMMAND...]", "buy cycles", "An example:\n\n    shop order create a.iso\n", order_options, 1,
	  -1, run_any },
	{ "order list", "", "list what was bought", NULL, order_options, 0, 0, run_any },
	{ "typed", "", "options with types", NULL, typed_options, 0, 0, run_typed },
	{ "status all", "", "how everything goes", NULL, NULL, 0, 0, run_any },
	{ "status", "", "how it goes", "It \"shows\" a\\b.\n.dots too", NULL, 0, 0, run_any },
	{ 0 },
};
static const struct cli_alias aliases[] = { { "ls", "list" }, { "all", "status all" }, { .word = NULL } };
static const struct cli_program shop = {
	.name = "shop",
	.summary = "buys things",
	.details = "Begin with:\n  shop order create IMAGE",
	.options = program_options,
	.commands = commands,
	.aliases = aliases,
	.version = "1.2.3",
};
static struct cli_program with_fallback;

static const struct cli_command one_command[] = {
	{ "", "DIR", "runs DIR", "It runs what is in DIR.", order_options, 1, 1, run_any },
	{ "probe", "", "tries it", NULL, order_options, 0, 0, run_any },
	{ 0 },
};
static const struct cli_program runner = { .name = "runner", .summary = "runs", .commands = one_command, .version = "1" };

static char out[16384], err[4096];

static void read_back(int fd, char *text, size_t size)
{
	ssize_t len = pread(fd, text, size - 1, 0);
	text[len > 0 ? len : 0] = '\0';
}

/* Runs the words (split at blanks) with stdout and stderr caught. */
static int run(const struct cli_program *program, const char *line)
{
	char copy[512], *argv[32] = { (char *)program->name }, *at = copy;
	int argc = 1, real[2] = { dup(1), dup(2) };
	int files[2] = { memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC) };
	snprintf(copy, sizeof copy, "%s", line);
	for (char *word; (word = strsep(&at, " "));)
		if (*word)
			argv[argc++] = word;
	seen[0] = '\0';
	fflush(stdout);
	dup2(files[0], 1);
	dup2(files[1], 2);
	int code = cli_main(program, argc, argv);
	fflush(stdout);
	dup2(real[0], 1);
	dup2(real[1], 2);
	read_back(files[0], out, sizeof out);
	read_back(files[1], err, sizeof err);
	for (int i = 0; i < 2; i++) {
		close(files[i]);
		close(real[i]);
	}
	return code;
}

static const struct {
	const char *line, *seen;
} good[] = {
	{ "order list", "order list" },
	{ "order create a.iso", "order create|a.iso" },
	{ "order create a.iso -n 3", "order create|a.iso count=3" },
	{ "order create -n3 a.iso", "order create|a.iso count=3" },
	{ "order create --count=3 a.iso b", "order create|a.iso|b count=3" },
	{ "--count 3 order create a.iso", "order create|a.iso count=3" },
	{ "-n 3 order create a.iso", "order create|a.iso count=3" },
	{ "order --count 3 create a.iso", "order create|a.iso count=3" },
	{ "order create a.iso --count 1 --count 2", "order create|a.iso count=1 count=2" },
	{ "order create a.iso --count=", "order create|a.iso count=" },
	{ "order create a.iso -- -x --count 3 --help --", "order create|a.iso|-x|--count|3|--help|--" },
	{ "order create -- a", "order create|a" },
	{ "order create -", "order create|-" },
	{ "order create help", "order create|help" },
	{ "order ls", "order list" },
	{ "-v order ls --count 2", "order list count=2 verbose" },
	{ "order create ls", "order create|ls" },
	{ "all", "status all" },
	{ "all -v", "status all verbose" },
	{ "order list -fvn 3", "order list count=3 verbose" },
	{ "-v -s x order list -s y", "order list server=y verbose" },
	{ "order create a --count -1", "order create|a count=-1" },
	{ "order create a --count --", "order create|a count=--" },
	{ "status -v", "status verbose" },
	{ "status all", "status all" },
};

static const struct {
	const char *line, *err;
} bad[] = {
	{ "order creat x",
	  "shop: \"order\" has no command \"creat\"\nDid you mean \"order create\"?\nTry \"shop help order\".\n" },
	{ "ordr create x", "shop: unknown command \"ordr\"\nDid you mean \"order create\"?\nTry \"shop help\".\n" },
	{ "ordr", "shop: unknown command \"ordr\"\nDid you mean \"order\"?\nTry \"shop help\".\n" },
	{ "stat", "shop: unknown command \"stat\"\nDid you mean \"status\"?\nTry \"shop help\".\n" },
	{ "xyzzy", "shop: unknown command \"xyzzy\"\nTry \"shop help\".\n" },
	{ "help xyzzy", "shop: unknown command \"xyzzy\"\nTry \"shop help\".\n" },
	{ "order list --cuont 3", "shop: order list: unknown option \"--cuont\"\nDid you mean \"--count\"?\n" },
	{ "order list --cuont=3", "shop: order list: unknown option \"--cuont\"\nDid you mean \"--count\"?\n" },
	{ "status --xyzzy", "shop: status: unknown option \"--xyzzy\"\n" },
	{ "status --count 3", "shop: status: unknown option \"--count\"\n" },
	{ "status -n 3", "shop: status: unknown option \"-n\"\n" },
	{ "--verbos", "shop: unknown option \"--verbos\"\nDid you mean \"--verbose\"?\n" },
	{ "-x", "shop: unknown option \"-x\"\n" },
	{ "order list --count", "shop: --count needs a value: --count N\n" },
	{ "order list -n", "shop: -n needs a value: -n N\n" },
	{ "order list --follow=yes", "shop: --follow takes no value\n" },
	{ "order list extra", "shop: order list: unexpected argument \"extra\"\nusage: shop order list [options]\n" },
	{ "order create",
	  "shop: order create: an argument is missing\nusage: shop order create [options] IMAGE [-- COMMAND...]\n" },
	{ "typed --count 0", "shop: --count: must be an integer from 1 to 9, not \"0\"\n" },
	{ "typed --count 3x", "shop: --count: must be an integer from 1 to 9, not \"3x\"\n" },
	{ "typed --wait 3w", "shop: --wait: must be a duration such as 90s, 15m, 2h or 1d, not \"3w\"\n" },
	{ "typed --memory 3X", "shop: --memory: must be a size such as 512M or 20G, not \"3X\"\n" },
	{ "typed --price -3", "shop: --price: must be an amount such as 12.50, with at most six decimals, not \"-3\"\n" },
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		is_int(run(&shop, good[i].line), EXIT_OK, "run %s", good[i].line);
		is_text(seen, good[i].seen, "what it saw");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		is_int(run(&shop, bad[i].line), EXIT_USAGE, "refuse %s", bad[i].line);
		is_text(err, bad[i].err, "saying why");
		is_text(seen, "", "nothing was run");
	}
	is_int(run(&shop, "typed"), EXIT_CONFLICT, "the command's exit code");
	is_text(seen, "5 3600 7 0.00", "typed options that were not given");
	is_int(run(&shop, "typed -n 9 --wait 2m --memory 1K --price 1.5"), EXIT_CONFLICT, "and given");
	is_text(seen, "9 120 1024 1.50", "their values");
}

static void test_help(void)
{
	is_int(run(&shop, ""), EXIT_USAGE, "nothing asked for");
	ok(strstr(out, "shop order create IMAGE") && strstr(out, "order list    list what was bought"),
	   "shows the program's help");
	is_int(run(&shop, "--help"), EXIT_OK, "help of the program");
	ok(strstr(out, "usage: shop [options] COMMAND") && strstr(out, "-s, --server URL") && strstr(out, "--version"),
	   "its options");
	is_int(run(&shop, "help"), EXIT_OK, "the same by word");
	is_int(run(&shop, "order"), EXIT_USAGE, "a noun alone");
	ok(strstr(out, "order create") && strstr(out, "order list") && !strstr(out, "status"), "lists its commands");
	is_int(run(&shop, "help order"), EXIT_OK, "help of a noun");
	is_int(run(&shop, "order --help"), EXIT_OK, "the same by option");
	ok(strstr(out, "order create"), "lists its commands");
	is_int(run(&shop, "help order create"), EXIT_OK, "help of a command");
	ok(strstr(out, "usage: shop order create [options] IMAGE [-- COMMAND...]\n"), "its usage");
	ok(strstr(out, "    shop order create a.iso") && strstr(out, "  -n, --count N") && strstr(out, "  -s, --server URL"),
	   "its details, options, and those of the program");
	is_int(run(&shop, "order create --bad -h"), EXIT_OK, "help in spite of mistakes");
	ok(strstr(out, "usage: shop order create"), "of the command");
	is_int(run(&shop, "--version"), EXIT_OK, "version");
	is_text(out, "shop 1.2.3\n", "its line");

	with_fallback = shop;
	with_fallback.fallback = "order list";
	is_int(run(&with_fallback, "-n 3"), EXIT_OK, "a fallback");
	is_text(seen, "order list count=3", "is run with its options");
	is_int(run(&with_fallback, "--help"), EXIT_OK, "help is the program's then");
	ok(strstr(out, "Without a command: order list."), "and says so");

	is_int(run(&runner, "/some/dir -n 3"), EXIT_OK, "a command without a word");
	is_text(seen, "|/some/dir count=3", "takes the words as arguments");
	is_int(run(&runner, "probe"), EXIT_OK, "beside one that has");
	is_text(seen, "probe", "which goes first");
	is_int(run(&runner, "a b"), EXIT_USAGE, "too many");
	is_text(err, "runner: unexpected argument \"b\"\nusage: runner [options] DIR\n", "is said");
	is_int(run(&runner, ""), EXIT_USAGE, "none");
	is_text(err, "runner: an argument is missing\nusage: runner [options] DIR\n", "is said");
	is_int(run(&runner, "--help"), EXIT_OK, "its help");
	ok(strstr(out, "usage: runner [options] DIR") && strstr(out, "what is in DIR") && strstr(out, "--count") &&
		   strstr(out, "probe"),
	   "has all");
	is_int(run(&runner, "dir --help"), EXIT_OK, "with an argument too");
}

static int run_full(struct cli *cli)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	(void)cli;
	fflush(stdout);
	dup2(full, 1);
	close(full);
	printf("lost\n");
	return EXIT_OK;
}

static void test_output(void)
{
	static const struct cli_command full_command[] = { { "go", "", "", NULL, NULL, 0, 0, run_full }, { 0 } };
	static const struct cli_program full = { .name = "full", .summary = "", .commands = full_command, .version = "1" };
	is_int(run(&full, "go"), EXIT_ERROR, "output that cannot be written");
	is_text(err, "full: cannot write the output\n", "is not silently lost");
	clearerr(stdout);
}

static int run_unlucky(struct cli *cli)
{
	return cli_error(cli, EXIT_FUNDS, "%s is \"poor\"", cli_text(cli, "output", "who"));
}

static void test_json_errors(void)
{
	static const struct cli_option output[] = { { "output", 'o', "FORM", "" }, { 0 } };
	static const struct cli_command go[] = { { "go", "", "", NULL, NULL, 0, 0, run_unlucky },
						 { "net up", "", "", NULL, NULL, 0, 0, run_unlucky },
						 { 0 } };
	static const struct cli_program with_output = {
		.name = "p", .summary = "", .options = output, .commands = go, .version = "1"
	};
	static const struct {
		const char *line;
		int code;
		const char *err;
	} cases[] = {
		{ "go", EXIT_FUNDS, "p: who is \"poor\"\n" },
		{ "go -o json", EXIT_FUNDS, "{\"error\": {\"title\": \"json is \\\"poor\\\"\"}, \"exit\": 7}\n" },
		{ "-ojson gone", EXIT_USAGE, "{\"error\": {\"title\": \"unknown command \\\"gone\\\"\"}, \"exit\": 2}\n" },
		{ "--output=json go --bad", EXIT_USAGE,
		  "{\"error\": {\"title\": \"go: unknown option \\\"--bad\\\"\"}, \"exit\": 2}\n" },
		{ "--output json net", EXIT_USAGE, "{\"error\": {\"title\": \"a command is missing\"}, \"exit\": 2}\n" },
		{ "-o json go more", EXIT_USAGE,
		  "{\"error\": {\"title\": \"go: unexpected argument \\\"more\\\"\"}, \"exit\": 2}\n" },
		{ "-o json net \xff", EXIT_USAGE,
		  "{\"error\": {\"title\": \"\\\"net\\\" has no command \\\"?\\\"\"}, \"exit\": 2}\n" },
		{ "-o json go -o table", EXIT_FUNDS, "p: table is \"poor\"\n" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		is_int(run(&with_output, cases[i].line), cases[i].code, "%s", cases[i].line);
		is_text(err, cases[i].err, "is told in the form that was asked for");
		is_text(out, "", "and nothing stands on standard output");
	}
	is_int(run(&with_output, "help --man"), EXIT_OK, "help --man");
	ok(!strncmp(out, ".Dd ", 4) && strstr(out, ".Dt P 1\n"), "is the manual page");
	is_int(run(&with_output, "help --mann"), EXIT_USAGE, "any other option behind help is unknown");
	is_text(err, "p: unknown option \"--mann\"\n", "and said to be");
}

static void test_man(void)
{
	AUTO_BUF text = { 0 };
	setenv("SOURCE_DATE_EPOCH", "1795231740", 1);
	cli_man(&shop, 1, &text);
	ok(!strncmp(text.data, ".Dd November 21, 2026\n.Dt SHOP 1\n.Os\n.Sh NAME\n.Nm", 47), "the title");
	ok(strstr(text.data, ".Ss \"shop order create IMAGE [\\-\\- COMMAND...]\"\n"), "a command");
	ok(strstr(text.data, ".Bd -literal\n    shop order create a.iso\n.Ed\n"), "an example");
	ok(strstr(text.data, ".It Fl n , Fl \"\\-count\" Ar \"N\"\nhow many\n"), "an option");
	ok(strstr(text.data, "It \\(dqshows\\(dq a\\eb.\n\\&.dots too\n"), "nothing is taken for a request");
	ok(strstr(text.data, ".Sh EXIT STATUS"), "exit codes");
	buf_reset(&text);
	cli_man(&runner, 8, &text);
	ok(strstr(text.data, ".Ss \"runner DIR\"\n"), "a command without a word");
	buf_reset(&text);
	cli_help(&shop, &commands[1], &text);
	ok(!strncmp(text.data, "shop order list - list what was bought\n", 39), "help as text");
}

int main(void)
{
	test_lines();
	test_help();
	test_output();
	test_json_errors();
	test_man();
	return done_testing();
}
