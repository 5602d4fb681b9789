/* SPDX-License-Identifier: Apache-2.0
 * listing.h - a command that shows one list of the market's
 */
#ifndef BUYER_LISTING_H
#define BUYER_LISTING_H

#include "output.h"

/* Every page of the list at path, as output_list(). Returns an exit code; what stands in the way has been printed. */
int show_list(struct cli *cli, bool need_token, const char *path, const struct column *columns, const char *name_field);

#endif
