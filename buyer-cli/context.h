/* SPDX-License-Identifier: Apache-2.0
 * context.h - one person at several markets: each context has a name and a file of credentials
 *
 * Below $XDG_CONFIG_HOME/cpushare: "credentials" is the context "default", contexts/NAME another one, and "context" names the one in use.
 */
#ifndef BUYER_CONTEXT_H
#define BUYER_CONTEXT_H

#include "cli.h"

#define CONTEXT_NAME_SIZE 33
#define CONTEXT_DEFAULT "default"

/* --context, CPUSHARE_CONTEXT, the one in use, or the default one. ret_name has CONTEXT_NAME_SIZE bytes. E_INVALID: no such name is
 * allowed. */
MUST_CHECK err_t context_name(const struct cli *cli, char *ret_name);
/* The path of a file below $XDG_CONFIG_HOME/cpushare. E_LIMIT: it is too long. */
MUST_CHECK err_t context_folder(const char *part, char *ret_path, size_t size);
/* Its file, whether it is there or not. */
MUST_CHECK err_t context_path(const char *name, char *ret_path, size_t size);

#endif
