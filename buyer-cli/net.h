/* SPDX-License-Identifier: Apache-2.0
 * net.h - where a membership that `net up` began is asked, for the commands that look at it
 */
#ifndef BUYER_NET_H
#define BUYER_NET_H

#include <jansson.h>
#include "cli.h"
#include "err.h"
#include "session.h"

#define NET_PATH_SIZE 512

/* STATE/net/ORDER.sock, where STATE is XDG_RUNTIME_DIR/cpushare, else XDG_STATE_HOME/cpushare. */
MUST_CHECK err_t net_control_path(const char *order, char *path, size_t size);

/* The membership of the order that the command's first argument names, up to a slash. An exit code: what stands in the way
 * has been printed. */
struct net_member {
	char order[UUID_TEXT_SIZE];
	char path[NET_PATH_SIZE];
};
int net_find(struct cli *cli, struct net_member *ret_member);
int net_ask(struct cli *cli, const struct net_member *m, json_t *ask, json_t **ret_answer);

#endif
