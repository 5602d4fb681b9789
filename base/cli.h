/* SPDX-License-Identifier: Apache-2.0
 * cli.h - a program is a table of commands; the table also writes help
 *
 * How it works: `program [options] noun verb [options] [arguments]`. Options are long ("--name VALUE", "--name=VALUE") or one
 * letter; they may stand anywhere before "--". Each command names its options; the program's own options are allowed
 * everywhere. Unknown words get the nearest known one.
 */
#ifndef BASE_CLI_H
#define BASE_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include "buf.h"
#include "err.h"
#include "money.h"

/* Exit codes, the same for all programs. */
enum cli_exit {
	EXIT_OK = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_AUTH = 4,
	EXIT_CONFLICT = 5,
	EXIT_UNREACHABLE = 6,
	EXIT_FUNDS = 7,	  /* funds or another limit */
	EXIT_PENDING = 8, /* still going on at --timeout */
	EXIT_ATTEST = 9,
	EXIT_ENDED_BADLY = 10, /* an order or node ended in failure */
	EXIT_NO_ANSWER = 11,   /* a peer or server answered nothing */
	EXIT_INTERRUPTED = 130,
};

struct cli_option {
	const char *name;  /* "count"; NULL ends the table */
	char letter;	   /* 'n', or 0 */
	const char *value; /* "N" in the help; NULL for a flag */
	const char *what;  /* one line */
};

struct cli;				 /* the parsed command line */
typedef int cli_run_fn(struct cli *cli); /* returns an exit code */

struct cli_command {
	const char *name;		  /* "order create"; NULL ends the table */
	const char *arguments;		  /* "ORDER [-- COMMAND...]", or "" */
	const char *summary;		  /* one line */
	const char *details;		  /* paragraphs for --help, with examples; or NULL */
	const struct cli_option *options; /* or NULL */
	int min_args, max_args;		  /* max -1: any number */
	cli_run_fn *run;
};

/* Another word for a part of a command: "ls" for the "list" of each noun, or, where it means several words, "ps" for a whole one. */
struct cli_alias {
	const char *word, *means; /* word NULL ends the table */
};

/* What an option is taken to be where the command line does not give it. */
struct cli_default {
	const char *command; /* "order create", or "" for an option of the program; NULL ends the list */
	const char *option, *value;
};

struct cli_program {
	const char *name;		  /* "cpushare" */
	const char *summary;		  /* one line */
	const char *details;		  /* what a newcomer does first */
	const struct cli_option *options; /* allowed with every command */
	const struct cli_command *commands;
	const struct cli_alias *aliases;    /* or NULL */
	const struct cli_default *defaults; /* or NULL; those of no command or option, or of a flag, mean nothing */
	const char *fallback;		    /* the command when none is given, or NULL: print help */
	const char *version;
};

/* Parses, handles --help (exit 0), --version, "help [COMMAND]", "help --man" (a manual page), "completion SHELL", "commands" (the
 * table), "version", usage errors (exit 2), and runs. Returns the exit code. */
int cli_main(const struct cli_program *program, int argc, char **argv);

const struct cli_program *cli_program_of(const struct cli *cli);
const struct cli_command *cli_command_of(const struct cli *cli);
int cli_arg_count(const struct cli *cli);
const char *cli_arg(const struct cli *cli, int i);	/* NULL past the end */
char **cli_args(const struct cli *cli);			/* NULL-terminated, from the first argument on */
bool cli_flag(const struct cli *cli, const char *name); /* was it given? */
const char *cli_text(const struct cli *cli, const char *name, const char *fallback); /* the last one given wins */
int cli_option_count(const struct cli *cli, const char *name);			     /* how often it was given */
const char *cli_text_at(const struct cli *cli, const char *name, int i);
/* Typed values: a bad one prints "program: --count: must be ..." and gives E_INVALID; the caller returns EXIT_USAGE. */
MUST_CHECK err_t cli_int(const struct cli *cli, const char *name, int64_t fallback, int64_t min, int64_t max, int64_t *ret_value);
MUST_CHECK err_t cli_money(const struct cli *cli, const char *name, money fallback, money *ret_value);
MUST_CHECK err_t cli_duration(const struct cli *cli, const char *name, int64_t fallback_us, int64_t *ret_us);
MUST_CHECK err_t cli_size(const struct cli *cli, const char *name, int64_t fallback, int64_t *ret_bytes); /* "512M" */

/* Prints "program: text", or where the program has an option --output and it says json, {"error":{"title":text},"exit":N}, to stderr.
 * Returns exit_code. Wrong command lines are told in the same form. */
int cli_error(const struct cli *cli, int exit_code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Help of one command, or with NULL of the program; and a man page (mdoc) of the whole program. */
void cli_help(const struct cli_program *program, const struct cli_command *command, struct buf *out);
void cli_man(const struct cli_program *program, int section, struct buf *out);

#endif
