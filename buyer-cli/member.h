/* SPDX-License-Identifier: Apache-2.0
 * member.h - this machine as a peer of an order's network: what "net up" runs
 */
#ifndef BUYER_MEMBER_H
#define BUYER_MEMBER_H

#include "lan.h"
#include "session.h"

struct member;

struct member_options {
	const char *name;
	const char *bridge; /* that the interface joins, in the stead of having addresses; NULL: none */
	bool gateway;
	const char *boot_server; /* the name or address of the member that has boot_file; NULL: ourselves */
	const char *boot_file;	 /* NULL: none */
	unsigned without;	 /* VNET_WITHOUT_... */
};
/* Joins at the market, with a key made now. E_NOT_FOUND: no member is called boot_server. The texts are borrowed. */
MUST_CHECK err_t member_new(session_t *s, const char *order, const struct member_options *options, struct member **ret_member,
			    struct problem *ret_problem);
/* What its owner opened at his router: a port to bind (0: any) and where that is reached from outside ("": unknown). E_INVALID. */
MUST_CHECK err_t member_open_at(struct member *m, uint16_t port, const char *address);
void member_free(struct member *m); /* and leaves the network */

/* The interface, in the calling thread's network namespace: addresses set (or in the bridge), up. */
struct interface {
	int fd;	    /* the TAP */
	int dns_fd; /* a gateway's: where questions for names of the world arrive; else -1 */
	char name[16];
	pid_t space; /* that is in the namespace which the interface is in; 0: it is in ours */
};
MUST_CHECK err_t member_interface(const struct member *m, struct interface *ret);
const struct peer_view *member_self(const struct member *m);
const struct network_view *member_network(const struct member *m);

/* Runs on the loop until loop_stop() or {"ask":"quit"} at control_path. Takes both descriptors. started is called once when every peer that
 * the market named is reached, or after 15 s. */
MUST_CHECK err_t member_run(struct member *m, struct loop *loop, const struct interface *interface, const char *control_path,
			    void (*started)(void *context, size_t connected, size_t peers), void *context);

#endif
