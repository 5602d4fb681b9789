/* SPDX-License-Identifier: Apache-2.0
 * cli_help.h - what the parser shares with the help; inside base only
 */
#ifndef BASE_CLI_HELP_H
#define BASE_CLI_HELP_H

#include <jansson.h>
#include "buf.h"
#include "cli.h"

/* "help" and "version", which every program has. */
extern const struct cli_option cli_builtin[];

extern const struct cli_exit_text {
	enum cli_exit code;
	const char *what; /* NULL ends the table */
} cli_exits[];

/* The commands that begin with a noun. */
void cli_help_noun(const struct cli_program *program, const char *noun, struct buf *out);
/* "usage: program order create [options] ORDER" and a newline. */
void cli_usage(const struct cli_program *program, const struct cli_command *command, struct buf *out);
/* Is word the first of the name's several words? */
bool cli_noun_is(const char *name, const char *word);

/* A script for bash, zsh or fish; E_NOT_FOUND: another shell. */
MUST_CHECK err_t cli_completion(const struct cli_program *program, const char *shell, struct buf *out);
/* The whole table. The caller's. */
json_t *cli_commands_to_json(const struct cli_program *program);

#endif
