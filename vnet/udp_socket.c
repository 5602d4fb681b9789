/* SPDX-License-Identifier: Apache-2.0
 * udp_socket.c - one UDP socket for all peers: packets in and out by the batch
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "path.h"
#include "udp_socket.h"

#define SOCKET_BYTES (1 << 20) /* a few ms at 1 Gb/s: more only adds delay under load */
#define OUT_BYTES (256 << 10)

/* ---- opening ---- */
static void set_number(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value); /* each makes it better; none is needed */
}

static void tune(int fd, int family)
{
	/* The privileged form goes beyond the system's maximum; without the privilege the maximum has to do. */
	set_number(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
	set_number(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
	set_number(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BYTES);
	set_number(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BYTES);
	/* DF is set, and the size is our business (path.c): the kernel does not fragment. */
	set_number(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	if (family == AF_INET6)
		set_number(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

static err_t open_any(uint16_t port, struct sockaddr_storage *ret_address, socklen_t *ret_len, int *ret_fd)
{
	struct address any = { .port = port };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
		*ret_len = address_to_socket(&any, AF_INET6, ret_address);
		if (bind(fd, (struct sockaddr *)ret_address, *ret_len) == 0) {
			*ret_fd = fd;
			return OK;
		}
		close(fd);
	}
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) < 0) {
		err_t e = err_from_errno(errno);
		if (fd >= 0)
			close(fd);
		return e;
	}
	*ret_fd = fd;
	return OK;
}

static err_t open_bound(const struct sockaddr_storage *wanted, uint16_t port, int *ret_fd)
{
	struct sockaddr_storage storage;
	socklen_t len;
	if (wanted->ss_family == AF_UNSPEC)
		return open_any(port, &storage, &len, ret_fd);
	struct address a;
	TRY(address_of_socket(wanted, &a));
	a.port = port;
	len = address_to_socket(&a, wanted->ss_family, &storage);
	int fd = socket(wanted->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&storage, len) < 0) {
		err_t e = err_from_errno(errno);
		if (fd >= 0)
			close(fd);
		return e;
	}
	*ret_fd = fd;
	return OK;
}

err_t udp_open(struct udp_socket *s, const struct sockaddr_storage *bind_address, uint16_t bind_port, size_t datagram_bytes,
	       udp_too_big_fn *too_big, void *context)
{
	struct sockaddr_storage name = { 0 };
	struct address bound;
	socklen_t len = sizeof name;
	*s = (struct udp_socket){ .fd = -1, .too_big = too_big, .context = context };
	TRY(open_bound(bind_address, bind_port, &s->fd));
	err_t e = getsockname(s->fd, (struct sockaddr *)&name, &len) < 0 ? E_IO : address_of_socket(&name, &bound);
	s->room_bytes = (datagram_bytes + 63) & ~(size_t)63;
	s->out_bytes = OUT_BYTES;
	s->rooms = malloc(UDP_BATCH * s->room_bytes);
	s->out = malloc(s->out_bytes);
	if (e == OK && (!s->rooms || !s->out))
		e = E_NOMEM;
	if (e != OK) {
		udp_close(s);
		return e;
	}
	s->family = name.ss_family;
	s->port = bound.port;
	tune(s->fd, s->family);
	return OK;
}

void udp_close(struct udp_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->rooms);
	free(s->out);
	*s = (struct udp_socket){ .fd = -1 };
}

/* ---- in ---- */
int udp_receive(struct udp_socket *s, udp_packet_fn *fn, void *context)
{
	struct mmsghdr messages[UDP_BATCH] = { 0 };
	struct iovec parts[UDP_BATCH];
	struct sockaddr_storage names[UDP_BATCH];
	for (int i = 0; i < UDP_BATCH; i++) {
		parts[i] = (struct iovec){ s->rooms + (size_t)i * s->room_bytes, s->room_bytes };
		messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &names[i], .msg_namelen = sizeof names[i]
		};
	}
	int n = recvmmsg(s->fd, messages, UDP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct address from;
		if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) || address_of_socket(&names[i], &from) != OK)
			s->dropped++;
		else
			fn(context, parts[i].iov_base, messages[i].msg_len, &from);
	}
	return n > 0 ? n : 0;
}

/* ---- out ---- */
void udp_forget(struct udp_socket *s)
{
	s->dropped += s->count - s->sent;
	s->count = s->sent = s->out_used = 0;
}

uint8_t *udp_room(struct udp_socket *s, size_t len)
{
	if (s->count == UDP_BATCH || s->out_used + len > s->out_bytes) {
		if (!s->full)
			udp_flush(s);
		if (s->full)
			udp_forget(s);
	}
	assert(s->out_used + len <= s->out_bytes);
	return s->out + s->out_used;
}

void udp_send_later(struct udp_socket *s, struct peer *peer, const struct address *to, size_t len)
{
	if (len == 0)
		return;
	s->queue[s->count].at = s->out_used;
	s->queue[s->count].len = len;
	s->queue[s->count].to = *to;
	s->queue[s->count].peer = peer;
	s->count++;
	s->out_used += len;
}

/* Returns how many of the queue from s->sent on went; -1 with errno. */
static int send_some(struct udp_socket *s)
{
	struct mmsghdr messages[UDP_BATCH] = { 0 };
	struct iovec parts[UDP_BATCH];
	struct sockaddr_storage names[UDP_BATCH];
	unsigned n = 0;
	for (size_t i = s->sent; i < s->count; i++, n++) {
		socklen_t len = address_to_socket(&s->queue[i].to, s->family, &names[n]);
		if (len == 0 && n == 0) {
			errno = EAFNOSUPPORT;
			return -1;
		}
		if (len == 0)
			break;
		parts[n] = (struct iovec){ s->out + s->queue[i].at, s->queue[i].len };
		messages[n].msg_hdr =
			(struct msghdr){ .msg_iov = &parts[n], .msg_iovlen = 1, .msg_name = &names[n], .msg_namelen = len };
	}
	return sendmmsg(s->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void udp_flush(struct udp_socket *s)
{
	s->full = false;
	while (s->sent < s->count) {
		int n = send_some(s);
		if (n > 0) {
			s->sent += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			s->full = true;
			return;
		}
		/* This one cannot go (no route, no such family, refused by a firewall, too big): the others may. */
		if (n < 0 && errno == EMSGSIZE)
			s->too_big(s->context, s->queue[s->sent].peer, &s->queue[s->sent].to, s->queue[s->sent].len);
		s->dropped++;
		s->sent++;
	}
	udp_forget(s);
}
