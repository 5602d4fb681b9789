/* SPDX-License-Identifier: Apache-2.0
 * user_data.h - what --user-data names
 */
#ifndef BUYER_USER_DATA_H
#define BUYER_USER_DATA_H

#include "cli.h"

/* The file's text (heap, caller frees); left alone where the option is not given. Exit code, told already. */
int user_data_read(const struct cli *cli, char **ret_text);

#endif
