/* SPDX-License-Identifier: Apache-2.0
 * gateway.h - this machine leads a network's members into the world: forwarding, address translation, and what they may not reach
 *
 * By the kernel: one nftables table of our own for each interface, and forwarding switched on for the interfaces concerned. In the
 * namespace of `net up` without root, pasta(1) is the way out of it. What was changed stands in a file until it is undone: by
 * gateway_down(), or by the next gateway_clean() where the process was killed.
 */
#ifndef BUYER_GATEWAY_H
#define BUYER_GATEWAY_H

#include <sys/types.h>
#include "err.h"
#include "network.h"

#define GATEWAY_PASTA_NAME "world0" /* pasta's interface in the namespace */

struct gateway {
	const char *interface; /* the network's */
	const struct network_view *network;
	const char *file;   /* where it is noted what to undo; NULL in a namespace, which goes with all that is in it */
	bool allow_private; /* members may reach private addresses behind us, too */
};
MUST_CHECK err_t gateway_up(const struct gateway *g);
void gateway_down(const char *interface, const char *file);
/* Undoes what processes left that are no more: those of the folder's files whose interface is gone. */
void gateway_clean(const char *folder);
/* Starts pasta for the namespaces of that process: it ends with them, or by SIGTERM. E_NOT_FOUND: it is not installed. */
MUST_CHECK err_t gateway_pasta(pid_t namespaces, pid_t *ret_pid);

#endif
