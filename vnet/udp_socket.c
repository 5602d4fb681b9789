/* SPDX-License-Identifier: Apache-2.0
 * udp_socket.c - one UDP socket for all peers: packets in and out by the batch
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>
#include "path.h"
#include "udp_socket.h"

#define SOCKET_BYTES (512 << 10) /* a ms at several Gb/s: twice as much adds half a ms of delay under load, and little else */
#define OUT_BYTES (384 << 10)
#define OUT_HIGH_BYTES (128 << 10)    /* sent before more is taken from the port: room is left for a whole super-frame */
#define GRO_TURN_BYTES (512 << 10)    /* one call reads about as much: what the processor keeps close at hand */
#define GRO_ROOM_BYTES (65536 + 1600) /* not a power of two: the rooms' beginnings must not all fall on the same cache lines */
#define REFUSALS 4		      /* messages refused in a row: segmentation does not work here */

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
	/* To which of our addresses each packet came: that is where the answer has to come from. */
	if (family == AF_INET6) {
		set_number(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
		set_number(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	} else {
		set_number(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
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
	       unsigned without, udp_too_big_fn *too_big, void *context)
{
	struct sockaddr_storage name = { 0 };
	struct address bound;
	socklen_t len = sizeof name;
	int one = 1;
	*s = (struct udp_socket){ .fd = -1, .too_big = too_big, .context = context };
	TRY(open_bound(bind_address, bind_port, &s->fd));
	err_t e = getsockname(s->fd, (struct sockaddr *)&name, &len) < 0 ? E_IO : address_of_socket(&name, &bound);
	s->gso = !(without & VNET_WITHOUT_UDP_GSO);
	s->batch = UDP_BATCH;
	s->room_bytes = (datagram_bytes + 63) & ~(size_t)63;
	if (!(without & VNET_WITHOUT_UDP_GRO) && setsockopt(s->fd, SOL_UDP, UDP_GRO, &one, sizeof one) == 0) {
		s->room_bytes = GRO_ROOM_BYTES;
	}
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
static bool is_control(const struct cmsghdr *c, int level, int type, size_t len)
{
	return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= CMSG_LEN(len);
}

/* The size of the packets that the kernel joined into this message, of which the last one may be shorter; and in from->ours to which
 * address of ours they came. */
static size_t read_control(struct msghdr *m, size_t len, struct address *from)
{
	size_t each = len;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (is_control(c, SOL_UDP, UDP_GRO, sizeof(int))) {
			int bytes;
			memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
			if (bytes > 0 && (size_t)bytes < len)
				each = (size_t)bytes;
		} else if (is_control(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo))) {
			memcpy(from->ours, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_addr), sizeof from->ours);
		} else if (is_control(c, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo))) {
			from->ours[10] = from->ours[11] = 0xff;
			memcpy(from->ours + 12, CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_addr), 4);
		}
	}
	return each;
}

bool udp_receive(struct udp_socket *s, udp_packet_fn *fn, void *context)
{
	struct mmsghdr messages[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	struct sockaddr_storage names[UDP_BATCH];
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control[UDP_BATCH];
	for (size_t i = 0; i < s->batch; i++) {
		parts[i] = (struct iovec){ s->rooms + i * s->room_bytes, s->room_bytes };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i],
						       .msg_iovlen = 1,
						       .msg_name = &names[i],
						       .msg_namelen = sizeof names[i],
						       .msg_control = &control[i],
						       .msg_controllen = sizeof control[i] };
	}
	size_t longest = 1;
	int n = recvmmsg(s->fd, messages, (unsigned)s->batch, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct address from;
		uint8_t *packet = s->rooms + (size_t)i * s->room_bytes;
		size_t len = messages[i].msg_len;
		longest = len > longest ? len : longest;
		if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) || address_of_socket(&names[i], &from) != OK) {
			s->dropped++;
			continue;
		}
		size_t each = read_control(&messages[i].msg_hdr, len, &from);
		do {
			size_t one = len < each ? len : each;
			fn(context, packet, one, &from);
			packet += one;
			len -= one;
		} while (len > 0);
	}
	bool more = n == (int)s->batch;
	if (n > 0)
		s->batch = GRO_TURN_BYTES / longest < UDP_BATCH ? GRO_TURN_BYTES / longest : UDP_BATCH;
	return more;
}

/* ---- out ---- */
void udp_forget(struct udp_socket *s)
{
	s->dropped += s->count - s->sent;
	s->count = s->sent = s->out_used = s->singly = 0;
}

static void make_room(struct udp_socket *s, size_t len)
{
	if (s->count < UDP_QUEUE && s->out_used + len <= s->out_bytes)
		return;
	if (!s->full)
		udp_flush(s);
	if (s->full)
		udp_forget(s);
}

uint8_t *udp_room(struct udp_socket *s, size_t len)
{
	make_room(s, len);
	assert(s->out_used + len <= s->out_bytes);
	return s->out + s->out_used;
}

static void enqueue(struct udp_socket *s, struct peer *peer, const struct address *to, const uint8_t *data, size_t len,
		    bool singly)
{
	s->queue[s->count].data = data;
	s->queue[s->count].len = len;
	s->queue[s->count].to = *to;
	s->queue[s->count].peer = peer;
	s->queue[s->count].singly = singly;
	s->count++;
}

void udp_send_later(struct udp_socket *s, struct peer *peer, const struct address *to, size_t len, bool singly)
{
	if (len == 0)
		return;
	enqueue(s, peer, to, s->out + s->out_used, len, singly);
	s->out_used += len;
}

void udp_pass_on(struct udp_socket *s, const struct address *to, const uint8_t *packet, size_t len)
{
	make_room(s, 0);
	enqueue(s, NULL, to, packet, len, false);
}

bool udp_holds(const struct udp_socket *s, const uint8_t *packet)
{
	return packet >= s->rooms && packet < s->rooms + UDP_BATCH * s->room_bytes;
}

/* What is passed on and has to wait cannot stay where it is; what finds no room is dropped. */
static void keep(struct udp_socket *s)
{
	for (size_t i = s->sent; i < s->count; i++) {
		uint8_t *room = s->out + s->out_used;
		size_t len = s->queue[i].len;
		if (s->queue[i].data >= s->out && s->queue[i].data < room)
			continue;
		if (s->out_used + len > s->out_bytes) {
			s->dropped += s->count - i;
			s->count = i;
			return;
		}
		memcpy(room, s->queue[i].data, len);
		s->queue[i].data = room;
		s->out_used += len;
	}
}

static bool is_same_way(const struct address *a, const struct address *b)
{
	return address_equal(a, b) && a->hops == b->hops && !memcmp(a->ours, b->ours, sizeof a->ours);
}

/* How many packets of the queue, from the one at first on, go as one message: one size (the last may be shorter), one way, one
 * behind the other. */
static size_t group(const struct udp_socket *s, size_t first)
{
	size_t n = 1, each = s->queue[first].len, bytes = each;
	if (!s->gso || s->singly > 0 || s->queue[first].singly)
		return 1;
	for (; first + n < s->count && n < UDP_GSO_PACKETS; n++) {
		size_t i = first + n, len = s->queue[i].len;
		if (s->queue[i].data != s->queue[i - 1].data + each || s->queue[i].singly || s->queue[i - 1].len != each ||
		    len > each || bytes + len > UDP_GSO_BYTES || !is_same_way(&s->queue[i].to, &s->queue[first].to))
			break;
		bytes += len;
	}
	return n;
}

union send_control {
	struct cmsghdr header;
	char data[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void add_control(struct msghdr *m, union send_control *control, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)(control->data + m->msg_controllen);
	*c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
	memcpy(CMSG_DATA(c), data, len);
	m->msg_control = control;
	m->msg_controllen += CMSG_SPACE(len);
}

/* segment_bytes: 0 where the message is one packet. */
static void set_control(struct msghdr *m, union send_control *control, const struct address *to, size_t segment_bytes)
{
	int hops = to->hops;
	if (segment_bytes)
		add_control(m, control, SOL_UDP, UDP_SEGMENT, &(uint16_t){ (uint16_t)segment_bytes }, sizeof(uint16_t));
	if (hops)
		add_control(m, control, address_is_v4(to) ? IPPROTO_IP : IPPROTO_IPV6, address_is_v4(to) ? IP_TTL : IPV6_HOPLIMIT,
			    &hops, sizeof hops);
	if (!address_has_ours(to))
		return;
	if (address_is_v4(to)) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, to->ours + 12, 4);
		add_control(m, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else {
		struct in6_pktinfo info = { 0 };
		memcpy(&info.ipi6_addr, to->ours, sizeof to->ours);
		add_control(m, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

/* Sends messages of the queue from s->sent on. Returns how many packets went; -1 with errno where the first message, of
 * *ret_first packets, did not. */
static int send_some(struct udp_socket *s, size_t *ret_first)
{
	struct mmsghdr messages[UDP_BATCH];
	struct iovec parts[UDP_BATCH];
	struct sockaddr_storage names[UDP_BATCH];
	union send_control control[UDP_BATCH];
	size_t packets[UDP_BATCH], end = s->singly > 0 ? s->sent + s->singly : s->count;
	unsigned n = 0;
	for (size_t i = s->sent; i < end && n < UDP_BATCH; i += packets[n++]) {
		packets[n] = group(s, i);
		*ret_first = packets[0];
		socklen_t len = address_to_socket(&s->queue[i].to, s->family, &names[n]);
		if (len == 0 && n == 0) {
			errno = EAFNOSUPPORT;
			return -1;
		}
		if (len == 0)
			break;
		size_t last = i + packets[n] - 1;
		size_t bytes = (size_t)(s->queue[last].data - s->queue[i].data) + s->queue[last].len;
		parts[n] = (struct iovec){ (void *)(uintptr_t)s->queue[i].data, bytes }; /* sendmmsg() reads only */
		messages[n].msg_hdr =
			(struct msghdr){ .msg_iov = &parts[n], .msg_iovlen = 1, .msg_name = &names[n], .msg_namelen = len };
		set_control(&messages[n].msg_hdr, &control[n], &s->queue[i].to, packets[n] > 1 ? s->queue[i].len : 0);
	}
	int went = sendmmsg(s->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL), sum = 0;
	if (went < 0)
		return -1;
	if (went > 0 && packets[0] > 1)
		s->refused = 0;
	for (int i = 0; i < went; i++)
		sum += (int)packets[i];
	return sum;
}

static void went(struct udp_socket *s, size_t packets)
{
	s->sent += packets;
	s->singly -= packets < s->singly ? packets : s->singly;
}

/* The kernel refused a message of many packets: no segmentation there (EIO: the network card makes no checksums), or the packets
 * are larger than the path, which each by itself will tell. */
static void refused(struct udp_socket *s, size_t packets, int error)
{
	s->singly = packets;
	if (error == EIO || error == EOPNOTSUPP || ++s->refused >= REFUSALS)
		s->gso = false;
}

void udp_flush(struct udp_socket *s)
{
	s->full = false;
	while (s->sent < s->count) {
		size_t first = 1;
		int n = send_some(s, &first);
		if (n > 0) {
			went(s, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			s->full = true;
			keep(s);
			return;
		}
		if (n < 0 && first > 1) {
			refused(s, first, errno);
			continue;
		}
		/* Perhaps the address of ours is no longer ours. */
		if (n < 0 && errno != EMSGSIZE && address_has_ours(&s->queue[s->sent].to)) {
			address_forget_ours(&s->queue[s->sent].to);
			continue;
		}
		/* This one cannot go (no route, no such family, refused by a firewall, too big): the others may. */
		if (n < 0 && errno == EMSGSIZE)
			s->too_big(s->context, s->queue[s->sent].peer, &s->queue[s->sent].to, s->queue[s->sent].len);
		s->refused = 0; /* it was not for the segmentation */
		s->dropped++;
		went(s, 1);
	}
	udp_forget(s);
}

bool udp_has_room(struct udp_socket *s)
{
	if (!s->full && (s->out_used > OUT_HIGH_BYTES || s->count > UDP_QUEUE / 2))
		udp_flush(s);
	return !s->full;
}
