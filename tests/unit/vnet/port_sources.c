/* SPDX-License-Identifier: Apache-2.0
 * port_sources.c - an endpoint's rules for IPv6 sources hold behind every kind of port, for super-frames too
 *
 * The test is the guest: what it sends goes the way of that port, and what the endpoint takes for forged is counted.
 */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "guest_rings.h"
#include "ipv6.h"
#include "port_unix.h"
#include "tap.h"
#include "vnet.h"
#include "vnet_status.h"

#define MAC 0x525400000001ull
#define OTHER_MAC 0x525400000002ull /* of a member */
#define SETTLE_MS 50

static char folder[] = "/tmp/vnet-sources-XXXXXX", ours[64], theirs[64];
static const struct vnet_network network = { .id = { { 7 } }, .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
static struct vnet *vnet;
static struct guest rings;
static int guest = -1;
enum { DGRAM, STREAM, VHOST, TAP, KINDS };
static const char *const names[] = { "dgram", "stream", "vhost-user", "tap" };

static void settle(void)
{
	struct pollfd p = { vnet_fd(vnet), POLLIN, 0 };
	int64_t end = clock_mono().us + SETTLE_MS * 1000;
	while (clock_mono().us < end) {
		poll(&p, 1, 5);
		vnet_run(vnet, clock_mono());
	}
}

static void tap_up(void)
{
	char name[IFNAMSIZ];
	int fd;
	assert(vnet_tap_open("cpu%d", (vnet_mac){ { 0x52, 0x54, 0, 0, 0, 1 } }, network.mtu, &fd, name) == OK);
	assert(vnet_attach_tap(vnet, fd) == OK);
	guest = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_flags = IFF_UP };
	memcpy(r.ifr_name, name, IFNAMSIZ);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	assert(guest >= 0 && ioctl(guest, SIOCSIFFLAGS, &r) == 0 && bind(guest, (struct sockaddr *)&at, sizeof at) == 0);
}

static void guest_up(int kind)
{
	struct sockaddr_un a;
	int listener;
	switch (kind) {
	case DGRAM:
		assert(vnet_attach_qemu_dgram(vnet, ours, theirs) == OK);
		assert(unix_bind(theirs, SOCK_DGRAM, &guest) == OK && unix_address(ours, &a) == OK);
		assert(connect(guest, (struct sockaddr *)&a, sizeof a) == 0);
		break;
	case STREAM:
		assert(unix_bind(theirs, SOCK_STREAM, &listener) == OK && listen(listener, 1) == 0);
		assert(vnet_attach_qemu_stream(vnet, theirs) == OK);
		for (int i = 0; i < 100 && guest < 0; i++) {
			settle();
			guest = accept(listener, NULL, NULL);
		}
		assert(guest >= 0);
		close(listener);
		break;
	case VHOST:
		assert(vnet_attach_qemu_vhost(vnet, ours) == OK);
		guest_make(&rings, F_SEAL_SHRINK | F_SEAL_GROW);
		assert(unix_address(ours, &a) == OK && unix_connect(&a, SOCK_STREAM, &rings.fd) == OK);
		guest_begin(&rings, FEATURES_ALL);
		break;
	default:
		tap_up();
	}
	settle();
}

static void guest_down(int kind)
{
	if (kind == VHOST)
		guest_clear(&rings);
	else
		close(guest);
	guest = -1;
	unlink(theirs);
}

/* gso_size: 0, or what a super-frame is to be cut into. */
static void send_frame(int kind, const uint8_t *frame, size_t len, uint16_t gso_size)
{
	uint8_t head[4] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len };
	struct virtio_net_hdr_v1 none = { .num_buffers = 0 }, super = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
									.gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
									.hdr_len = IPV6_HEAD_BYTES + 20,
									.gso_size = gso_size,
									.csum_start = IPV6_HEAD_BYTES,
									.csum_offset = 16 };
	if (kind == VHOST)
		guest_send(&rings, gso_size ? &super : &none, frame, len, 4096);
	else if (kind == STREAM)
		assert(send(guest, head, 4, MSG_MORE) == 4 && send(guest, frame, len, 0) == (ssize_t)len);
	else
		assert(send(guest, frame, len, 0) == (ssize_t)len);
	settle();
}

/* How many frames were taken for forged since: one from that source, a TCP packet to the other member. */
static uint64_t forged(int kind, struct ip6 from, size_t payload, uint16_t gso_size)
{
	static uint8_t frame[IPV6_HEAD_BYTES + 20 + 8000];
	struct ipv6 ip = { .from = from,
			   .to = { ula_prefix(network.id), ula_id_of_mac(OTHER_MAC) },
			   .protocol = PROTOCOL_TCP,
			   .payload_len = 20 + payload };
	struct vnet_status before, after;
	memset(frame, 0, sizeof frame);
	frame[IPV6_HEAD_BYTES + 12] = 5 << 4;
	frame[IPV6_HEAD_BYTES + 13] = 0x10;
	size_t len = ipv6_put(frame, OTHER_MAC, MAC, &ip, 16);
	vnet_status(vnet, &before);
	send_frame(kind, frame, len, gso_size);
	vnet_status(vnet, &after);
	return after.spoofed - before.spoofed;
}

static void test_kind(int kind)
{
	const char *name = names[kind];
	uint64_t prefix = ula_prefix(network.id), id = ula_id_of_mac(MAC), other = ula_id_of_mac(OTHER_MAC);
	guest_up(kind);
	is_int(forged(kind, (struct ip6){ prefix, id }, 100, 0), 0, "%s: the own address passes", name);
	is_int(forged(kind, (struct ip6){ IP6_LINK_LOCAL, id }, 100, 0), 0, "%s: the link-local one too", name);
	is_int(forged(kind, (struct ip6){ prefix, other }, 100, 0), 1, "%s: another member's does not", name);
	is_int(forged(kind, (struct ip6){ IP6_LINK_LOCAL, other }, 100, 0), 1, "%s: nor its link-local one", name);
	is_int(forged(kind, (struct ip6){ prefix, 0x53 }, 100, 0), 1, "%s: nor the service's", name);
	is_int(forged(kind, (struct ip6){ prefix ^ 1, id }, 100, 0), 1, "%s: nor another network's", name);
	is_int(forged(kind, (struct ip6){ 0x20010db800000000ull, id }, 100, 0), 1, "%s: nor one of the world", name);
	if (kind == VHOST) {
		is_int(forged(kind, (struct ip6){ prefix, id }, 8000, 1300), 0, "%s: a super-frame passes", name);
		is_int(forged(kind, (struct ip6){ prefix, other }, 8000, 1300), 1, "%s: a forged one does not", name);
	}
	guest_down(kind);
}

int main(void)
{
	char *key, *cert;
	assert(mkdtemp(folder));
	snprintf(ours, sizeof ours, "%s/ours", folder);
	snprintf(theirs, sizeof theirs, "%s/theirs", folder);
	assert(certificate_make("peer", &key, &cert) == OK);
	bool root = geteuid() == 0 && unshare(CLONE_NEWNET) == 0; /* nothing of the machine's own IPv6 gets into the TAP */
	struct vnet_peer self = { .id = { { 1 } }, .name = "vm1", .mac = { { 0x52, 0x54, 0, 0, 0, 1 } }, .ip = 0x0a4d0101 };
	struct vnet_peer other = { .id = { { 2 } }, .name = "vm2", .mac = { { 0x52, 0x54, 0, 0, 0, 2 } }, .ip = 0x0a4d0102 };
	for (int kind = 0; kind < KINDS; kind++) {
		struct vnet_config c = {
			.network = network, .self = self, .key_pem = key, .cert_pem = cert, .answer_dhcp = true
		};
		if (kind == TAP && !root)
			break;
		assert(vnet_new(&c, clock_mono(), &vnet) == OK);
		assert(vnet_set_peers(vnet, &other, 1, clock_mono()) == OK);
		test_kind(kind);
		vnet_free(vnet);
	}
	free(key);
	free(cert);
	unlink(ours);
	ok(rmdir(folder) == 0, "nothing is left behind");
	return done_testing();
}
