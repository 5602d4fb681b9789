/* SPDX-License-Identifier: Apache-2.0
 * offload.c - segmentation offloads where the kernel has them, and what is done where it refuses them
 *
 * sendmmsg() and writev() are replaced here: they refuse as some kernels and network cards do.
 */
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "frame.h"
#include "port.h"
#include "tap.h"
#include "udp_socket.h"

/* ---- the kernel that refuses ---- */
static int refuse_gso, refuse_large, refuse_joined, refuse_partial; /* errno, or bytes, or yes */
static int calls, messages_sent, writes;

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	calls++;
	for (unsigned i = 0; i < count; i++) {
		bool segmented = messages[i].msg_hdr.msg_controllen > 0;
		size_t len = messages[i].msg_hdr.msg_iov->iov_len;
		if ((!segmented || !refuse_gso) && (segmented || !refuse_large || len <= (size_t)refuse_large))
			continue;
		if (i > 0) {
			count = i;
			break;
		}
		errno = segmented ? refuse_gso : EMSGSIZE;
		return -1;
	}
	messages_sent += (int)count;
	return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	struct virtio_net_hdr h = { 0 };
	if (parts[0].iov_len == sizeof h)
		memcpy(&h, parts[0].iov_base, sizeof h);
	if ((refuse_joined && h.gso_type) || (refuse_partial && h.flags)) {
		errno = EINVAL;
		return -1;
	}
	writes++;
	return syscall(SYS_writev, fd, parts, count);
}

/* ---- UDP ---- */
static struct udp_socket from, to;
static size_t came, too_big, too_big_bytes;
static bool in_order, singly;

static void note_too_big(void *context, struct peer *peer, const struct address *at, size_t len)
{
	(void)context, (void)peer, (void)at;
	too_big++;
	too_big_bytes = len;
}

static void take_packet(void *context, uint8_t *packet, size_t len, const struct address *at)
{
	(void)context, (void)at;
	in_order &= len >= 2 && (packet[0] | packet[1] << 8) == (int)came && packet[len - 1] == (uint8_t)len;
	came++;
}

static void queue_packet(size_t number, size_t len, const struct address *at)
{
	uint8_t *room = udp_room(&from, len);
	memset(room, 0, len);
	room[0] = (uint8_t)number;
	room[1] = (uint8_t)(number >> 8);
	room[len - 1] = (uint8_t)len;
	udp_send_later(&from, NULL, at, len, singly);
}

/* Runs of equal packets, each ended by a shorter one, as super-frames make them. */
static void send_runs(size_t count, size_t each)
{
	struct address at;
	assert(address_parse("127.0.0.1:1", &at) == OK);
	at.port = to.port;
	came = too_big = 0;
	in_order = true;
	calls = messages_sent = 0;
	for (size_t i = 0; i < count; i++)
		queue_packet(i, i % 40 == 39 ? 300 : each, &at);
	udp_flush(&from);
	for (int i = 0; i < 20 && came < count; i++)
		(void)udp_receive(&to, take_packet, NULL);
}

static void open_sockets(unsigned without)
{
	struct sockaddr_storage local = { .ss_family = AF_INET };
	((struct sockaddr_in *)&local)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(udp_open(&from, &local, 0, 1536, without, note_too_big, NULL) == OK);
	assert(udp_open(&to, &local, 0, 1536, without, note_too_big, NULL) == OK);
}

static void close_sockets(void)
{
	udp_close(&from);
	udp_close(&to);
	refuse_gso = refuse_large = 0;
}

static void test_udp(void)
{
	open_sockets(0);
	send_runs(200, 1400);
	ok(came == 200 && in_order, "200 packets in runs arrive whole and in order");
	is_int(messages_sent, 5, "as a message a run");
	send_runs(200, 200);
	ok(came == 200 && in_order, "short ones too, where each run ends with a longer one");
	singly = true;
	send_runs(100, 1400);
	ok(came == 100 && messages_sent == 100, "what is to go singly does");
	singly = false;
	refuse_gso = EIO;
	send_runs(200, 1400);
	ok(came == 200 && in_order, "where segmentation is refused they go one by one");
	ok(!from.gso && messages_sent == 200, "and with EIO from then on");
	close_sockets();

	open_sockets(0);
	refuse_gso = EINVAL;
	send_runs(40, 1400);
	ok(came == 40 && in_order && from.gso, "one EINVAL: one by one, but segmentation is tried again");
	send_runs(200, 1400);
	ok(came == 200 && in_order && !from.gso, "several: no more");
	close_sockets();

	open_sockets(0);
	refuse_gso = EINVAL;
	refuse_large = 1300;
	send_runs(400, 1400);
	is_int(too_big, 390, "packets larger than the path: each is told");
	is_int(too_big_bytes, 1400, "with its size");
	ok(from.gso, "and segmentation is not blamed");
	refuse_gso = 0;
	send_runs(200, 1200);
	ok(came == 200 && messages_sent == 5, "smaller ones go as runs again");
	close_sockets();

	open_sockets(VNET_WITHOUT_UDP_GSO | VNET_WITHOUT_UDP_GRO);
	send_runs(100, 1400);
	ok(came == 100 && in_order && messages_sent == 100, "left off, packets go one by one");
	close_sockets();
}

/* ---- TAP ---- */
#define PIECES 10
#define PAYLOAD 1000
static uint8_t pieces[PIECES][1600];
static size_t piece_len[PIECES];
static struct port *port;
static int epoll_fd, tap_fd, sniffer;

static void make_pieces(void)
{
	static uint8_t whole[54 + PIECES * PAYLOAD];
	struct offload o = { .partial_csum = true, .gso = INNER_GSO_TCP4, .gso_size = PAYLOAD };
	struct super s;
	struct ipv4 ip = { .from = 0x0a4d0102, .to = 0x0a4d0101, .protocol = PROTOCOL_TCP, .payload_len = sizeof whole - 34 };
	ipv4_put(whole, 0x525400000001, 0x525400000002, &ip);
	whole[46] = 0x50;
	whole[47] = 0x10;
	for (size_t i = 54; i < sizeof whole; i++)
		whole[i] = (uint8_t)(i * 31);
	assert(super_of(whole, sizeof whole, &o, &s) == OK && super_count(&s, PAYLOAD) == PIECES);
	for (size_t i = 0; i < PIECES; i++)
		piece_len[i] = super_cut(&s, PAYLOAD, i, pieces[i]);
}

static void attach(bool super_frames)
{
	char name[IFNAMSIZ];
	struct ifreq up = { 0 };
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert(vnet_tap_open("cpu%d", (vnet_mac){ { 0x52, 0x54, 0, 0, 0, 1 } }, 1400, &tap_fd, name) == OK);
	memcpy(up.ifr_name, name, sizeof up.ifr_name);
	up.ifr_flags = IFF_UP;
	assert(ioctl(s, SIOCSIFFLAGS, &up) == 0);
	close(s);
	sniffer = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP));
	link.sll_ifindex = (int)if_nametoindex(name);
	assert(sniffer >= 0 && bind(sniffer, (struct sockaddr *)&link, sizeof link) == 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert(port_tap_new(epoll_fd, tap_fd, 1422, super_frames, &port) == OK);
}

static void detach(void)
{
	port_free(port);
	close(sniffer);
	close(epoll_fd);
	refuse_joined = refuse_partial = 0;
}

static void write_piece(size_t i)
{
	struct offload o = { .partial_csum = true, .gso = INNER_GSO_TCP4, .gso_size = PAYLOAD, .index = (uint16_t)i };
	o.last = i == PIECES - 1;
	port->kind->write(port, pieces[i], piece_len[i], &o);
}

/* Reads what arrived at the kernel; returns how many packets. complete: their checksums are. */
static size_t arrived(size_t *ret_payload, bool *ret_complete)
{
	static uint8_t packet[SUPER_MAX_BYTES];
	ssize_t n;
	size_t count = 0;
	*ret_payload = 0;
	*ret_complete = true;
	while ((n = recv(sniffer, packet, sizeof packet, 0)) > 54) {
		size_t len = (size_t)n;
		uint32_t pseudo = 0x0a4d + 0x0102 + 0x0a4d + 0x0101 + PROTOCOL_TCP + (uint32_t)(len - 34);
		for (size_t i = 54; i < len; i++)
			assert(packet[i] == (uint8_t)((i + *ret_payload) * 31));
		*ret_payload += len - 54;
		*ret_complete &= internet_checksum(packet + 34, len - 34, pseudo) == 0;
		count++;
	}
	return count;
}

static void skip_arrived(void)
{
	uint8_t byte;
	while (recv(sniffer, &byte, 1, 0) > 0)
		;
}

static size_t write_all(size_t *ret_payload, bool *ret_complete)
{
	writes = 0;
	for (size_t i = 0; i < PIECES; i++)
		write_piece(i);
	port->kind->flush(port);
	return arrived(ret_payload, ret_complete);
}

static void test_tap(void)
{
	size_t payload;
	bool complete;
	attach(true);
	is_int(write_all(&payload, &complete), 1, "segments arrive as one super-frame");
	ok(payload == PIECES * PAYLOAD && writes == 1, "of all their bytes, by one write");
	for (size_t i = 0; i < PIECES; i++)
		if (i != 4)
			write_piece(i);
	port->kind->flush(port);
	is_int(writes, 3, "a lost one makes two of it");
	skip_arrived();
	refuse_joined = 1;
	is_int(write_all(&payload, &complete), PIECES, "where the kernel refuses it the segments are written one by one");
	ok(payload == PIECES * PAYLOAD && port->dropped == 0, "and none is lost");
	refuse_joined = 0;
	is_int(write_all(&payload, &complete), 1, "the next super-frame is tried again");
	refuse_joined = refuse_partial = 1;
	is_int(write_all(&payload, &complete), PIECES, "where partial checksums are refused too they are completed");
	ok(complete && payload == PIECES * PAYLOAD, "and right");
	refuse_partial = 0;
	for (int i = 0; i < 8; i++)
		assert(write_all(&payload, &complete) == PIECES);
	refuse_joined = 0;
	is_int(write_all(&payload, &complete), PIECES, "after eight refusals none is tried any more");
	detach();

	attach(false);
	is_int(write_all(&payload, &complete), PIECES, "left off, segments are written one by one");
	ok(payload == PIECES * PAYLOAD, "with all their bytes");
	detach();
}

int main(void)
{
	test_udp();
	make_pieces();
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		test_tap();
	else
		ok(true, "# SKIP a TAP needs root");
	return done_testing();
}
