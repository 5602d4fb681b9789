/* SPDX-License-Identifier: Apache-2.0
 * forward.h - names of the world for the members of a network whose gateway we are: their questions go to our own resolver
 */
#ifndef BUYER_FORWARD_H
#define BUYER_FORWARD_H

#include "loop.h"

struct forward;

/* Where the members' questions arrive (vnet.h, VNET_GATEWAY_DNS_PORT), in the calling thread's network namespace: on that interface only. */
MUST_CHECK err_t forward_socket(const char *interface, int *ret_fd);
/* Serves it on the loop, asking the name servers of /etc/resolv.conf. Takes fd. */
MUST_CHECK err_t forward_new(struct loop *loop, int fd, struct forward **ret_forward);
void forward_free(struct forward *f);

#endif
