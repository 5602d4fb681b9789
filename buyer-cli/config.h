/* SPDX-License-Identifier: Apache-2.0
 * config.h - what options are taken to be where the command line does not give them
 *
 * $XDG_CONFIG_HOME/cpushare/config.ini has lines "KEY = VALUE"; "#" or ";" begins a comment. A key is "output", or a command's words and
 * one of its options that take a value: order.create.max-price. Keys that no command has mean nothing.
 */
#ifndef BUYER_CONFIG_H
#define BUYER_CONFIG_H

#include "cli.h"

#define CONFIG_MAX 128
#define CONFIG_BYTES 65536

struct config {
	struct cli_default list[CONFIG_MAX + 1]; /* ends with command NULL; points into the text */
	size_t count;
};
/* Cuts text, which must outlive ret, into words. E_INVALID: line *ret_line is none; E_LIMIT: it is one too many. */
MUST_CHECK err_t config_parse(char *text, struct config *ret, int *ret_line);

/* The file, once at the start of the program. Without one, or where it has a fault, there are no defaults. */
const struct cli_default *config_load(void);
/* What is wrong with the file: commands that ask a market refuse to guess. NULL: nothing. */
const char *config_fault(void);

#endif
