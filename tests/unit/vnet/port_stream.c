/* SPDX-License-Identifier: Apache-2.0
 * port_stream.c - the port on QEMU's stream: frames both ways, in pieces, a peer that lies about lengths, one that goes and comes
 */
#include <assert.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "frame.h"
#include "port.h"
#include "port_stream.h"
#include "port_unix.h"
#include "tap.h"

#define FRAME_MAX (1400 + 22)

static char folder[] = "/tmp/vnet-stream-XXXXXX", path[64];
static int epoll_fd, listen_fd, guest = -1;
static struct port *port;
static size_t came, came_bytes, refuse_after;
static uint8_t last[FRAME_MAX];

static bool take(void *context, uint8_t *frame, size_t len, const struct offload *o)
{
	(void)context;
	assert(!o->gso && !o->partial_csum && len <= sizeof last);
	memset(frame - PORT_HEADROOM, 0xee, PORT_HEADROOM); /* may be changed */
	memcpy(last, frame, len);
	came++;
	came_bytes += len;
	return refuse_after == 0 || --refuse_after > 0;
}

/* As vnet_run() does, until nothing happens for so long. */
static void run(int quiet_ms)
{
	struct epoll_event event;
	while (epoll_wait(epoll_fd, &event, 1, quiet_ms) > 0) {
		(void)port->kind->read(port, take, NULL);
		(void)port->kind->flush(port);
	}
}

static bool guest_comes(void)
{
	for (int i = 0; i < 200 && guest < 0; i++) {
		run(20);
		guest = accept(listen_fd, NULL, NULL);
	}
	return guest >= 0;
}

static void guest_listens(void)
{
	assert(unix_bind(path, SOCK_STREAM, &listen_fd) == OK && listen(listen_fd, 1) == 0);
}

static size_t put(uint8_t *to, size_t len, uint8_t fill)
{
	to[0] = (uint8_t)(len >> 24);
	to[1] = (uint8_t)(len >> 16);
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)len;
	memset(to + 4, fill, len);
	return 4 + len;
}

static void say(const uint8_t *bytes, size_t len)
{
	assert(send(guest, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
	run(5);
}

static bool guest_is_left(void)
{
	uint8_t byte;
	run(5);
	ssize_t n = recv(guest, &byte, 1, MSG_DONTWAIT);
	close(guest);
	guest = -1;
	return n == 0;
}

static void test_from_guest(void)
{
	static uint8_t bytes[80000];
	size_t len = 0;
	for (int i = 0; i < 50; i++)
		len += put(bytes + len, 60 + (size_t)i * 25, (uint8_t)i);
	say(bytes, len);
	is_int(came, 50, "many frames of one read");
	is_int(came_bytes, len - 50 * 4, "all of their bytes");
	ok(last[0] == 49 && last[60] == 49, "the last as it was");
	came = 0;
	for (size_t i = 0; i < 200; i++)
		say(bytes + i, 1);
	say(bytes + 200, len - 200);
	is_int(came, 50, "in pieces of one byte too");
	came = 0;
	len = put(bytes, FRAME_MAX, 7);
	len += put(bytes + len, FRAME_MAX + 1, 8);
	len += put(bytes + len, 60000, 9);
	len += put(bytes + len, 60, 10);
	uint64_t dropped = port->dropped;
	say(bytes, 5000);
	say(bytes + 5000, len - 5000);
	is_int(came, 2, "a frame too large for the network is skipped");
	ok(last[0] == 10 && port->dropped == dropped + 2, "and counted");
	came = 0;
	len = 0;
	for (int i = 0; i < 50; i++)
		len += put(bytes + len, 100, (uint8_t)i);
	refuse_after = 10;
	assert(send(guest, bytes, len, 0) == (ssize_t)len);
	(void)port->kind->read(port, take, NULL);
	is_int(came, 10, "it stops where UDP is full");
	run(5);
	is_int(came, 50, "what was read is handed over later, though nothing more comes");
}

static void test_lies(void)
{
	static const uint8_t lies[][4] = { { 0, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0xff }, { 0, 1, 16, 1 }, { 0x80, 0, 0, 1 } };
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		say(lies[i], 4);
		ok(guest_is_left(), "who says %02x%02x%02x%02x bytes is left", lies[i][0], lies[i][1], lies[i][2], lies[i][3]);
		ok(guest_comes(), "and found again");
	}
	static uint8_t largest[4 + STREAM_MAX_BYTES + 64];
	came = 0;
	size_t len = put(largest, STREAM_MAX_BYTES, 1);
	len += put(largest + len, 60, 2);
	say(largest, len);
	is_int(came, 1, "QEMU's largest is skipped");
}

/* Reads what the guest got until so many bytes are there. */
static size_t guest_reads(uint8_t *bytes, size_t want)
{
	size_t got = 0;
	for (int i = 0; i < 500 && got < want; i++) {
		ssize_t n = recv(guest, bytes + got, want - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else
			run(5);
	}
	return got;
}

static void test_to_guest(void)
{
	static uint8_t got[8 << 20], frame[FRAME_MAX];
	struct udp u = { .from = 1, .to = 2, .payload_len = 500 };
	struct offload partial = { .partial_csum = true };
	size_t len = udp_put(frame, 0x525400000001, 0x525400000002, 0x0a4d0001, 0x0a4d0002, &u), ring = 0;
	port->kind->write(port, frame, len, &offload_none);
	frame[UDP_HEAD_BYTES - 2] = frame[UDP_HEAD_BYTES - 1] = 0;
	port->kind->write(port, frame, len, &partial);
	(void)port->kind->flush(port);
	is_int(guest_reads(got, 2 * (len + 4)), 2 * (len + 4), "two frames for the guest");
	ok(got[2] == len >> 8 && got[3] == (len & 0xff) && !memcmp(got + 4, frame, 40), "length and frame");
	ok(got[len + 8 + UDP_HEAD_BYTES - 2] | got[len + 8 + UDP_HEAD_BYTES - 1], "a partial checksum is made whole");
	uint64_t dropped = port->dropped;
	for (; port->dropped == dropped && ring < 4000; ring++) {
		memset(frame, (int)ring, sizeof frame);
		port->kind->write(port, frame, sizeof frame, &offload_none);
	}
	ok(ring > 1000 && ring < 4000, "a guest that does not read has a bounded queue");
	is_int(guest_reads(got, (ring - 1) * (4 + FRAME_MAX)), (ring - 1) * (4 + FRAME_MAX), "it gets all that was queued");
	bool whole = true;
	for (size_t i = 0; i < ring - 1; i++)
		whole &= got[i * (4 + FRAME_MAX) + 4] == (uint8_t)i && got[(i + 1) * (4 + FRAME_MAX) - 1] == (uint8_t)i;
	ok(whole, "in order, each whole");
	memset(frame, 1, sizeof frame);
	dropped = port->dropped;
	port->kind->write(port, frame, 60, &partial);
	is_int(port->dropped, dropped + 1, "a partial checksum of nothing is dropped");
}

static void test_restart(void)
{
	uint8_t bytes[100];
	close(guest);
	close(listen_fd);
	guest = -1;
	run(20);
	uint64_t dropped = port->dropped;
	port->kind->write(port, bytes, sizeof bytes, &offload_none);
	is_int(port->dropped, dropped + 1, "without a guest frames are dropped");
	guest_listens();
	ok(guest_comes(), "QEMU may restart");
	came = 0;
	memset(bytes, 0, sizeof bytes);
	say(bytes, put(bytes, 60, 3));
	is_int(came, 1, "and its frames come");
	(void)send(guest, "\0\0\1", 3, 0);
	close(guest);
	guest = -1;
	ok(guest_comes(), "also where it went in the middle of a frame");
	came = 0;
	say(bytes, put(bytes, 60, 4));
	ok(came == 1 && last[0] == 4, "whose rest is forgotten");
}

int main(void)
{
	assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/qemu.sock", folder);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert(port_stream_new(epoll_fd, path, FRAME_MAX, &port) == OK);
	run(20);
	guest_listens();
	ok(guest_comes(), "the port finds QEMU, which comes later");
	test_from_guest();
	test_lies();
	test_to_guest();
	test_restart();
	port_free(port);
	is_int(port_stream_new(epoll_fd, "", FRAME_MAX, &port), OK, "a path that nobody has only waits");
	port_free(port);
	char longer[200];
	memset(longer, 'a', sizeof longer);
	longer[199] = 0;
	is_int(port_stream_new(epoll_fd, longer, FRAME_MAX, &port), E_INVALID, "one that no socket can have is refused");
	close(guest);
	close(listen_fd);
	close(epoll_fd);
	unlink(path);
	ok(rmdir(folder) == 0, "nothing is left behind");
	return done_testing();
}
