/* SPDX-License-Identifier: Apache-2.0
 * cli_help.c - help and man pages, written from a program's table
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bytes.h"
#include "cli_help.h"
#include "clock.h"

#define COLUMN_MAX 30 /* where the explanations of a table begin at most */

const struct cli_option cli_builtin[] = {
	{ "help", 'h', NULL, "explain the program, or the command" },
	{ "version", 0, NULL, "print the version" },
	{ 0 },
};

bool cli_noun_is(const char *name, const char *word)
{
	size_t len = strlen(word);
	return len && !strncmp(name, word, len) && name[len] == ' ';
}

/* ---- help ---- */

void cli_usage(const struct cli_program *program, const struct cli_command *command, struct buf *out)
{
	buf_printf(out, "usage: %s", program->name);
	if (command && *command->name)
		buf_printf(out, " %s", command->name);
	buf_puts(out, " [options]");
	if (!command)
		buf_puts(out, " COMMAND [arguments]");
	else if (command->arguments && *command->arguments)
		buf_printf(out, " %s", command->arguments);
	buf_puts(out, "\n");
}

/* "-n, --count N"; returns its length. With out NULL it only counts. */
static int option_name(const struct cli_option *option, struct buf *out)
{
	AUTO_BUF text = { 0 };
	if (option->letter)
		buf_printf(&text, "-%c, ", option->letter);
	else
		buf_puts(&text, "    ");
	buf_printf(&text, "--%s", option->name);
	if (option->value)
		buf_printf(&text, " %s", option->value);
	if (out && text.data)
		buf_puts(out, text.data);
	return (int)text.len;
}

static int widest(int width, int candidate)
{
	return candidate > width && candidate <= COLUMN_MAX ? candidate : width;
}

static void print_options(const char *title, const struct cli_option *options, struct buf *out)
{
	int width = 0;
	if (!options || !options->name)
		return;
	for (const struct cli_option *o = options; o->name; o++)
		width = widest(width, option_name(o, NULL));
	buf_printf(out, "\n%s:\n", title);
	for (const struct cli_option *o = options; o->name; o++) {
		buf_puts(out, "  ");
		int len = option_name(o, out);
		if (len > width)
			buf_printf(out, "\n%*s", width + 2, "");
		buf_printf(out, "%*s  %s\n", len > width ? 0 : width - len, "", o->what);
	}
}

static void print_commands(const struct cli_program *program, const char *noun, struct buf *out)
{
	int width = 0;
	const struct cli_command *c;
	for (c = program->commands; c->name; c++)
		width = widest(width, (int)strlen(c->name));
	buf_puts(out, "\nCommands:\n");
	for (c = program->commands; c->name; c++)
		if (*c->name && (!noun || cli_noun_is(c->name, noun) || !strcmp(c->name, noun)))
			buf_printf(out, "  %-*s  %s\n", width, c->name, c->summary);
}

static void print_details(const char *details, struct buf *out)
{
	if (!details || !*details)
		return;
	buf_printf(out, "\n%s%s", details, details[strlen(details) - 1] == '\n' ? "" : "\n");
}

/* The command that runs without a word, if any. */
static const struct cli_command *wordless(const struct cli_program *program)
{
	for (const struct cli_command *c = program->commands; c->name; c++)
		if (!*c->name)
			return c;
	return NULL;
}

static bool has_named_commands(const struct cli_program *program)
{
	return program->commands->name && (program->commands != wordless(program) || program->commands[1].name);
}

static void help_program(const struct cli_program *program, struct buf *out)
{
	const struct cli_command *plain = wordless(program);
	buf_printf(out, "%s - %s\n\n", program->name, program->summary);
	if (plain)
		cli_usage(program, plain, out);
	if (has_named_commands(program))
		cli_usage(program, NULL, out);
	print_details(program->details, out);
	if (plain)
		print_details(plain->details, out);
	if (has_named_commands(program))
		print_commands(program, NULL, out);
	if (program->fallback)
		buf_printf(out, "\nWithout a command: %s.\n", program->fallback);
	if (plain)
		print_options("Options", plain->options, out);
	print_options(has_named_commands(program) ? "Options with every command" : "General options", program->options, out);
	print_options("Always", cli_builtin, out);
	if (has_named_commands(program))
		buf_printf(out,
			   "\n\"%s help COMMAND\" explains a command; \"help --man\" prints a manual page, \"completion bash\" "
			   "(zsh,\n"
			   "fish) what a shell needs to complete commands, \"commands -o json\" all of this for programs.\n",
			   program->name);
}

void cli_help(const struct cli_program *program, const struct cli_command *command, struct buf *out)
{
	if (!command || !*command->name) {
		help_program(program, out);
		return;
	}
	buf_printf(out, "%s %s - %s\n\n", program->name, command->name, command->summary);
	cli_usage(program, command, out);
	print_details(command->details, out);
	print_options("Options", command->options, out);
	print_options("Options with every command", program->options, out);
	print_options("Always", cli_builtin, out);
}

void cli_help_noun(const struct cli_program *program, const char *noun, struct buf *out)
{
	buf_printf(out, "usage: %s %s COMMAND [options] [arguments]\n", program->name, noun);
	print_commands(program, noun, out);
	buf_printf(out, "\n\"%s help %s COMMAND\" explains a command.\n", program->name, noun);
}

/* ---- man page ---- */

const struct cli_exit_text cli_exits[] = {
	{ EXIT_OK, "Done." },
	{ EXIT_ERROR, "It failed for a reason that has no number of its own." },
	{ EXIT_USAGE, "The command line is wrong." },
	{ EXIT_NOT_FOUND, "What was named does not exist." },
	{ EXIT_AUTH, "Not logged in, or not allowed." },
	{ EXIT_CONFLICT, "The state does not allow it now." },
	{ EXIT_UNREACHABLE, "The other side cannot be reached." },
	{ EXIT_FUNDS, "Not enough money, or another limit is reached." },
	{ EXIT_PENDING, "Still going on when the time given was over." },
	{ EXIT_ATTEST, "A machine could not prove its state." },
	{ EXIT_ENDED_BADLY, "The order or node ended in failure." },
	{ EXIT_NO_ANSWER, "A peer or a server did not answer." },
	{ EXIT_INTERRUPTED, "Interrupted." },
	{ .what = NULL },
};

/* Text as roff means it: no escapes, no requests at the start of a line, quotes that can stand inside an argument. */
static void roff(const char *text, size_t len, struct buf *out)
{
	if (len && (text[0] == '.' || text[0] == '\''))
		buf_puts(out, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			buf_puts(out, "\\e");
		else if (text[i] == '"')
			buf_puts(out, "\\(dq");
		else if (text[i] == '-')
			buf_puts(out, "\\-");
		else
			buf_append(out, &text[i], 1);
	}
}

static void roff_line(const char *before, const char *text, const char *after, struct buf *out)
{
	buf_puts(out, before);
	roff(text, strlen(text), out);
	buf_puts(out, after);
}

/* Text that is filled: each sentence on a line of its own, by which roff knows how far to keep it from the next. */
static void roff_sentences(const char *text, size_t len, struct buf *out)
{
	size_t from = 0;
	for (size_t i = 1; i + 1 < len; i++)
		if (strchr(".!?", text[i]) && text[i - 1] != '.' && text[i + 1] == ' ') {
			roff(text + from, i + 1 - from, out);
			buf_puts(out, "\n");
			from = i + 2;
		}
	roff(text + from, len - from, out);
	buf_puts(out, "\n");
}

static bool is_blank(const char *line)
{
	return strspn(line, " \t") == strcspn(line, "\n");
}

/* Paragraphs; lines that begin with a blank are examples and stay as they are. */
static void roff_details(const char *details, struct buf *out)
{
	bool literal = false, paragraph = false; /* paragraph: a blank line was seen, and nothing behind it yet */
	for (const char *at = details ? details : ""; *at;) {
		size_t len = strcspn(at, "\n");
		bool example = *at == ' ' || *at == '\t';
		if (is_blank(at)) {
			paragraph = true;
		} else {
			if (literal && !example)
				buf_puts(out, ".Ed\n");
			if (!literal && example)
				buf_puts(out, ".Bd -literal\n");
			else if (paragraph)
				buf_puts(out, example ? "\n" : ".Pp\n");
			if (example) {
				roff(at, len, out);
				buf_puts(out, "\n");
			} else {
				roff_sentences(at, len, out);
			}
			literal = example;
			paragraph = false;
		}
		at += len + (at[len] == '\n');
	}
	if (literal)
		buf_puts(out, ".Ed\n");
}

static void roff_options(const struct cli_option *options, struct buf *out)
{
	if (!options || !options->name)
		return;
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct cli_option *o = options; o->name; o++) {
		buf_puts(out, ".It ");
		if (o->letter)
			buf_printf(out, "Fl %c , ", o->letter);
		roff_line("Fl \"\\-", o->name, "\"", out);
		if (o->value)
			roff_line(" Ar \"", o->value, "\"", out);
		buf_puts(out, "\n");
		roff_sentences(o->what, strlen(o->what), out);
	}
	buf_puts(out, ".El\n");
}

static void roff_command(const struct cli_program *program, const struct cli_command *command, struct buf *out)
{
	AUTO_BUF heading = { 0 };
	buf_printf(&heading, "%s%s%s%s%s", program->name, *command->name ? " " : "", command->name,
		   command->arguments && *command->arguments ? " " : "", command->arguments ? command->arguments : "");
	if (heading.data)
		roff_line(".Ss \"", heading.data, "\"\n", out);
	roff_line("", command->summary, "\n", out);
	if (command->details && *command->details) {
		if (*command->details != ' ') /* an example has room above it */
			buf_puts(out, ".Pp\n");
		roff_details(command->details, out);
	}
	roff_options(command->options, out);
}

/* The day of the build, or the one that a reproducible build gives. */
static void roff_date(struct buf *out)
{
	char text[32];
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	int64_t seconds;
	if (!epoch || int_parse(epoch, &seconds) != OK || seconds < 0 || seconds > INT32_MAX)
		seconds = clock_wall().us / SECOND_US;
	time_t day = seconds;
	struct tm tm = { 0 };
	strftime(text, sizeof text, "%B %-d, %Y", gmtime_r(&day, &tm));
	buf_printf(out, ".Dd %s\n", text);
}

void cli_man(const struct cli_program *program, int section, struct buf *out)
{
	roff_date(out);
	buf_puts(out, ".Dt ");
	for (const char *at = program->name; *at; at++)
		buf_printf(out, "%c", *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
	buf_printf(out, " %d\n.Os\n.Sh NAME\n", section);
	roff_line(".Nm \"", program->name, "\"\n", out);
	roff_line(".Nd \"", program->summary, "\"\n", out);
	buf_puts(out, ".Sh SYNOPSIS\n.Nm\n.Op Ar options\n");
	buf_puts(out, has_named_commands(program) ? ".Ar command\n.Op Ar arguments\n" : ".Op Ar arguments\n");
	buf_puts(out, ".Sh DESCRIPTION\n");
	roff_details(program->details && *program->details ? program->details : program->summary, out);
	buf_puts(out, ".Sh COMMANDS\n");
	for (const struct cli_command *c = program->commands; c->name; c++)
		roff_command(program, c, out);
	buf_puts(out, ".Sh OPTIONS\nThese stand with every command:\n");
	roff_options(program->options, out);
	roff_options(cli_builtin, out);
	buf_puts(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
	for (const struct cli_exit_text *e = cli_exits; e->what; e++)
		buf_printf(out, ".It %d\n%s\n", e->code, e->what);
	buf_puts(out, ".El\n");
}
