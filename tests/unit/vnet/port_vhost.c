/* SPDX-License-Identifier: Apache-2.0
 * port_vhost.c - the port on a guest's own rings: frames and super-frames both ways, and a QEMU and a driver that lie
 */
#include <poll.h>
#include <sys/epoll.h>
#include "frame.h"
#include "guest_rings.h"
#include "port.h"
#include "port_unix.h"
#include "tap.h"

#define FRAME_MAX (1400 + 22)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static char folder[] = "/tmp/vnet-vhost-XXXXXX", path[64];
static int epoll_fd;
static struct port *port;
static struct guest guest;
static size_t came, refuse_after;
static uint8_t last[SUPER_MAX_BYTES];
static size_t last_len;
static struct offload last_offload;

static bool take(void *context, uint8_t *frame, size_t len, const struct offload *o)
{
	(void)context;
	memset(frame - PORT_HEADROOM, 0xee, PORT_HEADROOM); /* may be changed */
	memcpy(last, frame, len);
	last_len = len;
	last_offload = *o;
	came++;
	return refuse_after == 0 || --refuse_after > 0;
}

/* As vnet_run() does, until nothing happens for so long. */
static void run(int quiet_ms)
{
	struct epoll_event event;
	for (int i = 0; i < 1000 && epoll_wait(epoll_fd, &event, 1, quiet_ms) > 0; i++) {
		(void)port->kind->read(port, take, NULL);
		(void)port->kind->flush(port);
	}
}

static void connect_guest(int seals)
{
	struct sockaddr_un a;
	guest_make(&guest, seals);
	assert(unix_address(path, &a) == OK && unix_connect(&a, SOCK_STREAM, &guest.fd) == OK);
}

/* What the back end answers, or that it hung up: -1. */
static ssize_t answer(uint32_t *reply)
{
	run(5);
	return recv(guest.fd, reply, 20, MSG_DONTWAIT);
}

static bool is_left(void)
{
	uint32_t reply[5];
	run(5);
	ssize_t n = recv(guest.fd, reply, sizeof reply, MSG_DONTWAIT);
	return n == 0;
}

static void begin(uint64_t features)
{
	connect_guest(SEALS);
	guest_begin(&guest, features);
	run(5);
}

static size_t make_udp(uint8_t *frame, size_t payload)
{
	struct udp u = { .from = 1, .to = 2, .payload_len = payload };
	for (size_t i = 0; i < payload; i++)
		frame[UDP_HEAD_BYTES + i] = (uint8_t)(i * 7);
	return udp_put(frame, 0x525400000001, 0x525400000002, 0x0a4d0001, 0x0a4d0002, &u);
}

/* A TCP frame with a partial checksum: what a segment or a super-frame looks like. */
static size_t make_tcp(uint8_t *frame, size_t payload, uint32_t sequence)
{
	struct ipv4 ip = { .from = 0x0a4d0002, .to = 0x0a4d0001, .protocol = PROTOCOL_TCP, .payload_len = 20 + payload };
	uint8_t *tcp = frame + IPV4_HEAD_BYTES;
	memset(tcp, 0, 20);
	tcp[1] = 80;
	tcp[3] = 90;
	tcp[4] = (uint8_t)(sequence >> 24);
	tcp[5] = (uint8_t)(sequence >> 16);
	tcp[6] = (uint8_t)(sequence >> 8);
	tcp[7] = (uint8_t)sequence;
	tcp[12] = 5 << 4;
	tcp[13] = 0x10;
	for (size_t i = 0; i < payload; i++)
		tcp[20 + i] = (uint8_t)((sequence + i) * 13);
	size_t len = ipv4_put(frame, 0x525400000001, 0x525400000002, &ip);
	frame[IPV4_HEAD_BYTES + 16] = 1; /* partial: whatever it is */
	return len;
}

static void test_start(void)
{
	uint32_t reply[5];
	uint64_t value;
	connect_guest(SEALS);
	guest_say(&guest, 1, 0, NULL, 0, NULL, 0);
	is_int(answer(reply), 20, "features are told");
	memcpy(&value, reply + 3, 8);
	ok(reply[0] == 1 && reply[1] == 5 && reply[2] == 8, "as a reply");
	is_int(value & FEATURES_ALL, FEATURES_ALL, "all that a guest can use");
	guest_say(&guest, 15, 0, NULL, 0, NULL, 0);
	ok(answer(reply) == 20 && reply[3] == 8, "of the protocol's there is REPLY_ACK");
	guest_begin(&guest, FEATURES_ALL);
	guest_say(&guest, 18, 8, (uint32_t[2]){ 0, 1 }, 8, NULL, 0);
	ok(answer(reply) == 20 && reply[0] == 18 && reply[3] == 0, "what is to be acknowledged is");
	guest_say(&guest, 18, 8, (uint32_t[2]){ 7, 1 }, 8, NULL, 0);
	ok(answer(reply) == 20 && reply[3] == 1, "also where it is refused");
}

static void test_from_guest(void)
{
	uint8_t frame[4096];
	static uint8_t big[SUPER_MAX_BYTES];
	struct virtio_net_hdr_v1 plain = { 0 };
	struct vring_used_elem e;
	eventfd_t woken;
	size_t len = make_udp(frame, 900);
	for (size_t piece = 2000; piece > 0; piece /= 7) {
		came = 0;
		guest_send(&guest, &plain, frame, len, piece > 5 ? piece : 5);
		run(5);
		ok(came == 1 && last_len == len && !memcmp(last, frame, len), "a frame in pieces of %zu", piece > 5 ? piece : 5);
		ok(ring_take(&guest.ring[TX], &e) && e.id == 0, "its chain is given back");
	}
	ok(eventfd_read(guest.ring[TX].call, &woken) == 0, "and the driver was woken");
	size_t big_len = make_tcp(big, 40000, 1);
	struct virtio_net_hdr_v1 tso = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					 .gso_size = 1346,
					 .hdr_len = 54,
					 .csum_start = IPV4_HEAD_BYTES,
					 .csum_offset = 16 };
	came = 0;
	guest_send(&guest, &tso, big, big_len, 4096);
	run(5);
	ok(came == 1 && last_len == big_len && !memcmp(last, big, big_len), "a super-frame comes whole");
	ok(last_offload.gso == INNER_GSO_TCP4 && last_offload.gso_size == 1346 && last_offload.partial_csum,
	   "and is told as one");
	tso.gso_size = 0;
	uint64_t dropped = port->dropped;
	guest_send(&guest, &tso, big, big_len, 4096);
	run(5);
	is_int(port->dropped, dropped + 1, "one without a segment size is dropped");
	tso.gso_size = 1346;
	tso.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	guest_send(&guest, &tso, big, big_len, 4096);
	run(5);
	is_int(port->dropped, dropped + 2, "so is one of a kind that was not agreed on");
	came = 0;
	refuse_after = 1;
	for (int i = 0; i < 3; i++)
		ring_offer(&guest.ring[TX], 0);
	guest_send(&guest, &plain, frame, len, 4096);
	struct epoll_event event;
	assert(epoll_wait(epoll_fd, &event, 1, 100) == 1);
	(void)port->kind->read(port, take, NULL);
	is_int(came, 1, "it stops where UDP is full");
	run(5);
	is_int(came, 4, "the rest comes later, without another kick");
	while (ring_take(&guest.ring[TX], &e))
		;
}

/* Frames in the guest's memory as the used ring tells: reads the next one, joined over its buffers. */
static size_t guest_receive(uint8_t *frame, struct virtio_net_hdr_v1 *header, uint32_t size)
{
	struct ring *r = &guest.ring[RX];
	struct vring_used_elem e;
	size_t len = 0;
	if (!ring_take(r, &e))
		return 0;
	uint8_t *buffer = guest.memory + BUFFERS_AT + e.id * size;
	memcpy(header, buffer, HEADER);
	memcpy(frame, buffer + HEADER, e.len - HEADER);
	len = e.len - HEADER;
	for (int i = 1; i < header->num_buffers && ring_take(r, &e); i++) {
		memcpy(frame + len, guest.memory + BUFFERS_AT + e.id * size, e.len);
		len += e.len;
	}
	return len;
}

static void write_segments(size_t total, size_t each)
{
	static uint8_t frames[64][2048];
	for (size_t i = 0, at = 0; at < total; i++) {
		size_t n = total - at < each ? total - at : each;
		struct offload o = { .partial_csum = true,
				     .gso = INNER_GSO_TCP4,
				     .gso_size = (uint16_t)each,
				     .super_id = 3,
				     .index = (uint16_t)i,
				     .last = at + n == total };
		size_t len = make_tcp(frames[i], n, 1 + (uint32_t)at);
		port->kind->write(port, frames[i], len, &o);
		at += n;
	}
	(void)port->kind->flush(port);
}

static void test_to_guest(void)
{
	static uint8_t frame[4096], got[SUPER_MAX_BYTES];
	struct virtio_net_hdr_v1 header;
	eventfd_t woken;
	guest_offer_buffers(&guest, 64, 1600);
	run(5);
	size_t len = make_udp(frame, 500);
	port->kind->write(port, frame, len, &offload_none);
	(void)port->kind->flush(port);
	ok(guest_receive(got, &header, 1600) == len && !memcmp(got, frame, len), "a frame for the guest");
	ok(header.num_buffers == 1 && header.flags == 0 && header.gso_type == 0, "with a plain header");
	ok(eventfd_read(guest.ring[RX].call, &woken) == 0, "and it is woken");
	struct offload partial = { .partial_csum = true };
	port->kind->write(port, frame, len, &partial);
	(void)port->kind->flush(port);
	ok(guest_receive(got, &header, 1600) == len && header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		   header.csum_start == IPV4_HEAD_BYTES && header.csum_offset == 6,
	   "a partial checksum is the guest's to make");
	write_segments(13000, 1300);
	size_t n = guest_receive(got, &header, 1600);
	is_int(n, 13000 + 54, "segments come joined");
	ok(header.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && header.gso_size == 1300 && header.num_buffers == 9,
	   "over nine buffers");
	bool whole = true;
	for (size_t i = 0; i < 13000; i++)
		whole &= got[54 + i] == (uint8_t)((1 + i) * 13);
	ok(whole, "with all bytes in their places");

	/* 53 buffers are left: the guest is slow. */
	uint64_t dropped = port->dropped;
	int written = 0;
	for (; port->dropped == dropped && written < 5000; written++) {
		memset(frame + UDP_HEAD_BYTES, written, 1000);
		port->kind->write(port, frame, UDP_HEAD_BYTES + 1000, &offload_none);
	}
	(void)port->kind->flush(port);
	ok(written > 1000 && written < 5000, "for a guest without buffers a bounded number waits");
	int received = 0;
	bool ordered = true;
	for (int quiet = 0; quiet < 3; quiet++) {
		while ((n = guest_receive(got, &header, 1600)) > 0) {
			ordered &= got[UDP_HEAD_BYTES] == (uint8_t)received && got[UDP_HEAD_BYTES + 999] == (uint8_t)received;
			received++;
			ring_offer(&guest.ring[RX],
				   (uint16_t)(guest.ring[RX].used->ring[(guest.ring[RX].seen - 1) % RING_SIZE].id));
			quiet = 0;
		}
		ring_kick(&guest.ring[RX]);
		run(5);
	}
	is_int(received, written - 1, "it gets them when it has some again");
	ok(ordered, "in order");
}

static void test_plain_driver(void)
{
	static uint8_t frame[4096], got[SUPER_MAX_BYTES];
	struct virtio_net_hdr_v1 header;
	guest_clear(&guest);
	begin(1ull << VIRTIO_F_VERSION_1);
	guest_offer_buffers(&guest, 64, 1600);
	run(5);
	write_segments(3 * 1300, 1300);
	for (int i = 0; i < 3; i++) {
		struct frame f;
		struct ipv4 ip;
		size_t n = guest_receive(got, &header, 1600);
		bool parsed = frame_parse(got, n, &f) == OK && ipv4_parse(&f, &ip) == OK;
		ok(n == 1354 && header.gso_type == 0 && header.flags == 0 && parsed &&
			   internet_checksum(ip.payload, ip.payload_len, 0x0100) == 0,
		   "a driver without offloads gets segment %d by itself", i);
	}
	uint64_t dropped = port->dropped;
	port->kind->write(port, frame, 1700, &offload_none);
	(void)port->kind->flush(port);
	is_int(port->dropped, dropped + 1, "a frame larger than its buffer is dropped");
	size_t len = make_udp(frame, 100);
	port->kind->write(port, frame, len, &offload_none);
	(void)port->kind->flush(port);
	ok(guest_receive(got, &header, 1600) == len && !memcmp(frame, got, len), "the next one comes");
}

/* ---- lies ---- */
static void lie_about_memory(const char *what, struct table *t, uint32_t size, int fd_count, int seals)
{
	int fds[9];
	guest_clear(&guest);
	connect_guest(seals);
	for (int i = 0; i < 9; i++)
		fds[i] = guest.memory_fd;
	guest_say(&guest, 5, 0, t, size, fds, fd_count);
	ok(is_left(), "memory: %s", what);
}

static void test_memory_lies(void)
{
	struct table t = guest_table();
	lie_about_memory("that may shrink", &t, 40, 1, 0);
	lie_about_memory("without a descriptor", &t, 40, 0, SEALS);
	lie_about_memory("with two descriptors for one region", &t, 40, 2, SEALS);
	lie_about_memory("cut short", &t, 39, 1, SEALS);
	lie_about_memory("with bytes behind the last region", &t, 72, 1, SEALS);
	t.count = 9;
	lie_about_memory("of nine regions", &t, 8 + 8 * 32, 8, SEALS);
	t.count = 0;
	lie_about_memory("of none", &t, 8, 0, SEALS);
	t = guest_table();
	t.region[0].size = MEMORY_BYTES + 4096;
	lie_about_memory("beyond the file", &t, 40, 1, SEALS);
	t = guest_table();
	t.region[0].offset = 4096;
	lie_about_memory("beyond the file by its offset", &t, 40, 1, SEALS);
	t.region[0].offset = UINT64_MAX - 4095;
	lie_about_memory("with an offset that wraps around", &t, 40, 1, SEALS);
	t = guest_table();
	t.region[0].guest = UINT64_MAX - 4095;
	lie_about_memory("at addresses that wrap around", &t, 40, 1, SEALS);
	t = guest_table();
	t.region[0].size = 0;
	lie_about_memory("of no size", &t, 40, 1, SEALS);
	t.region[0].size = 100;
	lie_about_memory("of no whole page", &t, 40, 1, SEALS);
}

static void lie_by_message(const char *what, uint32_t request, const void *body, uint32_t size, const int *fds, int fd_count)
{
	guest_clear(&guest);
	begin(FEATURES_ALL);
	guest_say(&guest, request, 0, body, size, fds, fd_count);
	ok(is_left(), "message: %s", what);
}

static void test_message_lies(void)
{
	const uint64_t none[6] = { 0 };
	int plain[2], memory = memfd_create("x", MFD_CLOEXEC);
	assert(pipe2(plain, O_CLOEXEC) == 0);
	lie_by_message("an unknown one", 99, NULL, 0, NULL, 0);
	lie_by_message("a dirty log", 6, none, 16, NULL, 0);
	lie_by_message("features that were not offered", 2, (uint64_t[1]){ 1ull << 34 }, 8, NULL, 0);
	lie_by_message("features in four bytes", 2, none, 4, NULL, 0);
	lie_by_message("a question for features with a body", 1, none, 8, NULL, 0);
	lie_by_message("an owner with a descriptor", 3, NULL, 0, &memory, 1);
	lie_by_message("a ring that is enabled with a descriptor", 18, (uint32_t[2]){ 0, 1 }, 8, &memory, 1);
	lie_by_message("a ring of no entry", 8, (uint32_t[2]){ 0, 0 }, 8, NULL, 0);
	lie_by_message("a ring that runs gets another size", 8, (uint32_t[2]){ 0, 128 }, 8, NULL, 0);
	lie_by_message("a third ring", 18, (uint32_t[2]){ 2, 1 }, 8, NULL, 0);
	lie_by_message("a base of a third ring", 11, (uint32_t[2]){ 2, 0 }, 8, NULL, 0);
	lie_by_message("a kick without a descriptor", 12, none, 8, NULL, 0);
	lie_by_message("a kick that is a pipe", 12, none, 8, plain, 1);
	lie_by_message("a call that is a file", 13, none, 8, &memory, 1);
	lie_by_message("a call of a third ring", 13, (uint64_t[1]){ 2 }, 8, &guest.ring[0].call, 1);
	lie_by_message("addresses outside", 9, (uint64_t[5]){ 0, USER_BASE + MEMORY_BYTES - 16, USER_BASE, USER_BASE, 0 }, 40,
		       NULL, 0);
	lie_by_message("addresses that are not aligned", 9, (uint64_t[5]){ 0, USER_BASE + 1, USER_BASE, USER_BASE, 0 }, 40, NULL,
		       0);
	lie_by_message("an avail ring outside", 9, (uint64_t[5]){ 0, USER_BASE, USER_BASE, USER_BASE + MEMORY_BYTES - 6, 0 }, 40,
		       NULL, 0);
	guest_clear(&guest);
	connect_guest(SEALS);
	assert(send(guest.fd, "\1\0\0\0\2\0\0\0\0\0\0\0", 12, 0) == 12);
	ok(is_left(), "message: of another version");
	guest_clear(&guest);
	connect_guest(SEALS);
	assert(send(guest.fd, "\1\0\0\0\1\0\0\0\x09\1\0\0", 12, 0) == 12);
	ok(is_left(), "message: longer than any");
	guest_clear(&guest);
	connect_guest(SEALS);
	int many[9];
	for (int i = 0; i < 9; i++)
		many[i] = memory;
	guest_say(&guest, 3, 0, NULL, 0, many, 9);
	ok(is_left(), "message: with nine descriptors");
	close(memory);
	close(plain[0]);
	close(plain[1]);
}

/* What a ring says that cannot be: nothing more is taken from it, and the port lives on. */
static void lie_in_ring(const char *what, const struct vring_desc *desc, int count, uint16_t head, uint16_t more)
{
	struct ring *r = &guest.ring[TX];
	guest_clear(&guest);
	begin(FEATURES_ALL);
	came = 0;
	uint64_t dropped = port->dropped;
	memcpy(r->desc, desc, (size_t)count * sizeof *desc);
	ring_offer(r, head);
	r->avail->idx = (uint16_t)(r->avail->idx + more);
	ring_kick(r);
	run(5);
	uint8_t frame[200];
	struct virtio_net_hdr_v1 plain = { 0 };
	guest_send(&guest, &plain, frame, make_udp(frame, 100), 4096);
	run(5);
	ok(came == 0 && port->dropped > dropped, "ring: %s", what);
}

static void test_ring_lies(void)
{
	const uint64_t at = GUEST_BASE + SEND_AT;
	struct vring_desc loop[2] = { { at, 20, VRING_DESC_F_NEXT, 1 }, { at, 20, VRING_DESC_F_NEXT, 0 } };
	lie_in_ring("a chain in a circle", loop, 2, 0, 0);
	lie_in_ring("a head beyond the table", loop, 2, RING_SIZE, 0);
	lie_in_ring("more than it has entries", loop, 2, 0, RING_SIZE + 5);
	loop[1] = (struct vring_desc){ at, 20, VRING_DESC_F_NEXT, RING_SIZE };
	lie_in_ring("a next beyond the table", loop, 2, 0, 0);
	loop[1] = (struct vring_desc){ at, 20, VRING_DESC_F_WRITE, 0 };
	lie_in_ring("a buffer to write among those to read", loop, 2, 0, 0);
	const struct vring_desc outside[] = {
		{ GUEST_BASE - 8, 100, 0, 0 },
		{ GUEST_BASE + MEMORY_BYTES, 20, 0, 0 },
		{ GUEST_BASE + MEMORY_BYTES - 10, 20, 0, 0 },
		{ UINT64_MAX - 5, 100, 0, 0 },
		{ 0, UINT32_MAX, 0, 0 },
		{ GUEST_BASE, UINT32_MAX, 0, 0 },
		{ at, 24, VRING_DESC_F_INDIRECT, 0 },
		{ at, 0, VRING_DESC_F_INDIRECT, 0 },
		{ at, 16 * 2048, VRING_DESC_F_INDIRECT, 0 },
		{ at, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1 },
		{ UINT64_MAX - 15, 16, VRING_DESC_F_INDIRECT, 0 },
		{ GUEST_BASE + MEMORY_BYTES - 16, 32, VRING_DESC_F_INDIRECT, 0 },
	};
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		lie_in_ring("a buffer or table outside, or of no size that can be", &outside[i], 1, 0, 0);
}

/* Receive buffers that are no place for a header. */
static void test_small_buffers(void)
{
	uint8_t frame[2048];
	guest_clear(&guest);
	begin(FEATURES_ALL);
	guest_offer_buffers(&guest, 100, 8);
	run(5);
	uint64_t dropped = port->dropped;
	port->kind->write(port, frame, make_udp(frame, 1000), &offload_none);
	(void)port->kind->flush(port);
	is_int(port->dropped, dropped + 1, "buffers smaller than a header");
	is_int(guest.ring[RX].used->idx, 0, "none is used");
}

/* A ring that is too small for a super-frame, all of it together: that one is dropped, and nothing waits behind it. */
static void test_small_ring(void)
{
	static uint8_t frame[2048], got[SUPER_MAX_BYTES];
	struct virtio_net_hdr_v1 header;
	guest_clear(&guest);
	connect_guest(SEALS);
	guest.ring[RX].num = 4;
	guest_begin(&guest, FEATURES_ALL);
	run(5);
	guest_offer_buffers(&guest, 4, 1600);
	run(5);
	uint64_t dropped = port->dropped;
	write_segments(13000, 1300);
	size_t len = make_udp(frame, 100);
	port->kind->write(port, frame, len, &offload_none);
	(void)port->kind->flush(port);
	ok(port->dropped > dropped, "a super-frame larger than all of a ring is dropped");
	is_int(guest_receive(got, &header, 1600), len, "the next frame comes");
}

static void test_indirect(void)
{
	uint8_t frame[2048];
	struct ring *r = &guest.ring[TX];
	guest_clear(&guest);
	begin(FEATURES_ALL);
	size_t len = make_udp(frame, 1000);
	uint8_t *at = guest.memory + SEND_AT;
	struct vring_desc *table = (void *)(guest.memory + SEND_AT + 65536);
	memset(at, 0, HEADER);
	memcpy(at + HEADER, frame, len);
	table[0] = (struct vring_desc){ guest_address(&guest, at), HEADER, VRING_DESC_F_NEXT, 1 };
	table[1] = (struct vring_desc){ guest_address(&guest, at + HEADER), (uint32_t)len, 0, 0 };
	r->desc[9] = (struct vring_desc){ guest_address(&guest, table), 32, VRING_DESC_F_INDIRECT, 0 };
	came = 0;
	ring_offer(r, 9);
	ring_kick(r);
	run(5);
	ok(came == 1 && last_len == len && !memcmp(last, frame, len), "a chain by an indirect table");
	came = 0;
	table[1].flags = VRING_DESC_F_INDIRECT;
	ring_offer(r, 9);
	ring_kick(r);
	run(5);
	is_int(came, 0, "but no table in a table");
}

static void test_hold(void)
{
	uint32_t reply[5];
	uint8_t frame[2048];
	struct virtio_net_hdr_v1 plain = { 0 };
	guest_clear(&guest);
	begin(FEATURES_ALL);
	came = 0;
	port_pause(port, true);
	for (int i = 0; i < 3; i++)
		guest_send(&guest, &plain, frame, make_udp(frame, 100), 4096);
	run(5);
	is_int(came, 0, "while frames could not go none is taken");
	port_pause(port, false);
	run(5);
	is_int(came, 3, "then they are, without another kick");
	port_pause(port, true);
	guest_say_state(&guest, 11, TX, 0);
	ok(answer(reply) == 20 && reply[3] == TX && reply[4] == 3, "QEMU is answered all the while");
	port_pause(port, false);
}

static void test_restart(void)
{
	uint32_t reply[5];
	uint8_t frame[2048];
	struct virtio_net_hdr_v1 plain = { 0 };
	guest_clear(&guest);
	begin(FEATURES_ALL);
	came = 0;
	guest_send(&guest, &plain, frame, make_udp(frame, 100), 4096);
	run(5);
	guest_say_state(&guest, 11, TX, 0);
	ok(answer(reply) == 20 && reply[3] == TX && reply[4] == 1, "a queue that is stopped tells where it was");
	guest_send(&guest, &plain, frame, make_udp(frame, 100), 4096);
	run(5);
	is_int(came, 1, "and takes nothing more");
	guest_say_queue(&guest, TX);
	run(5);
	is_int(came, 2, "until it goes on, from there");
	/* We restart: the port goes, another one comes, the guest's memory and rings are as they were. */
	port_free(port);
	assert(port_vhost_new(epoll_fd, path, FRAME_MAX, true, &port) == OK);
	close(guest.fd);
	struct sockaddr_un a;
	assert(unix_address(path, &a) == OK && unix_connect(&a, SOCK_STREAM, &guest.fd) == OK);
	guest_send(&guest, &plain, frame, make_udp(frame, 100), 4096);
	guest_begin(&guest, FEATURES_ALL);
	run(5);
	is_int(came, 3, "after our restart the same rings go on");
	is_int(guest.ring[TX].used->idx, 3, "with each chain given back once");
	guest_say_memory(&guest);
	guest_send(&guest, &plain, frame, make_udp(frame, 100), 4096);
	run(5);
	is_int(came, 4, "a new table of memory while they run is fine");
	int second;
	assert(unix_connect(&a, SOCK_STREAM, &second) == OK);
	ok(is_left(), "a newer connection replaces the older");
	close(second);
	run(5);
	port->kind->write(port, frame, 100, &offload_none);
	(void)port->kind->flush(port);
	ok(true, "and without one frames are dropped");
}

int main(void)
{
	assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/vnet.sock", folder);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert(port_vhost_new(epoll_fd, path, FRAME_MAX, true, &port) == OK);
	test_start();
	test_from_guest();
	test_to_guest();
	test_plain_driver();
	test_memory_lies();
	test_message_lies();
	test_ring_lies();
	test_small_buffers();
	test_small_ring();
	test_indirect();
	test_hold();
	test_restart();
	guest_clear(&guest);
	port_free(port);
	is_int(port_vhost_new(epoll_fd, "/dev/null", FRAME_MAX, true, &port), E_EXISTS, "a path that is not ours to replace");
	close(epoll_fd);
	ok(rmdir(folder) == 0, "nothing is left behind");
	return done_testing();
}
