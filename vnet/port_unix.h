/* SPDX-License-Identifier: Apache-2.0
 * port_unix.h - the unix sockets between a port and QEMU
 */
#ifndef VNET_PORT_UNIX_H
#define VNET_PORT_UNIX_H

#include <sys/socket.h>
#include <sys/un.h>
#include "err.h"

#define PORT_SOCKET_BYTES (1 << 20) /* asked of the kernel for each socket's buffers */

/* E_INVALID: longer than sun_path. */
MUST_CHECK err_t unix_address(const char *path, struct sockaddr_un *ret_address);
/* A non-blocking socket of that type (SOCK_DGRAM, SOCK_STREAM), bound to path: an old socket there is replaced. E_EXISTS: something
 * else lies there, which is not ours to remove. */
MUST_CHECK err_t unix_bind(const char *path, int type, int *ret_fd);
/* The same, connected to the socket at that address. */
MUST_CHECK err_t unix_connect(const struct sockaddr_un *address, int type, int *ret_fd);

#endif
