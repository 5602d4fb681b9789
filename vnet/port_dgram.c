/* SPDX-License-Identifier: Apache-2.0
 * port_dgram.c - a port on QEMU's "-netdev dgram": one raw frame a datagram, over unix sockets
 *
 * How it works: two sockets. One is bound to our path and receives from whoever QEMU is at the moment; the other is connected to
 * QEMU's path, so that epoll can tell when QEMU has room again. When QEMU restarts the connection is dead (ECONNREFUSED) and
 * made anew with the next frame. What QEMU cannot take at once waits in a ring, in order; what finds the ring full is dropped.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "frame.h"
#include "port.h"
#include "port_unix.h"

#define RING \
	1024 /* frames that wait for QEMU, 1.4 MB at an MTU of 1400: what one turn reads from UDP, in bursts of super-frames */

struct qemu {
	struct port port;
	int send_fd; /* -1: not connected */
	struct sockaddr_un ours, theirs;
	uint8_t *rooms; /* PORT_BATCH frames with their headroom */
	uint8_t *ring;
	uint16_t len[RING];
	size_t first, count;
	size_t slot_bytes;
	bool waiting; /* epoll looks for room */
};

static uint8_t *room_of(struct qemu *q, int i)
{
	return q->rooms + (size_t)i * (PORT_HEADROOM + q->slot_bytes) + PORT_HEADROOM;
}

static bool qemu_read(struct port *p, port_frame_fn *fn, void *context)
{
	struct qemu *q = (struct qemu *)p;
	struct mmsghdr messages[PORT_BATCH] = { 0 };
	struct iovec parts[PORT_BATCH];
	for (int i = 0; i < PORT_BATCH; i++) {
		parts[i] = (struct iovec){ room_of(q, i), p->frame_max };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int n = recvmmsg(q->port.read_fd, messages, PORT_BATCH, MSG_DONTWAIT, NULL);
	bool go_on = true; /* frames that were read are handed over all the same */
	for (int i = 0; i < n; i++) {
		if (messages[i].msg_hdr.msg_flags & MSG_TRUNC)
			p->dropped++; /* larger than the network's MTU */
		else
			go_on = fn(context, room_of(q, i), messages[i].msg_len, &offload_none);
	}
	return go_on && n == PORT_BATCH;
}

static void disconnect(struct qemu *q)
{
	if (q->send_fd >= 0)
		close(q->send_fd);
	q->send_fd = -1;
	q->waiting = false;
}

static bool connect_to_qemu(struct qemu *q)
{
	if (q->send_fd >= 0)
		return true;
	int fd;
	if (unix_connect(&q->theirs, SOCK_DGRAM, &fd) != OK)
		return false;
	struct epoll_event event = { .events = 0, .data.fd = fd };
	if (epoll_ctl(q->port.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return false;
	}
	q->send_fd = fd;
	return true;
}

static void wait_for_room(struct qemu *q, bool wait)
{
	if (q->waiting == wait || q->send_fd < 0)
		return;
	struct epoll_event event = { .events = wait ? EPOLLOUT : 0, .data.fd = q->send_fd };
	if (epoll_ctl(q->port.epoll_fd, EPOLL_CTL_MOD, q->send_fd, &event) == 0)
		q->waiting = wait;
}

static void qemu_write(struct port *p, const uint8_t *frame, size_t len, const struct offload *o)
{
	struct qemu *q = (struct qemu *)p;
	if (q->count == RING && p->kind->flush(p) && q->count == RING) {
		p->dropped++;
		return;
	}
	size_t i = (q->first + q->count) % RING;
	uint8_t *slot = q->ring + i * q->slot_bytes;
	if (frame_copy_complete(slot, frame, len, o->partial_csum) != OK) {
		p->dropped++;
		return;
	}
	q->len[i] = (uint16_t)len;
	q->count++;
}

static int send_some(struct qemu *q)
{
	struct mmsghdr messages[PORT_BATCH] = { 0 };
	struct iovec parts[PORT_BATCH];
	unsigned n = 0;
	for (; n < PORT_BATCH && n < q->count; n++) {
		size_t i = (q->first + n) % RING;
		parts[n] = (struct iovec){ q->ring + i * q->slot_bytes, q->len[i] };
		messages[n].msg_hdr.msg_iov = &parts[n];
		messages[n].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(q->send_fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void advance(struct qemu *q, size_t n)
{
	q->first = (q->first + n) % RING;
	q->count -= n;
}

static bool qemu_flush(struct port *p)
{
	struct qemu *q = (struct qemu *)p;
	bool again = true;
	while (q->count > 0) {
		if (!connect_to_qemu(q)) {
			p->dropped += q->count; /* nobody is there */
			advance(q, q->count);
			break;
		}
		int n = send_some(q);
		if (n > 0) {
			advance(q, (size_t)n);
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			wait_for_room(q, true);
			return true;
		} else if (errno == ECONNREFUSED && again) {
			disconnect(q); /* QEMU restarted: once more to the new one */
			again = false;
		} else if (errno != EINTR) {
			p->dropped++;
			advance(q, 1);
		}
	}
	wait_for_room(q, false);
	return false;
}

static void qemu_hang_up(struct port *p)
{
	disconnect((struct qemu *)p);
}

static void qemu_free(struct port *p)
{
	struct qemu *q = (struct qemu *)p;
	disconnect(q);
	if (q->port.read_fd >= 0) {
		close(q->port.read_fd);
		(void)unlink(q->ours.sun_path);
	}
	free(q->rooms);
	free(q->ring);
	free(q);
}

static const struct port_kind qemu_kind = {
	"qemu-dgram", qemu_read, qemu_write, NULL, qemu_flush, qemu_hang_up, qemu_free, NULL
};

static err_t open_all(struct qemu *q, const char *our_path, const char *qemu_path)
{
	TRY(unix_address(our_path, &q->ours));
	TRY(unix_address(qemu_path, &q->theirs));
	TRY(unix_bind(our_path, SOCK_DGRAM, &q->port.read_fd));
	struct epoll_event event = { .events = EPOLLIN, .data.fd = q->port.read_fd };
	return epoll_ctl(q->port.epoll_fd, EPOLL_CTL_ADD, q->port.read_fd, &event) < 0 ? E_IO : OK;
}

err_t port_dgram_new(int epoll_fd, const char *our_path, const char *qemu_path, uint16_t frame_max, struct port **ret_port)
{
	struct qemu *q = calloc(1, sizeof *q);
	if (!q)
		return E_NOMEM;
	q->port = (struct port){ .kind = &qemu_kind, .epoll_fd = epoll_fd, .read_fd = -1, .frame_max = frame_max };
	q->send_fd = -1;
	q->slot_bytes = (frame_max + 63u) & ~63u;
	q->rooms = malloc(PORT_BATCH * (PORT_HEADROOM + q->slot_bytes));
	q->ring = malloc(RING * q->slot_bytes);
	err_t e = q->rooms && q->ring ? OK : E_NOMEM;
	if (e == OK)
		e = open_all(q, our_path, qemu_path);
	if (e != OK) {
		qemu_free(&q->port);
		return e;
	}
	*ret_port = &q->port;
	return OK;
}
