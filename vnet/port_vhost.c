/* SPDX-License-Identifier: Apache-2.0
 * port_vhost.c - a port on QEMU's "-netdev vhost-user": the guest's own rings, in its memory, which QEMU shares with us
 *
 * How it works: we listen, QEMU connects (again after each restart of ours) and tells by messages (vhost_device.c) where the guest's
 * memory and rings are. From then on frames do not pass QEMU at all: the guest kicks an eventfd, we copy its frames out of its
 * memory and others into it, and wake it by another. Each frame has a virtio-net header, as a TAP's has, so that
 * super-frames and partial checksums pass both ways. read_fd is an epoll descriptor over the sockets, the kicks (edge-triggered, never
 * read) and an eventfd by which we wake ourselves for what was left over. A guest that has no buffers ready is waited for up
 * to a bound, in order; what finds that full is dropped.
 */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"
#include "frame.h"
#include "joiner.h"
#include "port.h"
#include "port_tap.h"
#include "port_unix.h"
#include "vhost_device.h"

#define READ_BATCH 64 /* frames a turn */
#define READ_BYTES (16 * SUPER_MAX_BYTES)
#define MESSAGES 16		    /* a turn */
#define PENDING_BYTES (1536 * 1024) /* that wait for the guest's buffers */
#define FEATURE_GUEST_USO4 54
#define FEATURE_GUEST_USO6 55

static_assert(VHOST_PARTS >= VHOST_QUEUE_MAX, "a place for each chain that a ring can have");

struct vhost {
	struct port port; /* read_fd: epoll over what follows and the queues' kicks */
	int listen_fd, fd, again_fd;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	struct vhost_device device;
	struct vhost_message message; /* that is being received */
	uint8_t header[VHOST_HEADER_BYTES];
	size_t got; /* bytes of it */
	struct joiner joiner;
	uint8_t *room; /* PORT_HEADROOM, a header and one super-frame */
	struct iovec parts[VHOST_PARTS];
	struct vhost_chain chains[VHOST_PARTS];
	uint8_t *pending; /* each: size_t, struct virtio_net_hdr, frame */
	size_t pending_first, pending_end;
	bool held;
};

/* ---- the connection ---- */
static void watch_kicks(struct vhost *v, bool watch)
{
	for (int i = 0; i < VHOST_QUEUES; i++) {
		int fd = v->device.queue[i].kick_fd;
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };
		if (fd >= 0)
			(void)epoll_ctl(v->port.read_fd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
	}
}

static void close_message(struct vhost *v)
{
	while (v->message.fd_count > 0)
		fd_close(&v->message.fds[--v->message.fd_count]);
	v->got = 0;
}

static void disconnect(struct vhost *v)
{
	watch_kicks(v, false); /* QEMU still has them, so closing ours would not end the watch */
	vhost_device_clear(&v->device);
	close_message(v);
	fd_close(&v->fd);
	v->pending_first = v->pending_end = 0;
}

/* The newest is the one that counts: an old one's end may not have been seen yet. */
static void connect_from_qemu(struct vhost *v)
{
	int fd = accept4(v->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	disconnect(v);
	v->fd = fd;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	if (epoll_ctl(v->port.read_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		disconnect(v);
}

/* What the guest takes follows from the features that were agreed on. */
static void set_joiner(struct vhost *v)
{
	const struct vhost_device *d = &v->device;
	v->joiner.csum = vhost_device_has(d, VIRTIO_NET_F_GUEST_CSUM);
	v->joiner.tcp4 = v->joiner.csum && vhost_device_has(d, VIRTIO_NET_F_GUEST_TSO4);
	v->joiner.tcp6 = v->joiner.csum && vhost_device_has(d, VIRTIO_NET_F_GUEST_TSO6);
	v->joiner.udp = v->joiner.csum && vhost_device_has(d, FEATURE_GUEST_USO4) && vhost_device_has(d, FEATURE_GUEST_USO6);
}

static bool handle(struct vhost *v)
{
	struct vhost_reply reply;
	watch_kicks(v, false);
	for (int i = 0; i < VHOST_QUEUES; i++)
		vhost_queue_publish(&v->device.queue[i]); /* what we did so far counts, where the message stops the queue */
	err_t e = vhost_device_take(&v->device, &v->message, &reply);
	watch_kicks(v, true);
	set_joiner(v);
	close_message(v);
	return e == OK &&
	       (reply.len == 0 || send(v->fd, reply.bytes, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)reply.len);
}

static bool take_fds(struct vhost *v, struct msghdr *h)
{
	bool fits = !(h->msg_flags & MSG_CTRUNC);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (v->message.fd_count < VHOST_FDS_MAX) {
				v->message.fds[v->message.fd_count++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

/* Reads on in the message. E_AGAIN: no more is there. */
static err_t receive(struct vhost *v)
{
	char control[CMSG_SPACE(VHOST_FDS_MAX * sizeof(int))] __attribute__((aligned(8)));
	bool in_header = v->got < VHOST_HEADER_BYTES;
	size_t end = in_header ? VHOST_HEADER_BYTES : VHOST_HEADER_BYTES + v->message.size;
	struct iovec part = { in_header ? v->header + v->got : v->message.body + v->got - VHOST_HEADER_BYTES, end - v->got };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(v->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? E_AGAIN : E_IO;
	if (!take_fds(v, &h) || n == 0)
		return E_IO;
	v->got += (size_t)n;
	if (in_header && v->got == VHOST_HEADER_BYTES)
		TRY(vhost_header_read(v->header, &v->message));
	if (v->got < VHOST_HEADER_BYTES || v->got < VHOST_HEADER_BYTES + v->message.size)
		return OK;
	return handle(v) ? OK : E_IO;
}

static void look(struct vhost *v)
{
	struct epoll_event events[8];
	int n = epoll_wait(v->port.read_fd, events, sizeof events / sizeof *events, 0);
	for (int i = 0; i < n; i++) {
		eventfd_t count;
		int fd = events[i].data.fd;
		if (fd == v->again_fd) {
			(void)eventfd_read(fd, &count);
		} else if (fd == v->listen_fd) {
			connect_from_qemu(v);
		} else if (fd == v->fd) {
			err_t e = OK;
			for (int m = 0; m < 2 * MESSAGES && e == OK && v->fd == fd; m++)
				e = receive(v);
			if (e != OK && e != E_AGAIN)
				disconnect(v);
		}
	}
}

/* ---- from the guest ---- */
/* Copies a chain's frame out of the guest's memory, where nobody can change it any more, and hands it over. */
static bool take_frame(struct vhost *v, const struct vhost_chain *chain, port_frame_fn *fn, void *context)
{
	size_t head = vhost_device_header_bytes(&v->device), at = 0;
	uint8_t *frame = v->room + PORT_HEADROOM, *to = frame - head;
	struct virtio_net_hdr header;
	struct offload o;
	if (chain->bytes <= head || chain->bytes > head + SUPER_MAX_BYTES) {
		v->port.dropped++;
		return true;
	}
	for (int i = 0; i < chain->count; i++) {
		memcpy(to + at, v->parts[i].iov_base, v->parts[i].iov_len);
		at += v->parts[i].iov_len;
	}
	memcpy(&header, to, sizeof header);
	if (!tap_header_read(&header, frame, chain->bytes - head, &o)) {
		v->port.dropped++;
		return true;
	}
	return fn(context, frame, chain->bytes - head, &o);
}

static bool vhost_read(struct port *p, port_frame_fn *fn, void *context)
{
	struct vhost *v = (struct vhost *)p;
	struct vhost_queue *q = &v->device.queue[VHOST_TX];
	bool go_on = true, more = true;
	size_t bytes = 0;
	look(v);
	if (v->held || !vhost_queue_runs(q))
		return false;
	vhost_queue_want_no_kick(q);
	for (int i = 0; i < READ_BATCH && bytes < READ_BYTES && go_on && more; i++) {
		struct vhost_chain chain;
		err_t e = vhost_queue_pop(q, &v->device.memory, false, v->parts, VHOST_PARTS, &chain);
		if (e == OK) {
			bytes += chain.bytes;
			go_on = take_frame(v, &chain, fn, context);
			vhost_queue_push(q, chain.head, 0);
		} else {
			more = e == E_AGAIN && vhost_queue_want_kick(q);
			p->dropped += e != E_AGAIN;
		}
	}
	vhost_queue_publish(q);
	if (more)
		(void)eventfd_write(v->again_fd, 1);
	return more && go_on;
}

/* ---- to the guest ---- */
/* Fills the pieces of memory one after another. */
struct scatter {
	const struct iovec *part;
	size_t offset;
};

static void scatter(struct scatter *s, const void *from, size_t len)
{
	for (const uint8_t *at = from; len > 0;) {
		size_t n = s->part->iov_len - s->offset < len ? s->part->iov_len - s->offset : len;
		memcpy((uint8_t *)s->part->iov_base + s->offset, at, n);
		at += n;
		len -= n;
		s->offset += n;
		if (s->offset == s->part->iov_len)
			*s = (struct scatter){ s->part + 1, 0 };
	}
}

/* Takes chains for so many bytes. E_AGAIN: the guest has not enough of them ready. E_LIMIT: its buffers are too small. */
static err_t take_chains(struct vhost *v, size_t need, int *ret_count)
{
	struct vhost_queue *q = &v->device.queue[VHOST_RX];
	size_t have = 0, head = vhost_device_header_bytes(&v->device);
	int count = 0, parts = 0;
	err_t e = OK;
	while (have < need && e == OK) {
		struct vhost_chain *chain = &v->chains[count];
		/* With all of its entries it will never have enough; a driver that makes more of them as we read is none to follow. */
		if (count == q->num || (count > 0 && !vhost_device_has(&v->device, VIRTIO_NET_F_MRG_RXBUF)))
			e = E_LIMIT;
		else
			e = vhost_queue_pop(q, &v->device.memory, true, v->parts + parts, VHOST_PARTS - parts, chain);
		if (e != OK)
			break;
		count++;
		parts += chain->count;
		have += chain->bytes;
		if (chain->bytes < head) { /* virtio 1.2, 5.1.6.3.1: no buffer is smaller */
			q->broken = true;
			e = E_INVALID;
		}
	}
	if (e != OK)
		vhost_queue_unpop(q, count);
	*ret_count = count;
	return e;
}

static err_t to_guest(struct vhost *v, const struct iovec *from, int from_count)
{
	struct virtio_net_hdr_v1 header = { 0 };
	size_t need = vhost_device_header_bytes(&v->device);
	struct scatter s = { v->parts, 0 };
	int count;
	memcpy(&header, from[0].iov_base, sizeof(struct virtio_net_hdr));
	size_t head = need;
	for (int i = 1; i < from_count; i++)
		need += from[i].iov_len;
	TRY(take_chains(v, need, &count));
	header.num_buffers = (uint16_t)count;
	scatter(&s, &header, head);
	for (int i = 1; i < from_count; i++)
		scatter(&s, from[i].iov_base, from[i].iov_len);
	for (int i = 0; i < count; i++) {
		size_t bytes = need < v->chains[i].bytes ? need : v->chains[i].bytes;
		vhost_queue_push(&v->device.queue[VHOST_RX], v->chains[i].head, (uint32_t)bytes);
		need -= bytes;
	}
	return OK;
}

/* Behind what waits already. ENOBUFS: there is no room. */
static int wait_for_guest(struct vhost *v, const struct iovec *from, int from_count)
{
	size_t len = 0;
	for (int i = 0; i < from_count; i++)
		len += from[i].iov_len;
	if (PENDING_BYTES - v->pending_end < sizeof len + len) {
		memmove(v->pending, v->pending + v->pending_first, v->pending_end - v->pending_first);
		v->pending_end -= v->pending_first;
		v->pending_first = 0;
	}
	if (PENDING_BYTES - v->pending_end < sizeof len + len)
		return ENOBUFS;
	memcpy(v->pending + v->pending_end, &len, sizeof len);
	v->pending_end += sizeof len;
	for (int i = 0; i < from_count; i++) {
		memcpy(v->pending + v->pending_end, from[i].iov_base, from[i].iov_len);
		v->pending_end += from[i].iov_len;
	}
	return 0;
}

static int vhost_put(void *context, struct iovec *parts, int count)
{
	struct vhost *v = context;
	if (!vhost_queue_runs(&v->device.queue[VHOST_RX]))
		return ENETDOWN;
	err_t e = v->pending_first == v->pending_end ? to_guest(v, parts, count) : E_AGAIN;
	if (e == E_AGAIN)
		return wait_for_guest(v, parts, count);
	return e == OK ? 0 : ENOBUFS;
}

static bool vhost_join(struct port *p, const uint8_t *frame, size_t len, const struct offload *o)
{
	return joiner_join(&((struct vhost *)p)->joiner, frame, len, o);
}

static void vhost_write(struct port *p, const uint8_t *frame, size_t len, const struct offload *o)
{
	joiner_write(&((struct vhost *)p)->joiner, frame, len, o);
}

/* What waits goes, as long as the guest has buffers. */
static void drain(struct vhost *v)
{
	err_t e = OK;
	while (v->pending_first < v->pending_end && e == OK) {
		size_t len;
		uint8_t *at = v->pending + v->pending_first + sizeof len;
		memcpy(&len, v->pending + v->pending_first, sizeof len);
		struct iovec parts[2] = { { at, sizeof(struct virtio_net_hdr) },
					  { at + sizeof(struct virtio_net_hdr), len - sizeof(struct virtio_net_hdr) } };
		e = to_guest(v, parts, 2);
		if (e == E_LIMIT) {
			v->port.dropped++;
			e = OK;
		}
		if (e == OK)
			v->pending_first += sizeof len + len;
	}
	if (v->pending_first == v->pending_end)
		v->pending_first = v->pending_end = 0;
}

static bool vhost_flush(struct port *p)
{
	struct vhost *v = (struct vhost *)p;
	struct vhost_queue *q = &v->device.queue[VHOST_RX];
	joiner_flush(&v->joiner);
	if (!vhost_queue_runs(q)) {
		v->pending_first = v->pending_end = 0;
		return false;
	}
	drain(v);
	if (v->pending_end > 0 && !q->broken && vhost_queue_want_kick(q))
		(void)eventfd_write(v->again_fd, 1); /* buffers came, or too few: once more */
	vhost_queue_publish(q);
	return v->pending_end > 0;
}

/* ---- life ---- */
static void vhost_hang_up(struct port *p)
{
	(void)p; /* what breaks is within read_fd */
}

static void vhost_free(struct port *p)
{
	struct vhost *v = (struct vhost *)p;
	disconnect(v);
	if (v->listen_fd >= 0)
		(void)unlink(v->path);
	fd_close(&v->listen_fd);
	fd_close(&v->again_fd);
	fd_close(&p->read_fd);
	free(v->room);
	free(v->pending);
	free(v);
}

/* QEMU waits for answers, such as when its machine is paused: its messages are read all the same. */
static void vhost_hold(struct port *p, bool hold)
{
	struct vhost *v = (struct vhost *)p;
	v->held = hold;
	if (!hold)
		(void)eventfd_write(v->again_fd, 1); /* kicks that came meanwhile are not seen again */
}

static const struct port_kind vhost_kind = { "vhost-user", vhost_read,	  vhost_write, vhost_join,
					     vhost_flush,  vhost_hang_up, vhost_free,  vhost_hold };

static err_t open_all(struct vhost *v)
{
	v->room = malloc(PORT_HEADROOM + SUPER_MAX_BYTES);
	v->pending = malloc(PENDING_BYTES);
	if (!v->room || !v->pending)
		return E_NOMEM;
	TRY(unix_bind(v->path, SOCK_STREAM, &v->listen_fd));
	v->again_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->again_fd < 0 || listen(v->listen_fd, 1) < 0)
		return err_from_errno(errno);
	TRY(port_open_inner(&v->port));
	struct epoll_event listener = { .events = EPOLLIN, .data.fd = v->listen_fd };
	struct epoll_event again = { .events = EPOLLIN, .data.fd = v->again_fd };
	if (epoll_ctl(v->port.read_fd, EPOLL_CTL_ADD, v->listen_fd, &listener) < 0 ||
	    epoll_ctl(v->port.read_fd, EPOLL_CTL_ADD, v->again_fd, &again) < 0)
		return err_from_errno(errno);
	return OK;
}

err_t port_vhost_new(int epoll_fd, const char *our_path, uint16_t frame_max, bool super_frames, struct port **ret_port)
{
	struct vhost *v = calloc(1, sizeof *v);
	if (!v)
		return E_NOMEM;
	v->port = (struct port){ .kind = &vhost_kind, .epoll_fd = epoll_fd, .read_fd = -1, .frame_max = frame_max };
	v->listen_fd = v->fd = v->again_fd = -1;
	v->joiner = (struct joiner){ .put = vhost_put, .context = v, .dropped = &v->port.dropped };
	vhost_device_init(&v->device, super_frames);
	err_t e = text_copy(v->path, sizeof v->path, our_path) == OK ? open_all(v) : E_INVALID;
	if (e != OK) {
		vhost_free(&v->port);
		return e;
	}
	*ret_port = &v->port;
	return OK;
}
