/* SPDX-License-Identifier: Apache-2.0
 * endpoint.c - one of two endpoints of an ethernet, each on a TAP of its own network namespace, for measuring
 *
 * endpoint FOLDER NUMBER PEER_ADDRESS TAP PORT SUBNET [RELAY KEY_FILE]: number 0 or 1; the network is 10.SUBNET.0.0/16. Each leaves its
 * pin in the folder and waits for the other's. With a relay there is no other path; the key is the one of the tickets, as "endpoint key
 * KEY_FILE" makes it, which prints its public half.
 */
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "ticket.h"
#include "vnet.h"

static struct vnet_network network = { .id = { { 7 } }, .prefix_len = 16, .mtu = 1400 };

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "endpoint: %s\n", what);
	exit(1);
}

static struct vnet_peer member(int i)
{
	struct vnet_peer p = { .id = { { (uint8_t)(i + 1) } }, .ip = network.subnet + 0x0101u + (uint32_t)i };
	p.mac = (vnet_mac){ { 0x52, 0x54, 0, 0, 0, (uint8_t)(i + 1) } };
	snprintf(p.name, sizeof p.name, "vm%d", i + 1);
	return p;
}

static void leave_pin(const char *folder, int i, sha256 pin)
{
	char path[256], final[256];
	snprintf(path, sizeof path, "%s/%d.new", folder, i);
	snprintf(final, sizeof final, "%s/%d.pin", folder, i);
	FILE *f = fopen(path, "we");
	if (!f || fwrite(pin.bytes, sizeof pin.bytes, 1, f) != 1 || fclose(f) != 0 || rename(path, final) != 0)
		fail(path);
}

static sha256 take_pin(const char *folder, int i)
{
	char path[256];
	sha256 pin;
	snprintf(path, sizeof path, "%s/%d.pin", folder, i);
	for (;; usleep(10000)) {
		FILE *f = fopen(path, "re");
		if (!f)
			continue;
		if (fread(pin.bytes, sizeof pin.bytes, 1, f) != 1)
			fail(path);
		fclose(f);
		return pin;
	}
}

static int make_ticket_key(const char *path)
{
	struct ed25519_key *key;
	char text[65];
	if (ed25519_new(&key) != OK || ed25519_save(key, path) != OK)
		fail(path);
	ed25519_public public = ed25519_public_of(key);
	puts(hex_encode(public.bytes, sizeof public.bytes, text));
	ed25519_free(key);
	return 0;
}

static void use_relay(struct vnet *v, uuid self, const char *address, const char *key_path)
{
	struct vnet_relay relay = { 0 };
	struct ed25519_key *key;
	struct ticket t = { .network = network.id, .peer = self, .pin = vnet_pin(v), .quota_bytes = INT64_MAX };
	t.expires.us = clock_wall().us + 3600 * SECOND_US;
	if (text_copy(relay.address, sizeof relay.address, address) != OK || ed25519_load(key_path, &key) != OK)
		fail(key_path);
	ticket_sign(&t, key, relay.ticket);
	ed25519_free(key);
	if (vnet_set_relays(v, &relay, 1, clock_mono()) != OK)
		fail("the relay was refused");
}

int main(int argc, char **argv)
{
	struct vnet *v;
	char *key, *cert, tap[IFNAMSIZ];
	int tap_fd;
	int64_t port, subnet;
	if (argc == 3 && !strcmp(argv[1], "key"))
		return make_ticket_key(argv[2]);
	if ((argc != 7 && argc != 9) || (strcmp(argv[2], "0") != 0 && strcmp(argv[2], "1") != 0) ||
	    int_parse(argv[5], &port) != OK || port < 1 || port > 65535 || int_parse(argv[6], &subnet) != OK || subnet < 0 ||
	    subnet > 255)
		fail("usage: endpoint FOLDER NUMBER PEER_ADDRESS TAP PORT SUBNET [RELAY KEY_FILE]");
	int me = argv[2][0] - '0';
	network.subnet = 10u << 24 | (uint32_t)subnet << 16;
	struct vnet_peer other = member(!me);
	if (certificate_make("peer", &key, &cert) != OK)
		fail("no key");
	struct vnet_config c = {
		.network = network, .self = member(me), .key_pem = key, .cert_pem = cert, .bind_port = (uint16_t)port
	};
	if (vnet_new(&c, clock_mono(), &v) != OK || vnet_tap_open(argv[4], c.self.mac, network.mtu, &tap_fd, tap) != OK ||
	    vnet_attach_tap(v, tap_fd) != OK)
		fail("no endpoint");
	leave_pin(argv[1], me, vnet_pin(v));
	other.pin = take_pin(argv[1], !me);
	other.candidate_count = argc == 7;
	snprintf(other.candidates[0].address, sizeof other.candidates[0].address, "%s:%d", argv[3], (int)port);
	if (vnet_set_peers(v, &other, 1, clock_mono()) != OK)
		fail("the peer was refused");
	if (argc == 9)
		use_relay(v, c.self.id, argv[7], argv[8]);
	for (;;) {
		struct pollfd p = { vnet_fd(v), POLLIN, 0 };
		int64_t wait = vnet_next_us(v).us - clock_mono().us;
		poll(&p, 1, wait > SECOND_US ? 1000 : wait > 0 ? (int)(wait / 1000) + 1 : 0);
		vnet_run(v, clock_mono());
	}
}
