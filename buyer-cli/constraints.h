/* SPDX-License-Identifier: Apache-2.0
 * constraints.h - what an order wants of its machines, from the command line
 */
#ifndef BUYER_CONSTRAINTS_H
#define BUYER_CONSTRAINTS_H

#include "cli.h"
#include "order.h"

/* Returns an exit code, having said what is wrong. */
int constraints_read(struct cli *cli, struct constraints *ret);

#endif
