/* SPDX-License-Identifier: Apache-2.0
 * endpoint.c - two endpoints over loopback UDP, each with a socket like QEMU's; the test is both guests
 */
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>
#include "bytes.h"
#include "frame.h"
#include "tap.h"
#include "vnet.h"
#include "vnet_status.h"

#define SIDES 2
#define PATIENCE_US (20 * SECOND_US)

struct side {
	struct vnet *vnet;
	struct vnet_peer self;
	char *key, *cert;
	char ours[108], theirs[108];
	int guest; /* what QEMU would have */
};
static struct side sides[SIDES];
static char folder[] = "/tmp/vnet-endpoint-XXXXXX";
static struct vnet_network network = { .id = { { 7 } }, .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };

static void guest_open(struct side *s)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	assert(text_copy(name.sun_path, sizeof name.sun_path, s->theirs) == OK);
	unlink(s->theirs);
	s->guest = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert(s->guest >= 0 && bind(s->guest, (struct sockaddr *)&name, sizeof name) == 0);
}

static void side_up(int i)
{
	struct side *s = &sides[i];
	struct vnet_config c = {
		.network = network, .self = s->self, .key_pem = s->key, .cert_pem = s->cert, .answer_dhcp = true
	};
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	memcpy(&c.bind_address, &in, sizeof in);
	assert(vnet_new(&c, clock_mono(), &s->vnet) == OK);
	assert(vnet_attach_qemu_dgram(s->vnet, s->ours, s->theirs) == OK);
	s->self.pin = vnet_pin(s->vnet);
	s->self.candidate_count = vnet_candidates(s->vnet, s->self.candidates);
}

static void side_make(int i)
{
	struct side *s = &sides[i];
	assert(certificate_make("peer", &s->key, &s->cert) == OK);
	s->self = (struct vnet_peer){ .id = { { (uint8_t)(i + 1) } }, .ip = 0x0a4d0101u + (uint32_t)i };
	s->self.mac = (vnet_mac){ { 0x52, 0x54, 0, 0, 0, (uint8_t)(i + 1) } };
	snprintf(s->self.name, sizeof s->self.name, "vm%d", i);
	snprintf(s->ours, sizeof s->ours, "%s/vnet%d.sock", folder, i);
	snprintf(s->theirs, sizeof s->theirs, "%s/qemu%d.sock", folder, i);
	guest_open(s);
	side_up(i);
}

static void introduce(void)
{
	struct vnet_peer all[SIDES];
	for (int i = 0; i < SIDES; i++)
		all[i] = sides[i].self;
	for (int i = 0; i < SIDES; i++)
		assert(vnet_set_peers(sides[i].vnet, all, SIDES, clock_mono()) == OK);
}

/* One round of both, waiting at most 20 ms. */
static void turn(void)
{
	struct pollfd polls[SIDES];
	mono_time now = clock_mono();
	int64_t wait = 20000;
	for (int i = 0; i < SIDES; i++) {
		polls[i] = (struct pollfd){ vnet_fd(sides[i].vnet), POLLIN, 0 };
		int64_t left = vnet_next_us(sides[i].vnet).us - now.us;
		wait = left < wait ? left : wait;
	}
	poll(polls, SIDES, wait > 0 ? (int)(wait / 1000) + 1 : 0);
	now = clock_mono();
	for (int i = 0; i < SIDES; i++)
		vnet_run(sides[i].vnet, now);
}

static bool until(bool (*condition)(void))
{
	int64_t end = clock_mono().us + PATIENCE_US;
	while (!condition() && clock_mono().us < end)
		turn();
	return condition();
}

static bool all_connected(void)
{
	for (int i = 0; i < SIDES; i++) {
		struct vnet_status st;
		vnet_status(sides[i].vnet, &st);
		if (st.connected != SIDES - 1)
			return false;
	}
	return true;
}

static void guest_send(int side, const uint8_t *frame, size_t len)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	assert(text_copy(name.sun_path, sizeof name.sun_path, sides[side].ours) == OK);
	ssize_t n = sendto(sides[side].guest, frame, len, 0, (struct sockaddr *)&name, sizeof name);
	if (n != (ssize_t)len)
		printf("# guest %d could not send\n", side);
}

/* What the endpoint says by itself: router advertisements. */
static bool is_of_endpoint(const uint8_t *frame, size_t len)
{
	static const uint8_t all_nodes[] = { 0x33, 0x33, 0, 0, 0, 1 };
	return len > sizeof all_nodes && !memcmp(frame, all_nodes, sizeof all_nodes);
}

/* The next frame of the other guest's for that one within a second; 0: none. */
static size_t guest_receive(int side, uint8_t *frame, size_t size)
{
	int64_t end = clock_mono().us + SECOND_US;
	while (clock_mono().us < end) {
		ssize_t n = recv(sides[side].guest, frame, size, 0);
		if (n > 0 && !is_of_endpoint(frame, (size_t)n))
			return (size_t)n;
		turn();
	}
	return 0;
}

static size_t make_udp(uint8_t *frame, int from, int to, size_t payload)
{
	memset(frame, 0, UDP_HEAD_BYTES + payload);
	for (size_t i = 0; i < payload; i++)
		frame[UDP_HEAD_BYTES + i] = (uint8_t)(i * 3 + payload);
	struct udp u = { .from = 1000, .to = 2000, .payload_len = payload };
	return udp_put(frame, mac_number(sides[to].self.mac), mac_number(sides[from].self.mac), sides[from].self.ip,
		       sides[to].self.ip, &u);
}

static bool passes(int from, int to, size_t payload)
{
	uint8_t frame[2048], got[2048];
	size_t len = make_udp(frame, from, to, payload);
	guest_send(from, frame, len);
	size_t n = guest_receive(to, got, sizeof got);
	return n == len && !memcmp(frame, got, len);
}

static void test_frames(void)
{
	struct vnet_status st;
	struct vnet_peer_status peers[SIDES];
	struct pollfd p = { vnet_fd(sides[0].vnet), POLLIN, 0 };
	is_int(poll(&p, 1, 0), 1, "after an introduction there is work");
	ok(until(all_connected), "two endpoints find each other over loopback");
	while (poll(&p, 1, 0) > 0)
		turn();
	is_int(poll(&p, 1, 0), 0, "and then there is none");
	mono_time now = clock_mono();
	ok(vnet_next_us(sides[0].vnet).us < now.us + MINUTE_US + SECOND_US, "the next work is not far off");
	ok(passes(0, 1, 30) && passes(1, 0, 30), "small frames pass both ways");
	ok(passes(0, 1, 1372) && passes(1, 0, 1372), "full frames too");
	vnet_status(sides[0].vnet, &st);
	is_int(st.tx_frames, 2, "frames are counted");
	is_int(st.tx_bytes, 30 + 1372 + 2 * UDP_HEAD_BYTES, "and bytes");
	is_int(st.rx_frames, 2, "in both directions");
	is_int(vnet_peer_statuses(sides[0].vnet, peers, SIDES), 1, "one peer");
	is_text(peers[0].name, "vm1", "its name");
	is_int(peers[0].path, VNET_PATH_DIRECT, "a direct path");
	ok(peers[0].rtt_us >= 0 && peers[0].last_seen_us > 0, "round-trip time and last sign of life");
	is_text(peers[0].address, sides[1].self.candidates[0].address, "its address");
}

static void test_enforcement(void)
{
	uint8_t frame[2048], got[2048];
	struct vnet_status before, after;
	vnet_status(sides[0].vnet, &before);
	size_t len = make_udp(frame, 0, 1, 100);
	frame[11] ^= 0x77; /* another source MAC */
	guest_send(0, frame, len);
	is_int(guest_receive(1, got, sizeof got), 0, "a foreign source MAC does not pass");
	len = make_udp(frame, 0, 1, 100);
	frame[ETHERNET_BYTES + 15] ^= 0x77; /* another source address */
	guest_send(0, frame, len);
	is_int(guest_receive(1, got, sizeof got), 0, "nor a foreign IP address");
	vnet_status(sides[0].vnet, &after);
	is_int(after.spoofed, before.spoofed + 2, "both are counted");
	memset(frame, 0, 10);
	guest_send(0, frame, 10);
	memset(frame, 0xff, sizeof frame);
	guest_send(0, frame, 2000);
	ok(passes(0, 1, 64), "runts and giants do no harm");
}

static void test_qemu_restart(void)
{
	close(sides[1].guest);
	turn();
	uint8_t frame[2048];
	size_t len = make_udp(frame, 0, 1, 100);
	guest_send(0, frame, len);
	for (int i = 0; i < 5; i++)
		turn();
	guest_open(&sides[1]);
	ok(passes(0, 1, 100) && passes(1, 0, 100), "QEMU may restart");
	ok(passes(1, 0, 100), "in both directions");
}

static void test_burst(void)
{
	uint8_t frame[2048], got[2048];
	int arrived = 0;
	for (int i = 0; i < 200; i++) {
		size_t len = make_udp(frame, 0, 1, 1000);
		guest_send(0, frame, len);
		if (i % 8 == 7)
			turn();
	}
	while (arrived < 200 && guest_receive(1, got, sizeof got) > 0)
		arrived++;
	is_int(arrived, 200, "a burst larger than QEMU's socket holds arrives whole");
}

static void test_restart(void)
{
	vnet_free(sides[1].vnet);
	side_up(1); /* another UDP port */
	introduce();
	ok(until(all_connected), "an endpoint may restart");
	ok(passes(0, 1, 100) && passes(1, 0, 100), "and frames pass again");
}

static void test_refusals(void)
{
	struct vnet_peer twice[2] = { sides[1].self, sides[1].self }, odd = sides[1].self;
	struct vnet_config c = { .network = network, .self = sides[0].self, .key_pem = sides[0].key, .cert_pem = sides[0].cert };
	struct vnet *v = NULL;
	is_int(vnet_set_peers(sides[0].vnet, twice, 2, clock_mono()), E_INVALID, "one peer twice");
	twice[1].id.bytes[0] = 9;
	is_int(vnet_set_peers(sides[0].vnet, twice, 2, clock_mono()), E_INVALID, "one MAC and address twice");
	twice[1].mac.bytes[5] ^= 0x80;
	twice[1].ip = network.subnet + 0x0909;
	snprintf(twice[1].name, sizeof twice[1].name, "twin");
	is_int(vnet_set_peers(sides[0].vnet, twice, 2, clock_mono()), E_INVALID, "one key twice");
	odd.pin = vnet_pin(sides[0].vnet);
	is_int(vnet_set_peers(sides[0].vnet, &odd, 1, clock_mono()), E_INVALID, "our own key");
	odd = sides[1].self;
	odd.ip = sides[0].self.ip;
	is_int(vnet_set_peers(sides[0].vnet, &odd, 1, clock_mono()), E_INVALID, "our own address");
	odd = sides[1].self;
	odd.ip = 0x0a4dfffe;
	is_int(vnet_set_peers(sides[0].vnet, &odd, 1, clock_mono()), E_INVALID, "the service address");
	odd = sides[1].self;
	odd.ip = 0x0a000001;
	is_int(vnet_set_peers(sides[0].vnet, &odd, 1, clock_mono()), E_INVALID, "an address outside the network");
	odd = sides[1].self;
	odd.mac.bytes[0] |= 1;
	is_int(vnet_set_peers(sides[0].vnet, &odd, 1, clock_mono()), E_INVALID, "a multicast MAC");
	odd = sides[1].self;
	snprintf(odd.name, sizeof odd.name, "Not A Name");
	is_int(vnet_set_peers(sides[0].vnet, &odd, 1, clock_mono()), E_INVALID, "a name that is no label");
	is_int(vnet_set_peers(sides[0].vnet, &odd, VNET_MAX_PEERS + 2, clock_mono()), E_LIMIT, "too many");
	ok(passes(0, 1, 100), "a refused list changes nothing");
	c.network.mtu = 500;
	is_int(vnet_new(&c, clock_mono(), &v), E_INVALID, "an MTU that is too small");
	c.network = network;
	c.network.prefix_len = 31;
	is_int(vnet_new(&c, clock_mono(), &v), E_INVALID, "a network without room");
	c.network = network;
	c.key_pem = "nonsense";
	is_int(vnet_new(&c, clock_mono(), &v), E_INVALID, "a key that is none");
	is_int(vnet_attach_qemu_dgram(sides[0].vnet, "/dev/null", "x"), E_EXISTS, "a path that is not ours to replace");
	assert(vnet_attach_qemu_dgram(sides[0].vnet, sides[0].ours, sides[0].theirs) == OK);
	ok(passes(1, 0, 100), "a port attached anew");
}

static void test_removal(void)
{
	struct vnet_status st;
	uint8_t frame[2048], got[2048];
	assert(vnet_set_peers(sides[0].vnet, NULL, 0, clock_mono()) == OK);
	vnet_status(sides[0].vnet, &st);
	is_int(st.peer_count, 0, "a peer is removed");
	uint64_t strangers = st.strangers;
	guest_send(1, frame, make_udp(frame, 1, 0, 100));
	is_int(guest_receive(0, got, sizeof got), 0, "its frames arrive no more");
	vnet_status(sides[0].vnet, &st);
	ok(st.strangers > strangers, "they are a stranger's");
}

#define PAYLOAD_BYTES 958
#define FRAME_BYTES (PAYLOAD_BYTES + UDP_HEAD_BYTES)
#define LINE_BYTES (FRAME_BYTES + VNET_FRAME_LINE_BYTES)

/* Ten seconds of simulated time, in which guest 0 sends to guest 1 as much as its socket takes, up to so many frames a millisecond.
 * Returns how many arrive. */
static int64_t arrive_in_ten_seconds(int frames_ms)
{
	static mono_time now;
	uint8_t frame[2048], got[2048];
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t len = make_udp(frame, 0, 1, PAYLOAD_BYTES);
	int64_t arrived = 0;
	assert(text_copy(name.sun_path, sizeof name.sun_path, sides[0].ours) == OK);
	now = now.us ? now : clock_mono();
	for (int64_t end_us = now.us + 10 * SECOND_US; now.us < end_us; now.us += 1000) {
		for (int i = 0; i < frames_ms; i++)
			if (sendto(sides[0].guest, frame, len, 0, (struct sockaddr *)&name, sizeof name) != (ssize_t)len)
				break;
		for (int i = 0; i < SIDES; i++)
			vnet_run(sides[i].vnet, now);
		for (ssize_t n; (n = recv(sides[1].guest, got, sizeof got, 0)) > 0;)
			arrived += n == (ssize_t)len;
	}
	return arrived;
}

static void test_rates(void)
{
	static const struct vnet_rates bad[] = { { -1, 0 }, { 0, -1 }, { VNET_RATE_MAX_BYTES_S + 1, 0 } };
	const struct vnet_rates none = { 0 }, up = { .up_bytes_s = 200000 }, down = { .down_bytes_s = 200000 };
	const int64_t rate_bytes = 10 * 200000, burst_bytes = 128 * 1024;
	struct vnet_status from, to, before;
	introduce();
	assert(until(all_connected));
	is_int(vnet_set_rates(sides[0].vnet, &up), OK, "a rate for what goes up");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(vnet_set_rates(sides[0].vnet, &bad[i]), E_INVALID, "not one that cannot be");
	vnet_status(sides[0].vnet, &before);
	ok(before.rates.up_bytes_s == 200000 && before.rates.down_bytes_s == 0, "which changes nothing");
	int64_t frames = arrive_in_ten_seconds(100);
	ok(frames * LINE_BYTES <= rate_bytes + burst_bytes + 32 * LINE_BYTES, "the rate is kept: %lld frames", (long long)frames);
	ok(frames * LINE_BYTES >= rate_bytes, "and used");
	vnet_status(sides[0].vnet, &from);
	is_int((int64_t)(from.tx_frames - before.tx_frames), frames, "none of them was lost: the guest had to wait");
	struct pollfd p = { vnet_fd(sides[0].vnet), POLLIN, 0 };
	is_int(poll(&p, 1, 0), 0, "meanwhile the port is not looked at");

	assert(vnet_set_rates(sides[0].vnet, &none) == OK && vnet_set_rates(sides[1].vnet, &down) == OK);
	vnet_status(sides[0].vnet, &from);
	uint64_t tx_frames = from.tx_frames;
	vnet_status(sides[1].vnet, &before);
	frames = arrive_in_ten_seconds(4);
	vnet_status(sides[1].vnet, &to);
	ok(frames * LINE_BYTES <= rate_bytes + burst_bytes + LINE_BYTES, "a rate for what comes down: %lld frames",
	   (long long)frames);
	ok(frames * LINE_BYTES >= rate_bytes, "is used, too");
	is_int((int64_t)(to.rx_frames - before.rx_frames), frames, "only what arrives is counted, and so paid for");
	ok(to.over - before.over > 500, "what is too much is dropped, and counted as such");
	vnet_status(sides[0].vnet, &from);
	int64_t sent = (int64_t)(from.tx_frames - tx_frames);
	ok(sent * LINE_BYTES <= 3 * rate_bytes, "and the sender keeps to it before long: %lld frames went", (long long)sent);
	is_int((int64_t)to.connected, 1, "and the peer stays");

	assert(vnet_set_rates(sides[1].vnet, &none) == OK);
	ok(arrive_in_ten_seconds(4) >= 39000, "without rates everything passes");
}

int main(void)
{
	assert(mkdtemp(folder));
	for (int i = 0; i < SIDES; i++)
		side_make(i);
	introduce();
	test_frames();
	test_enforcement();
	test_qemu_restart();
	test_burst();
	test_restart();
	test_refusals();
	test_removal();
	test_rates();
	for (int i = 0; i < SIDES; i++) {
		vnet_free(sides[i].vnet);
		close(sides[i].guest);
		unlink(sides[i].theirs);
		free(sides[i].key);
		free(sides[i].cert);
	}
	ok(rmdir(folder) == 0, "nothing is left behind");
	return done_testing();
}
