/* SPDX-License-Identifier: Apache-2.0
 * port_stream.c - a port on QEMU's "-netdev stream,server=on": frames in a row on a unix socket, each led by its length
 *
 * How it works: QEMU listens, because of the two sides only the listener finds its way back after the other restarted (QEMU 7.2 has
 * no reconnect). We connect, and where nobody listens try again five times a second. read_fd is an epoll descriptor over
 * the connection and a timer; the timer also wakes us for frames that were read but not handed over yet, because UDP was full.
 * Lengths are hostile: a frame that is too large for the network is skipped, one that no frame can have ends the connection.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "bytes.h"
#include "clock.h"
#include "frame.h"
#include "port.h"
#include "port_stream.h"
#include "port_unix.h"

#define IN_BYTES (256 * 1024)	/* read in one go: more than the kernel keeps for us */
#define OUT_BYTES (1536 * 1024) /* that wait for QEMU */
#define RETRY_US (200 * 1000)

struct stream {
	struct port port; /* read_fd: epoll over the two below */
	int fd;		  /* to QEMU; -1: not connected */
	int timer_fd;
	struct sockaddr_un theirs;
	struct stream_reader in; /* its room has PORT_HEADROOM bytes in front */
	uint8_t *out;
	size_t out_first, out_end;
	bool waiting; /* epoll looks for room */
};

static size_t get_length(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

err_t stream_next(struct stream_reader *r, uint8_t **ret_frame, size_t *ret_len)
{
	for (;;) {
		size_t have = r->end - r->first, skipped = have < r->skip ? have : r->skip;
		r->first += skipped;
		r->skip -= skipped;
		have -= skipped;
		if (have < STREAM_LENGTH_BYTES)
			return E_AGAIN;
		size_t len = get_length(r->room + r->first);
		if (len == 0 || len > STREAM_MAX_BYTES)
			return E_INVALID;
		if (len > r->frame_max) {
			r->dropped++;
			r->skip = STREAM_LENGTH_BYTES + len;
			continue;
		}
		if (have < STREAM_LENGTH_BYTES + len)
			return E_AGAIN;
		*ret_frame = r->room + r->first + STREAM_LENGTH_BYTES;
		*ret_len = len;
		r->first += STREAM_LENGTH_BYTES + len;
		return OK;
	}
}

/* ---- the connection ---- */
static void wake_in(struct stream *s, int64_t us)
{
	struct itimerspec at = { .it_value = { us / SECOND_US, us % SECOND_US * 1000 + 1 } };
	(void)timerfd_settime(s->timer_fd, 0, &at, NULL);
}

static void disconnect(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->waiting = false;
	s->in.first = s->in.end = PORT_HEADROOM;
	s->in.skip = 0;
	s->out_first = s->out_end = 0;
	wake_in(s, RETRY_US);
}

static void connect_to_qemu(struct stream *s)
{
	if (unix_connect(&s->theirs, SOCK_STREAM, &s->fd) != OK) {
		disconnect(s);
		return;
	}
	struct epoll_event event = { .events = EPOLLIN, .data.fd = s->fd };
	if (epoll_ctl(s->port.read_fd, EPOLL_CTL_ADD, s->fd, &event) < 0)
		disconnect(s);
}

static void wait_for_room(struct stream *s, bool wait)
{
	struct epoll_event event = { .events = EPOLLIN | (wait ? EPOLLOUT : 0), .data.fd = s->fd };
	if (s->waiting != wait && epoll_ctl(s->port.read_fd, EPOLL_CTL_MOD, s->fd, &event) == 0)
		s->waiting = wait;
}

/* ---- from QEMU ---- */
/* Hands over what was read. False: UDP is full; the rest waits. */
static bool hand_over(struct stream *s, port_frame_fn *fn, void *context)
{
	uint8_t *frame;
	size_t len;
	err_t e = OK;
	bool go_on = true;
	while (go_on && (e = stream_next(&s->in, &frame, &len)) == OK)
		go_on = fn(context, frame, len, &offload_none);
	s->port.dropped += s->in.dropped;
	s->in.dropped = 0;
	if (e == E_INVALID)
		disconnect(s);
	else if (!go_on)
		wake_in(s, 0);
	return go_on;
}

static bool stream_read(struct port *p, port_frame_fn *fn, void *context)
{
	struct stream *s = (struct stream *)p;
	uint64_t ticks;
	(void)!read(s->timer_fd, &ticks, sizeof ticks);
	if (s->fd < 0)
		connect_to_qemu(s);
	if (s->fd < 0 || !hand_over(s, fn, context) || s->fd < 0)
		return false;
	size_t left = s->in.end - s->in.first;
	memmove(s->in.room + PORT_HEADROOM, s->in.room + s->in.first, left);
	s->in.first = PORT_HEADROOM;
	s->in.end = PORT_HEADROOM + left;
	ssize_t n = recv(s->fd, s->in.room + s->in.end, PORT_HEADROOM + IN_BYTES - s->in.end, MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			disconnect(s);
		return false;
	}
	s->in.end += (size_t)n;
	return hand_over(s, fn, context) && s->fd >= 0;
}

/* ---- to QEMU ---- */
static bool stream_flush(struct port *p)
{
	struct stream *s = (struct stream *)p;
	while (s->fd >= 0 && s->out_first < s->out_end) {
		ssize_t n = send(s->fd, s->out + s->out_first, s->out_end - s->out_first, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			s->out_first += (size_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			wait_for_room(s, true);
			return true;
		} else if (errno != EINTR) {
			disconnect(s);
			return false;
		}
	}
	s->out_first = s->out_end = 0;
	if (s->fd >= 0)
		wait_for_room(s, false);
	return false;
}

/* Room for so many bytes behind what waits; NULL: there is none. */
static uint8_t *room_for(struct stream *s, size_t len)
{
	if (s->fd < 0)
		return NULL; /* nobody is there */
	if (OUT_BYTES - s->out_end < len)
		(void)stream_flush(&s->port);
	if (OUT_BYTES - s->out_end < len && s->out_first > 0) {
		memmove(s->out, s->out + s->out_first, s->out_end - s->out_first);
		s->out_end -= s->out_first;
		s->out_first = 0;
	}
	return OUT_BYTES - s->out_end < len ? NULL : s->out + s->out_end;
}

static void stream_write(struct port *p, const uint8_t *frame, size_t len, const struct offload *o)
{
	struct stream *s = (struct stream *)p;
	uint8_t *at = room_for(s, STREAM_LENGTH_BYTES + len);
	if (!at || frame_copy_complete(at + STREAM_LENGTH_BYTES, frame, len, o->partial_csum) != OK) {
		p->dropped++;
		return;
	}
	at[0] = at[1] = 0;
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
	s->out_end += STREAM_LENGTH_BYTES + len;
}

/* ---- life ---- */
static void stream_hang_up(struct port *p)
{
	(void)p; /* what breaks is within read_fd */
}

static void stream_free(struct port *p)
{
	struct stream *s = (struct stream *)p;
	const int fds[] = { s->fd, s->timer_fd, p->read_fd };
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s->in.room);
	free(s->out);
	free(s);
}

static const struct port_kind stream_kind = { "qemu-stream", stream_read,    stream_write, NULL,
					      stream_flush,  stream_hang_up, stream_free,  NULL };

static err_t open_all(struct stream *s, const char *qemu_path)
{
	TRY(unix_address(qemu_path, &s->theirs));
	s->in.room = malloc(PORT_HEADROOM + IN_BYTES);
	s->out = malloc(OUT_BYTES);
	if (!s->in.room || !s->out)
		return E_NOMEM;
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->timer_fd < 0)
		return err_from_errno(errno);
	TRY(port_open_inner(&s->port));
	struct epoll_event timer = { .events = EPOLLIN, .data.fd = s->timer_fd };
	if (epoll_ctl(s->port.read_fd, EPOLL_CTL_ADD, s->timer_fd, &timer) < 0)
		return err_from_errno(errno);
	s->in.first = s->in.end = PORT_HEADROOM;
	wake_in(s, 0);
	return OK;
}

err_t port_stream_new(int epoll_fd, const char *qemu_path, uint16_t frame_max, struct port **ret_port)
{
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	s->port = (struct port){ .kind = &stream_kind, .epoll_fd = epoll_fd, .read_fd = -1, .frame_max = frame_max };
	s->fd = s->timer_fd = -1;
	s->in.frame_max = frame_max;
	err_t e = open_all(s, qemu_path);
	if (e != OK) {
		stream_free(&s->port);
		return e;
	}
	*ret_port = &s->port;
	return OK;
}
