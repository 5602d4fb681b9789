/* SPDX-License-Identifier: Apache-2.0
 * cli_help.h - what the parser shares with the help; inside base only
 */
#ifndef BASE_CLI_HELP_H
#define BASE_CLI_HELP_H

#include "buf.h"
#include "cli.h"

/* "help" and "version", which every program has. */
extern const struct cli_option cli_builtin[];

/* The commands that begin with a noun. */
void cli_help_noun(const struct cli_program *program, const char *noun, struct buf *out);
/* "usage: program order create [options] ORDER" and a newline. */
void cli_usage(const struct cli_program *program, const struct cli_command *command, struct buf *out);
/* Is word the first of the name's several words? */
bool cli_noun_is(const char *name, const char *word);

#endif
