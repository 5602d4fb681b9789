/* SPDX-License-Identifier: Apache-2.0
 * port_unix.c - the unix sockets between a port and QEMU
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"
#include "port_unix.h"

err_t unix_address(const char *path, struct sockaddr_un *ret_address)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (text_copy(a.sun_path, sizeof a.sun_path, path) != OK)
		return E_INVALID;
	*ret_address = a;
	return OK;
}

static err_t unix_socket(int type, int (*name)(int, const struct sockaddr *, socklen_t), const struct sockaddr_un *address,
			 int *ret_fd)
{
	int size = PORT_SOCKET_BYTES;
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (name(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
		err_t e = err_from_errno(errno);
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return OK;
}

err_t unix_bind(const char *path, int type, int *ret_fd)
{
	struct sockaddr_un address;
	struct stat st;
	TRY(unix_address(path, &address));
	if (lstat(path, &st) == 0 && (!S_ISSOCK(st.st_mode) || unlink(path) < 0))
		return E_EXISTS;
	return unix_socket(type, bind, &address, ret_fd);
}

err_t unix_connect(const struct sockaddr_un *address, int type, int *ret_fd)
{
	return unix_socket(type, connect, address, ret_fd);
}
