/* SPDX-License-Identifier: Apache-2.0
 * ipc.h - one JSON object a packet over a SOCK_SEQPACKET unix socket: a request, then its answer
 *
 * Used between processes of one machine: seller and its vmrun and endpoint, a command and its background process. Paths may
 * be longer than sun_path: both sides go through /proc/self/fd of the folder. A packet is at most IPC_MAX bytes.
 */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include <jansson.h>
#include <sys/un.h>
#include "err.h"
#include "loop.h"

#define IPC_MAX (192 * 1024)

/* Handles one request (borrowed) and returns the answer (taken; NULL closes the connection). Must not free the server. */
typedef json_t *ipc_handler_fn(void *context, json_t *request);

struct ipc_server;
/* Listens at path (an old socket there is replaced), mode 0600, on the loop. At most 16 clients. */
MUST_CHECK err_t ipc_serve(struct loop *loop, const char *path, ipc_handler_fn *fn, void *context,
			   struct ipc_server **ret_server);
void ipc_server_free(struct ipc_server *server); /* and unlinks path */

/* Connects, asks, waits at most timeout_ms, closes. E_UNAVAILABLE nobody listens or it hung up, E_TIMEOUT, E_INVALID no JSON
 * came back, E_LIMIT the request is larger than IPC_MAX. The caller json_decref()s. */
MUST_CHECK err_t ipc_ask(const char *path, const json_t *request, int timeout_ms, json_t **ret_answer);

/* The address of path, by way of its folder's descriptor, which must stay open as long as the address is used. */
MUST_CHECK err_t ipc_address(const char *path, struct sockaddr_un *ret_address, int *ret_folder_fd);

#endif
