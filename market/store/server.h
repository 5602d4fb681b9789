/* SPDX-License-Identifier: Apache-2.0
 * server.h - the files of a private PostgreSQL server, and starting its process; inside of market/store only
 */
#ifndef STORE_SERVER_H
#define STORE_SERVER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include "err.h"

#define SERVER_GROUPS_MAX 32

struct server {
	char dir[PATH_MAX];  /* the market's data folder, absolute */
	char data[PATH_MAX]; /* dir/postgres */
	char run[PATH_MAX];  /* where the socket is: dir/run, or a short folder where that is too long */
	char bin[PATH_MAX];  /* initdb's and postgres's folder */
	uid_t uid;	     /* that it runs as; our own, or where we are root: postgres's */
	gid_t gid;
	gid_t groups[SERVER_GROUPS_MAX];
	int group_count;
	/* We are root and postgres cannot pass a folder above dir: it sees dir at MOUNT, in a mount namespace of its own. */
	bool mounted;
};

/* Fills all of s; makes folders and gives them to the server's user. Says in the log what is missing. */
MUST_CHECK err_t server_prepare(struct server *s, const char *dir);
/* initdb, where there is no data yet; a half-made one of before is removed. */
MUST_CHECK err_t server_init(const struct server *s);
/* Writes its configuration anew. */
MUST_CHECK err_t server_configure(const struct server *s);
MUST_CHECK err_t server_spawn(const struct server *s, pid_t *ret_pid);
/* The postmaster that runs on this data, 0: none. Not a process that has the number of one that died. */
pid_t server_find(const struct server *s);

#endif
