/* SPDX-License-Identifier: Apache-2.0
 * member.h - this machine as a peer of an order's network: what "net up" runs
 */
#ifndef BUYER_MEMBER_H
#define BUYER_MEMBER_H

#include "lan.h"
#include "session.h"

struct member;

/* Joins at the market, with a key made now. */
MUST_CHECK err_t member_new(session_t *s, const char *order, const char *name, struct member **ret_member,
			    struct problem *ret_problem);
void member_free(struct member *m); /* and leaves the network */

/* The interface, in the calling thread's network namespace: address set, up. */
struct interface {
	int fd; /* the TAP */
	char name[16];
};
MUST_CHECK err_t member_interface(const struct member *m, struct interface *ret);
const struct peer_view *member_self(const struct member *m);
const struct network_view *member_network(const struct member *m);

/* Runs on the loop until loop_stop() or {"ask":"quit"} at control_path. Takes the TAP. started is called once when every peer that
 * the market named is reached, or after 15 s. */
MUST_CHECK err_t member_run(struct member *m, struct loop *loop, int tap_fd, const char *control_path,
			    void (*started)(void *context, size_t connected, size_t peers), void *context);

#endif
