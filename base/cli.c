/* SPDX-License-Identifier: Apache-2.0
 * cli.c - parses a command line by a program's table
 *
 * How it works: options may stand before the words that say which command is meant, and only the command says which options
 * take a value. So the line is scanned twice: loosely, where an option is looked for in all commands, to find the words; then
 * strictly, against the command that the words name.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "cli_help.h"
#include "clock.h"
#include "guess.h"
#include "json.h"

struct given {
	const struct cli_option *option;
	const char *value; /* NULL for a flag */
};

struct cli {
	const struct cli_program *program;
	const struct cli_command *command; /* NULL while it is not known: the scan is loose */
	struct given *given;
	int given_count;
	char **words; /* what is no option, in order, then NULL */
	int word_count;
	int before_dashes;   /* how many of them stood before "--" */
	int skip;	     /* of the words, those that name the command */
	const char *unknown; /* the first option that no command has, of the loose scan */
	char alias[16];	     /* the first word of what an alias means */
	bool json;	     /* errors are told to a program */
};

/* ---- telling what is wrong ---- */

/* The last "--output" decides, if the program has that option at all. It is needed before anything is parsed: the line may be wrong. */
static bool wants_json(const struct cli_program *program, int argc, char **argv)
{
	const char *form = "";
	bool has = false;
	for (const struct cli_option *o = program->options; o && o->name; o++)
		has |= !strcmp(o->name, "output") && o->letter == 'o';
	for (const struct cli_default *d = program->defaults; d && d->command; d++)
		if (!*d->command && !strcmp(d->option, "output"))
			form = d->value;
	for (int i = 1; has && i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strncmp(argv[i], "--output=", 9))
			form = argv[i] + 9;
		else if (!strcmp(argv[i], "--output") || !strcmp(argv[i], "-o"))
			form = i + 1 < argc ? argv[++i] : form;
		else if (!strncmp(argv[i], "-o", 2))
			form = argv[i] + 2;
	}
	return has && (!strcmp(form, "json") || !strcmp(form, "ndjson"));
}

static void print_json_error(int exit_code, char *text)
{
	AUTO_JSON title = json_string(text);
	if (!title) { /* an argument that is no UTF-8 */
		for (char *at = text; *at; at++)
			*at = (unsigned char)*at < 128 ? *at : '?';
		title = json_string(text);
	}
	AUTO_JSON out = json_pack("{s:{s:O}, s:i}", "error", "title", title, "exit", exit_code);
	json_dumpf(out, stderr, 0);
	fputc('\n', stderr);
}

PRINTF_LIKE(3, 0) static void complain_list(const struct cli *cli, int exit_code, const char *fmt, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof text, fmt,
		  args); /* what is longer is cut: somebody's argument is, and the point stands before it */
	if (cli->json)
		print_json_error(exit_code, text);
	else
		fprintf(stderr, "%s: %s\n", cli->program->name, text);
}

PRINTF_LIKE(2, 3) static void complain(const struct cli *cli, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	complain_list(cli, EXIT_USAGE, fmt, args);
	va_end(args);
}

int cli_error(const struct cli *cli, int exit_code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	complain_list(cli, exit_code, fmt, args);
	va_end(args);
	return exit_code;
}

static void print_to(FILE *file, struct buf *text)
{
	if (text->data)
		fputs(text->data, file);
}

static void print_guess(const struct cli *cli, const struct guess *guess, const char *prefix)
{
	if (guess->text[0] && !cli->json)
		fprintf(stderr, "Did you mean \"%s%s\"?\n", prefix, guess->text);
}

/* ---- options ---- */

/* Either name (of len bytes) or letter. */
static const struct cli_option *find(const struct cli_option *table, const char *name, size_t len, char letter)
{
	for (const struct cli_option *o = table; o && o->name; o++)
		if (name ? !strncmp(o->name, name, len) && !o->name[len] : o->letter == letter)
			return o;
	return NULL;
}

static const struct cli_option *find_option(const struct cli *cli, const char *name, size_t len, char letter)
{
	const struct cli_option *option = NULL;
	if (cli->command)
		option = find(cli->command->options, name, len, letter);
	if (!option)
		option = find(cli->program->options, name, len, letter);
	if (!option)
		option = find(cli_builtin, name, len, letter);
	for (const struct cli_command *c = cli->program->commands; !option && !cli->command && c->name; c++)
		option = find(c->options, name, len, letter);
	return option;
}

static void suggest_option(const struct cli *cli, const char *name)
{
	struct guess guess = { 0 };
	const struct cli_option *const tables[] = { cli->command ? cli->command->options : NULL, cli->program->options,
						    cli_builtin };
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (const struct cli_option *o = tables[i]; o && o->name; o++)
			guess_consider(&guess, name, o->name);
	print_guess(cli, &guess, "--");
}

static err_t complain_option(const struct cli *cli, const char *word)
{
	const char *command = cli->command ? cli->command->name : "";
	size_t len = strcspn(word, "=");
	char name[GUESS_MAX + 1];
	complain(cli, "%s%sunknown option \"%.*s\"", command, *command ? ": " : "", (int)len, word);
	if (!strncmp(word, "--", 2) && len - 2 < sizeof name) {
		snprintf(name, sizeof name, "%.*s", (int)len - 2, word + 2);
		suggest_option(cli, name);
	}
	return E_INVALID;
}

/* The loose scan goes on: the words may say more about what was meant. */
static err_t unknown_option(struct cli *cli, const char *word)
{
	if (cli->command)
		return complain_option(cli, word);
	if (!cli->unknown)
		cli->unknown = word;
	return OK;
}

static void give(struct cli *cli, const struct cli_option *option, const char *value)
{
	cli->given[cli->given_count++] = (struct given){ option, value };
}

/* "--name", "--name=VALUE", "--name VALUE". *i is moved past a value. */
static err_t take_long(struct cli *cli, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const struct cli_option *option = find_option(cli, name, len, 0);
	if (!option)
		return unknown_option(cli, argv[*i]);
	if (!option->value && name[len]) {
		complain(cli, "--%s takes no value", option->name);
		return E_INVALID;
	}
	if (option->value && !name[len] && *i + 1 >= argc) {
		complain(cli, "--%s needs a value: --%s %s", option->name, option->name, option->value);
		return E_INVALID;
	}
	give(cli, option, !option->value ? NULL : name[len] ? name + len + 1 : argv[++*i]);
	return OK;
}

/* "-n", "-nVALUE", "-n VALUE", "-abc". */
static err_t take_letters(struct cli *cli, int argc, char **argv, int *i)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		const struct cli_option *option = find_option(cli, NULL, 0, *at);
		if (!option)
			return unknown_option(cli, argv[*i]);
		if (!option->value) {
			give(cli, option, NULL);
			continue;
		}
		if (!at[1] && *i + 1 >= argc) {
			complain(cli, "-%c needs a value: -%c %s", *at, *at, option->value);
			return E_INVALID;
		}
		give(cli, option, at[1] ? at + 1 : argv[++*i]);
		return OK;
	}
	return OK;
}

static err_t scan(struct cli *cli, int argc, char **argv)
{
	bool dashes = false;
	cli->given_count = cli->word_count = cli->before_dashes = 0;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (!dashes && !strcmp(word, "--"))
			dashes = true;
		else if (!dashes && !strncmp(word, "--", 2))
			TRY(take_long(cli, argc, argv, &i));
		else if (!dashes && word[0] == '-' && word[1])
			TRY(take_letters(cli, argc, argv, &i));
		else {
			cli->words[cli->word_count++] = argv[i];
			cli->before_dashes += !dashes;
		}
	}
	cli->words[cli->word_count] = NULL;
	return OK;
}

/* Of options that were not given; the first line that names one counts. */
static void give_defaults(struct cli *cli)
{
	for (const struct cli_default *d = cli->program->defaults; d && d->command; d++) {
		const struct cli_option *table = *d->command ? cli->command->options : cli->program->options, *option;
		if (*d->command && strcmp(d->command, cli->command->name) != 0)
			continue;
		option = find(table, d->option, strlen(d->option), 0);
		if (option && option->value && !cli_flag(cli, option->name))
			give(cli, option, d->value);
	}
}

/* ---- commands ---- */

static const struct cli_command *named(const struct cli_program *program, const char *name)
{
	for (const struct cli_command *c = program->commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* How many words the name has if they are the first ones given, else -1. A name without words fits always. */
static int words_of(const char *name, char **words, int count)
{
	int used = 0;
	while (*name) {
		size_t len = strcspn(name, " ");
		if (used == count || strlen(words[used]) != len || strncmp(words[used], name, len))
			return -1;
		used++;
		name += len + (name[len] == ' ');
	}
	return used;
}

/* The command with the longest name that the words begin with, or NULL. */
static const struct cli_command *match(const struct cli_program *program, char **words, int count, int *ret_used)
{
	const struct cli_command *best = NULL;
	*ret_used = -1;
	for (const struct cli_command *c = program->commands; c->name; c++) {
		int used = words_of(c->name, words, count);
		if (!*c->name && count && c->max_args == 0)
			continue; /* it would only call the word unexpected */
		if (used > *ret_used) {
			best = c;
			*ret_used = used;
		}
	}
	return best;
}

static bool is_noun(const struct cli_program *program, const char *word)
{
	for (const struct cli_command *c = program->commands; c->name; c++)
		if (cli_noun_is(c->name, word))
			return true;
	return false;
}

/* The first count words of the name, or all; returns how many. */
static int first_words(const char *name, int count, char *text, size_t size)
{
	size_t len = 0;
	int words = 0;
	while (name[len] && words < count) {
		len += name[len] == ' ';
		len += strcspn(name + len, " ");
		words++;
	}
	snprintf(text, size, "%.*s", (int)len, name);
	return words;
}

static int unknown_command(const struct cli *cli, char **words, int count)
{
	const struct cli_program *program = cli->program;
	struct guess guess = { 0 };
	for (const struct cli_command *c = program->commands; c->name; c++) {
		char candidate[GUESS_MAX + 1], typed[2 * GUESS_MAX] = "";
		int n = first_words(c->name, count, candidate, sizeof candidate);
		for (int i = 0; i < n; i++)
			snprintf(typed + strlen(typed), sizeof typed - strlen(typed), "%s%s", i ? " " : "", words[i]);
		if (n)
			guess_consider(&guess, typed, candidate);
	}
	bool noun = is_noun(program, words[0]);
	if (noun)
		complain(cli, "\"%s\" has no command \"%s\"", words[0], words[1]);
	else
		complain(cli, "unknown command \"%s\"", words[0]);
	print_guess(cli, &guess, "");
	if (!cli->json)
		fprintf(stderr, "Try \"%s help%s%s\".\n", program->name, noun ? " " : "", noun ? words[0] : "");
	return EXIT_USAGE;
}

/* Help on what the words name. wrong: nothing was asked for, so that the exit code says that nothing was done. */
static int show_help(const struct cli *cli, char **words, int count, bool wrong)
{
	const struct cli_program *program = cli->program;
	AUTO_BUF text = { 0 };
	int used;
	const struct cli_command *command = match(program, words, count, &used);
	if (count == 1 && used <= 0 && is_noun(program, words[0]))
		cli_help_noun(program, words[0], &text);
	else if (count && !command)
		return unknown_command(cli, words, count);
	else
		cli_help(program, used > 0 ? command : NULL, &text);
	if (wrong && cli->json)
		return cli_error(cli, EXIT_USAGE, "a command is missing");
	print_to(stdout, &text);
	return wrong ? EXIT_USAGE : EXIT_OK;
}

/* "help [COMMAND]"; "help --man": all of it, as a manual page. */
static int help(const struct cli *cli, char **words, int count)
{
	AUTO_BUF page = { 0 };
	if (!cli->unknown)
		return show_help(cli, words, count, false);
	if (strcmp(cli->unknown, "--man") != 0 || count)
		return complain_option(cli, cli->unknown) == OK ? EXIT_OK : EXIT_USAGE;
	cli_man(cli->program, 1, &page);
	if (page.error)
		return cli_error(cli, EXIT_ERROR, "out of memory");
	print_to(stdout, &page);
	return EXIT_OK;
}

/* ---- words that every program knows ---- */

static int print_commands(const struct cli *cli, char **words, int count)
{
	(void)words, (void)count;
	AUTO_JSON all = cli_commands_to_json(cli->program);
	if (cli->json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		return EXIT_OK;
	}
	for (const struct cli_command *c = cli->program->commands; c->name; c++)
		puts(c->name);
	return EXIT_OK;
}

static int print_completion(const struct cli *cli, char **words, int count)
{
	AUTO_BUF script = { 0 };
	err_t e = cli_completion(cli->program, count ? words[0] : "", &script);
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_USAGE : EXIT_ERROR,
				 "completion: say for which shell: bash, zsh or fish");
	if (cli->json) {
		AUTO_JSON out = json_pack("{s:i, s:s, s:s}", "schema", 1, "shell", words[0], "script", script.data);
		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_to(stdout, &script);
	}
	return EXIT_OK;
}

static int print_version(const struct cli *cli, char **words, int count)
{
	(void)words, (void)count;
	if (cli->json)
		printf("{\"schema\": 1, \"program\": \"%s\", \"version\": \"%s\"}\n", cli->program->name, cli->program->version);
	else
		printf("%s %s\n", cli->program->name, cli->program->version);
	return EXIT_OK;
}

static const struct {
	const char *name;
	int max_args;
	int (*run)(const struct cli *cli, char **words, int count);
} general[] = { { "commands", 0, print_commands }, { "completion", 1, print_completion }, { "version", 0, print_version } };

/* Runs what words[0] names of these, unless the program has a command of that name. -1: none. */
static int run_general(const struct cli *cli, char **words, int count)
{
	for (size_t i = 0; count && i < sizeof general / sizeof *general; i++) {
		if (strcmp(words[0], general[i].name) != 0)
			continue;
		if (cli->unknown)
			return complain_option(cli, cli->unknown) == OK ? EXIT_OK : EXIT_USAGE;
		if (count - 1 > general[i].max_args)
			return cli_error(cli, EXIT_USAGE, "%s: unexpected argument \"%s\"", words[0],
					 words[general[i].max_args + 1]);
		return general[i].run(cli, words + 1, count - 1);
	}
	return -1;
}

/* "ls" for "list" behind a noun that has it, "ps" for "node list". words has room for one more. */
static void expand_alias(struct cli *cli)
{
	const struct cli_program *program = cli->program;
	int used;
	const struct cli_command *command = match(program, cli->words, cli->before_dashes, &used);
	if (!cli->before_dashes || (command && used > 0))
		return;
	for (const struct cli_alias *a = program->aliases; a && a->word; a++) {
		bool whole = strchr(a->means, ' ');
		char **word = &cli->words[whole ? 0 : 1];
		if ((!whole && (cli->before_dashes < 2 || !is_noun(program, cli->words[0]))) || strcmp(*word, a->word) != 0)
			continue;
		const char *second = whole ? strchr(a->means, ' ') + 1 : NULL;
		if (second) {
			memmove(word + 2, word + 1, (size_t)cli->word_count * sizeof *word); /* with the NULL at the end */
			snprintf(cli->alias, sizeof cli->alias, "%.*s", (int)(second - a->means) - 1, a->means);
			word[0] = cli->alias;
			word[1] = (char *)second;
			cli->word_count++;
			cli->before_dashes++;
		} else {
			*word = (char *)a->means;
		}
		return;
	}
}

static int wrong_arguments(const struct cli *cli)
{
	AUTO_BUF usage = { 0 };
	const struct cli_command *command = cli->command;
	int count = cli_arg_count(cli);
	const char *colon = *command->name ? ": " : "";
	if (count < command->min_args)
		complain(cli, "%s%san argument is missing", command->name, colon);
	else
		complain(cli, "%s%sunexpected argument \"%s\"", command->name, colon, cli_arg(cli, command->max_args));
	cli_usage(cli->program, command, &usage);
	if (!cli->json)
		print_to(stderr, &usage);
	return EXIT_USAGE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct cli_program *program = cli->program;
	int used;
	if (scan(cli, argc, argv) != OK)
		return EXIT_USAGE;
	expand_alias(cli);
	char **words = cli->words;
	int count = cli->before_dashes;
	if (cli_flag(cli, "version")) {
		printf("%s %s\n", program->name, program->version);
		return EXIT_OK;
	}
	const struct cli_command *command = match(program, words, count, &used);
	if (count && used <= 0 && !strcmp(words[0], "help"))
		return help(cli, words + 1, count - 1);
	int code = count && used <= 0 && !cli_flag(cli, "help") ? run_general(cli, words, count) : -1;
	if (code >= 0)
		return code;
	if (cli_flag(cli, "help"))
		return show_help(cli, words, count, false);
	if (!command && !count && cli->unknown && complain_option(cli, cli->unknown) != OK)
		return EXIT_USAGE;
	if (!command && !count && program->fallback) {
		command = named(program, program->fallback);
		used = 0;
		assert(command);
	}
	if (!command)
		return show_help(cli, words, count, true);
	cli->command = command;
	if (scan(cli, argc, argv) != OK)
		return EXIT_USAGE;
	expand_alias(cli);
	if (used && words_of(command->name, words, cli->before_dashes) != used) {
		complain(cli, "put the options behind \"%s\"", command->name);
		return EXIT_USAGE;
	}
	cli->skip = used;
	give_defaults(cli);
	count = cli_arg_count(cli);
	if (count < command->min_args || (command->max_args >= 0 && count > command->max_args))
		return wrong_arguments(cli);
	code = command->run(cli);
	if (fflush(stdout) || ferror(stdout)) {
		cli_error(cli, EXIT_ERROR, "cannot write the output");
		return code == EXIT_OK ? EXIT_ERROR : code;
	}
	return code;
}

int cli_main(const struct cli_program *program, int argc, char **argv)
{
	struct cli cli = { .program = program, .json = wants_json(program, argc, argv) };
	size_t most = 1; /* a word of letters gives as many options */
	for (int i = 1; i < argc; i++)
		most += strlen(argv[i]);
	for (const struct cli_default *d = program->defaults; d && d->command; d++)
		most++;
	cli.given = calloc(most, sizeof *cli.given);
	cli.words = calloc((size_t)argc + 2, sizeof *cli.words); /* an alias may be two */
	int code;
	if (cli.given && cli.words)
		code = run(&cli, argc, argv);
	else
		code = cli_error(&cli, EXIT_ERROR, "out of memory");
	free(cli.given);
	free(cli.words);
	return code;
}

/* ---- what commands ask for ---- */

const struct cli_program *cli_program_of(const struct cli *cli)
{
	return cli->program;
}

const struct cli_command *cli_command_of(const struct cli *cli)
{
	return cli->command;
}

int cli_arg_count(const struct cli *cli)
{
	return cli->word_count - cli->skip;
}

const char *cli_arg(const struct cli *cli, int i)
{
	return i >= 0 && i < cli_arg_count(cli) ? cli->words[cli->skip + i] : NULL;
}

char **cli_args(const struct cli *cli)
{
	return cli->words + cli->skip;
}

static bool is_given(const struct cli *cli, int i, const char *name)
{
	return !strcmp(cli->given[i].option->name, name);
}

int cli_option_count(const struct cli *cli, const char *name)
{
	/* A command that asks for what its table does not have is our own mistake. */
	assert(find_option(cli, name, strlen(name), 0));
	int count = 0;
	for (int i = 0; i < cli->given_count; i++)
		count += is_given(cli, i, name);
	return count;
}

bool cli_flag(const struct cli *cli, const char *name)
{
	return cli_option_count(cli, name) > 0;
}

const char *cli_text_at(const struct cli *cli, const char *name, int i)
{
	for (int g = 0; g < cli->given_count; g++)
		if (is_given(cli, g, name) && i-- == 0)
			return cli->given[g].value;
	return NULL;
}

const char *cli_text(const struct cli *cli, const char *name, const char *fallback)
{
	int count = cli_option_count(cli, name);
	return count ? cli_text_at(cli, name, count - 1) : fallback;
}

err_t cli_int(const struct cli *cli, const char *name, int64_t fallback, int64_t min, int64_t max, int64_t *ret_value)
{
	const char *text = cli_text(cli, name, NULL);
	int64_t value = fallback;
	if (text && (int_parse(text, &value) != OK || value < min || value > max)) {
		complain(cli, "--%s: must be an integer from %lld to %lld, not \"%s\"", name, (long long)min, (long long)max,
			 text);
		return E_INVALID;
	}
	*ret_value = value;
	return OK;
}

static err_t bad_value(const struct cli *cli, const char *name, const char *must_be, const char *text)
{
	complain(cli, "--%s: must be %s, not \"%s\"", name, must_be, text);
	return E_INVALID;
}

err_t cli_money(const struct cli *cli, const char *name, money fallback, money *ret_value)
{
	const char *text = cli_text(cli, name, NULL);
	money value = fallback;
	if (text && money_parse(text, &value) != OK)
		return bad_value(cli, name, "an amount such as 12.50, with at most six decimals", text);
	*ret_value = value;
	return OK;
}

err_t cli_duration(const struct cli *cli, const char *name, int64_t fallback_us, int64_t *ret_us)
{
	const char *text = cli_text(cli, name, NULL);
	int64_t value_us = fallback_us;
	if (text && duration_parse(text, &value_us) != OK)
		return bad_value(cli, name, "a duration such as 90s, 15m, 2h or 1d", text);
	*ret_us = value_us;
	return OK;
}

err_t cli_size(const struct cli *cli, const char *name, int64_t fallback, int64_t *ret_bytes)
{
	const char *text = cli_text(cli, name, NULL);
	int64_t bytes = fallback;
	if (text && size_parse(text, &bytes) != OK)
		return bad_value(cli, name, "a size such as 512M or 20G", text);
	*ret_bytes = bytes;
	return OK;
}
