/* SPDX-License-Identifier: Apache-2.0
 * capture.c - a copy of every frame at the own port, to one reader
 *
 * How it works: frames are copied into a ring as they pass; the ring is written to the socket after each turn of the loop, and when the
 * socket takes more again. Positions only grow; their place is the remainder by the ring's size.
 */
#include "capture.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "file.h"
#include "ipc.h"
#include "vnet_status.h"

struct capture {
	struct loop *loop;
	struct vnet *vnet;
	int fd;
	bool waits; /* for the socket to take more */
	bool gone;
	uint32_t snaplen;
	uint64_t dropped;
	size_t head, tail; /* written up to, read up to */
	uint8_t ring[CAPTURE_RING_BYTES];
};

void capture_record_put(const struct capture_record *c, uint8_t bytes[CAPTURE_RECORD_BYTES])
{
	struct writer w = writer_of(bytes, CAPTURE_RECORD_BYTES);
	write_u64(&w, c->time_us);
	write_u64(&w, c->dropped);
	write_u32(&w, c->len);
	write_u32(&w, c->captured);
	write_u32(&w, c->outbound);
}

err_t capture_record_get(const uint8_t bytes[CAPTURE_RECORD_BYTES], struct capture_record *ret_record)
{
	struct reader r = reader_of(bytes, CAPTURE_RECORD_BYTES);
	struct capture_record c = { .time_us = read_u64(&r) };
	c.dropped = read_u64(&r);
	c.len = read_u32(&r);
	c.captured = read_u32(&r);
	c.outbound = read_u32(&r);
	if (c.captured > c.len || c.captured > CAPTURE_MAX_BYTES || c.outbound > 1)
		return E_INVALID;
	*ret_record = c;
	return OK;
}

static void ring_put(struct capture *c, const uint8_t *data, size_t len)
{
	size_t at = c->head % CAPTURE_RING_BYTES, first = CAPTURE_RING_BYTES - at;
	if (first > len)
		first = len;
	memcpy(c->ring + at, data, first);
	memcpy(c->ring, data + first, len - first);
	c->head += len;
}

static void on_frame(void *context, bool outbound, const uint8_t *frame, size_t len)
{
	struct capture *c = context;
	uint8_t bytes[CAPTURE_RECORD_BYTES];
	size_t captured = len < c->snaplen ? len : c->snaplen;
	if (c->head - c->tail + sizeof bytes + captured > CAPTURE_RING_BYTES) {
		c->dropped++;
		return;
	}
	struct capture_record record = {
		.time_us = (uint64_t)clock_wall().us,
		.dropped = c->dropped,
		.len = (uint32_t)len,
		.captured = (uint32_t)captured,
		.outbound = outbound,
	};
	capture_record_put(&record, bytes);
	ring_put(c, bytes, sizeof bytes);
	ring_put(c, frame, captured);
}

static void on_room(void *context, int fd, uint32_t events)
{
	(void)fd;
	if (events & (EPOLLERR | EPOLLHUP)) {
		struct capture *c = context;
		c->gone = true;
		loop_fd_remove(c->loop, c->fd); /* its owner frees it in the next turn */
		return;
	}
	(void)capture_flush(context);
}

bool capture_flush(struct capture *c)
{
	while (!c->gone && c->tail < c->head) {
		size_t at = c->tail % CAPTURE_RING_BYTES, len = c->head - c->tail;
		size_t first = CAPTURE_RING_BYTES - at < len ? CAPTURE_RING_BYTES - at : len;
		struct iovec parts[2] = { { c->ring + at, first }, { c->ring, len - first } };
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
		ssize_t n = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			c->gone = true;
		if (n <= 0)
			break;
		c->tail += (size_t)n;
	}
	bool waits = c->tail < c->head;
	if (!c->gone && waits != c->waits && loop_fd_change(c->loop, c->fd, waits ? EPOLLOUT : 0) == OK)
		c->waits = waits;
	return !c->gone;
}

static err_t connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un address;
	AUTO_FD folder_fd = -1;
	TRY(ipc_address(path, &address, &folder_fd));
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
		return err_from_errno(errno);
	*ret_fd = fd;
	fd = -1;
	return OK;
}

err_t capture_new(struct loop *loop, struct vnet *v, const char *path, uint32_t snaplen, struct capture **ret_capture)
{
	int fd;
	TRY(connect_to(path, &fd));
	struct capture *c = malloc(sizeof *c); /* the ring's pages are taken as they are needed */
	if (!c) {
		fd_close(&fd);
		return E_NOMEM;
	}
	c->loop = loop;
	c->vnet = v;
	c->fd = fd;
	c->waits = c->gone = false;
	c->snaplen = snaplen < CAPTURE_MAX_BYTES ? snaplen : CAPTURE_MAX_BYTES;
	c->dropped = 0;
	c->head = c->tail = 0;
	err_t e = loop_fd_add(loop, fd, 0, on_room, c);
	if (e) {
		fd_close(&fd);
		free(c);
		return e;
	}
	vnet_watch(v, on_frame, c);
	*ret_capture = c;
	return OK;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	vnet_watch(c->vnet, NULL, NULL);
	loop_fd_remove(c->loop, c->fd);
	fd_close(&c->fd);
	free(c);
}
