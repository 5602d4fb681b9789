/* SPDX-License-Identifier: Apache-2.0
 * ipc.c - one JSON object a packet over a SOCK_SEQPACKET unix socket
 *
 * How it works: a packet that is no JSON object, or larger than IPC_MAX, closes its connection and nothing else; so does a
 * client that does not take its answer. Nothing here blocks the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "file.h"
#include "ipc.h"
#include "json.h"

#define CLIENTS_MAX 16

struct ipc_server {
	struct loop *loop;
	char *path;
	dev_t device; /* of our socket file, so that a successor's is not unlinked */
	ino_t inode;
	int fd;
	int clients[CLIENTS_MAX]; /* descriptors, -1: free */
	ipc_handler_fn *fn;
	void *context;
	char *packet; /* IPC_MAX bytes */
};

err_t ipc_address(const char *path, struct sockaddr_un *ret_address, int *ret_folder_fd)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t folder_len = slash ? (size_t)(slash - path) : 0;
	if (!*name || folder_len >= sizeof folder - 2)
		return E_INVALID;
	snprintf(folder, sizeof folder, "%.*s%s", (int)folder_len, path, slash ? "/" : ".");
	AUTO_FD fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", fd, name);
	if (len < 0 || (size_t)len >= sizeof address.sun_path)
		return E_LIMIT;
	*ret_address = address;
	*ret_folder_fd = fd;
	fd = -1;
	return OK;
}

/* ---- serving ---- */

static void drop_client(struct ipc_server *server, int fd)
{
	loop_fd_remove(server->loop, fd);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (server->clients[i] == fd)
			fd_close(&server->clients[i]);
}

static bool answer(struct ipc_server *server, int fd, size_t len)
{
	struct json_error error;
	AUTO_JSON request = NULL;
	if (json_parse(server->packet, len, &request, &error) != OK || !json_is_object(request))
		return false;
	AUTO_JSON reply = server->fn(server->context, request);
	if (!reply)
		return false;
	AUTO_FREE char *text = json_dumps(reply, JSON_COMPACT);
	size_t text_len = text ? strlen(text) : 0;
	return text_len && text_len <= IPC_MAX && send(fd, text, text_len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)text_len;
}

static void on_client(void *context, int fd, uint32_t events)
{
	struct ipc_server *server = context;
	(void)events;
	/* MSG_TRUNC: the packet's whole length, even where it was cut. */
	ssize_t len = recv(fd, server->packet, IPC_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0 || len > IPC_MAX || !answer(server, fd, (size_t)len))
		drop_client(server, fd);
}

static void on_connect(void *context, int listen_fd, uint32_t events)
{
	struct ipc_server *server = context;
	(void)events;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), i = 0;
	if (fd < 0)
		return;
	while (i < CLIENTS_MAX && server->clients[i] >= 0)
		i++;
	if (i == CLIENTS_MAX || loop_fd_add(server->loop, fd, EPOLLIN, on_client, server) != OK)
		fd_close(&fd);
	else
		server->clients[i] = fd;
}

static err_t listen_at(struct ipc_server *server)
{
	struct sockaddr_un address;
	AUTO_FD folder_fd = -1;
	TRY(ipc_address(server->path, &address, &folder_fd));
	struct stat st;
	if (!lstat(address.sun_path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return E_EXISTS;
		unlink(address.sun_path);
	}
	server->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode is set before there is a name: bind() gives it to the file. */
	if (server->fd < 0 || fchmod(server->fd, 0600) || bind(server->fd, (struct sockaddr *)&address, sizeof address))
		return err_from_errno(errno);
	if (lstat(address.sun_path, &st) || listen(server->fd, CLIENTS_MAX))
		return err_from_errno(errno);
	server->device = st.st_dev;
	server->inode = st.st_ino;
	return loop_fd_add(server->loop, server->fd, EPOLLIN, on_connect, server);
}

err_t ipc_serve(struct loop *loop, const char *path, ipc_handler_fn *fn, void *context, struct ipc_server **ret_server)
{
	struct ipc_server *server = calloc(1, sizeof *server);
	if (!server)
		return E_NOMEM;
	*server = (struct ipc_server){ .loop = loop, .fd = -1, .fn = fn, .context = context };
	for (int i = 0; i < CLIENTS_MAX; i++)
		server->clients[i] = -1;
	server->path = strdup(path);
	server->packet = malloc(IPC_MAX);
	err_t e = server->path && server->packet ? listen_at(server) : E_NOMEM;
	if (e) {
		ipc_server_free(server);
		return e;
	}
	*ret_server = server;
	return OK;
}

void ipc_server_free(struct ipc_server *server)
{
	if (!server)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (server->clients[i] >= 0)
			drop_client(server, server->clients[i]);
	if (server->fd >= 0)
		loop_fd_remove(server->loop, server->fd);
	fd_close(&server->fd);
	struct stat st;
	if (server->inode && !lstat(server->path, &st) && st.st_dev == server->device && st.st_ino == server->inode)
		unlink(server->path);
	free(server->packet);
	free(server->path);
	free(server);
}

/* ---- asking ---- */

/* Lets the socket's calls take what is left until the deadline. */
static err_t set_timeout(int fd, int option, int64_t deadline_us)
{
	int64_t left_us = deadline_us - clock_mono().us;
	if (left_us <= 0)
		return E_TIMEOUT;
	struct timeval left = { .tv_sec = left_us / SECOND_US, .tv_usec = left_us % SECOND_US };
	return setsockopt(fd, SOL_SOCKET, option, &left, sizeof left) ? err_from_errno(errno) : OK;
}

static err_t failure(void)
{
	switch (errno) {
	case EAGAIN:
		return E_TIMEOUT;
	case ENOENT:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		return E_UNAVAILABLE;
	default:
		return err_from_errno(errno);
	}
}

static err_t connect_to(int fd, const char *path, int64_t deadline_us)
{
	struct sockaddr_un address;
	AUTO_FD folder_fd = -1;
	err_t e = ipc_address(path, &address, &folder_fd);
	if (e)
		return e == E_NOT_FOUND ? E_UNAVAILABLE : e;
	int failed;
	do
		TRY(set_timeout(fd, SO_SNDTIMEO, deadline_us));
	while ((failed = connect(fd, (struct sockaddr *)&address, sizeof address)) && errno == EINTR);
	return failed ? failure() : OK;
}

err_t ipc_ask(const char *path, const json_t *request, int timeout_ms, json_t **ret_answer)
{
	int64_t deadline_us = clock_mono().us + timeout_ms * 1000LL;
	AUTO_FREE char *text = json_dumps(request, JSON_COMPACT);
	AUTO_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (!text)
		return E_NOMEM;
	if (fd < 0)
		return err_from_errno(errno);
	size_t text_len = strlen(text);
	if (text_len > IPC_MAX)
		return E_LIMIT;
	AUTO_FREE char *packet = malloc(IPC_MAX);
	if (!packet)
		return E_NOMEM;
	TRY(connect_to(fd, path, deadline_us));
	ssize_t len;
	do
		TRY(set_timeout(fd, SO_SNDTIMEO, deadline_us));
	while ((len = send(fd, text, text_len, MSG_NOSIGNAL)) < 0 && errno == EINTR);
	if (len < 0)
		return failure();
	do
		TRY(set_timeout(fd, SO_RCVTIMEO, deadline_us));
	while ((len = recv(fd, packet, IPC_MAX, MSG_TRUNC)) < 0 && errno == EINTR);
	if (len < 0)
		return failure();
	if (len == 0)
		return E_UNAVAILABLE;
	struct json_error error;
	return len > IPC_MAX ? E_INVALID : json_parse(packet, (size_t)len, ret_answer, &error);
}
