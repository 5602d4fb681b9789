/* SPDX-License-Identifier: Apache-2.0
 * guest_dhcp.c - what our images' guests read of a DHCP server's answers: our own server's, whole; and none that is not for them
 */
#include <string.h>
#include "bytes.h"
#include "dhcp.h"
#include "dhcp_answer.h"
#include "tap.h"

enum { HEAD = 28, BOOTP = 236, OPTIONS = HEAD + BOOTP + 4 };
#define XID 0xdeadbeefu

static const struct vnet_network network = { .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
static const struct dhcp server = { .network = &network,
				    .mac = { { 0x52, 0x54, 0, 1, 2, 3 } },
				    .ip = 0x0a4d0105,
				    .server = 0x0a4dfffe,
				    .gateway = 0x0a4d0101,
				    .name = "vm5",
				    .boot_file = "" };

struct packet {
	uint8_t bytes[HEAD + DHCP_REPLY_BYTES];
	size_t len;
};

/* The server's answer to a first question, in IPv4 and UDP. */
static struct packet offer(void)
{
	static const uint8_t zeros[202], kind[] = { 53, 1, DHCP_DISCOVER, 255 };
	struct packet p = { .len = 0 };
	struct dhcp_reply reply = { .len = 0 };
	uint8_t question[300];
	struct writer w = writer_of(question, sizeof question);
	write_u32(&w, 0x01010600);
	write_u32(&w, XID);
	write_bytes(&w, zeros, 20);
	write_bytes(&w, server.mac.bytes, 6);
	write_bytes(&w, zeros, 202);
	write_u32(&w, DHCP_MAGIC);
	write_bytes(&w, kind, sizeof kind);
	ok(dhcp_answer(&server, question, writer_len(&w), &reply) == OK, "our server answers");
	w = writer_of(p.bytes, sizeof p.bytes);
	write_u16(&w, 0x4500);
	write_u16(&w, (uint16_t)(HEAD + reply.len));
	write_u32(&w, 0);
	write_u32(&w, 0x40110000);
	write_u32(&w, server.server);
	write_u32(&w, UINT32_MAX);
	write_u16(&w, 67);
	write_u16(&w, 68);
	write_u16(&w, (uint16_t)(8 + reply.len));
	write_u16(&w, 0);
	write_bytes(&w, reply.data, reply.len);
	p.len = writer_len(&w);
	return p;
}

static bool reads(const struct packet *p, struct dhcp_answer *a)
{
	memset(a, 0x5a, sizeof *a);
	return dhcp_answer_read(p->bytes, p->len, XID, server.mac.bytes, a);
}

/* Another byte somewhere. */
static bool reads_with(struct packet p, size_t at, uint8_t byte)
{
	struct dhcp_answer a;
	p.bytes[at] = byte;
	return reads(&p, &a);
}

/* These options in the place of all. */
static bool reads_options(struct packet p, const uint8_t *options, size_t len, struct dhcp_answer *a)
{
	memset(p.bytes + OPTIONS, 0, p.len - OPTIONS);
	memcpy(p.bytes + OPTIONS, options, len);
	return reads(&p, a);
}
#define SERVER 54, 4, 10, 77, 255, 254
#define MASK 1, 4, 255, 255, 0, 0
#define READS(a, ...) reads_options(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof(const uint8_t[]){ __VA_ARGS__ }, a)

static void test_whole(struct packet p)
{
	struct dhcp_answer a;
	ok(reads(&p, &a) && a.kind == DHCP_OFFER && a.ip == server.ip && a.server == server.server, "it offers the address");
	ok(a.mask == 0xffff0000 && a.broadcast == 0x0a4dffff && a.router == server.gateway, "with mask, broadcast and router");
	ok(a.dns_count == 1 && a.dns[0] == server.server && a.mtu == 1400, "with a resolver and the MTU");
	ok(!strcmp(a.name, "vm5") && !strcmp(a.domain, "lan") && !a.beyond, "with names, and nothing that is not understood");
}

static void test_refused(struct packet p)
{
	struct dhcp_answer a;
	bool any = false;
	ok(!reads_with(p, 0, 0x65) && !reads_with(p, 0, 0x44) && !reads_with(p, 0, 0x4f), "no other IP, no strange header");
	ok(!reads_with(p, 9, 6) && !reads_with(p, 6, 0x20) && !reads_with(p, 7, 1), "no TCP, no piece");
	ok(!reads_with(p, 21, 66) && !reads_with(p, 23, 69), "no other ports");
	ok(!reads_with(p, 2, 9) && !reads_with(p, 24, 9) && !reads_with(p, 25, 7), "no lengths beyond it");
	ok(!reads_with(p, HEAD, 1) && !reads_with(p, HEAD + 2, 16), "no question, no other hardware");
	ok(!reads_with(p, HEAD + 7, 0) && !reads_with(p, HEAD + 33, 9), "no other client's");
	ok(!reads_with(p, HEAD + BOOTP, 0), "no BOOTP without options");
	ok(!reads_with(p, HEAD + 16, 0) && !reads_with(p, HEAD + 16, 127) && !reads_with(p, HEAD + 16, 224), "no such address");
	for (size_t len = 0; len < p.len; len++) {
		struct packet cut = p;
		cut.len = len;
		any |= reads(&cut, &a);
	}
	ok(!any, "none that was cut");
}

static void test_options(struct packet p)
{
	struct dhcp_answer a;
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 255) && a.kind == DHCP_ACK && !a.router && !a.mtu && !*a.name, "few will do");
	ok(READS(&a, 53, 1, DHCP_NAK, SERVER, 255) && a.kind == DHCP_NAK, "a refusal needs no mask");
	ok(!READS(&a, 53, 1, DHCP_ACK, SERVER, 255), "an address does");
	ok(!READS(&a, 53, 1, DHCP_ACK, MASK, 255), "and a server");
	ok(!READS(&a, SERVER, MASK, 255) && !READS(&a, 53, 1, DHCP_REQUEST, SERVER, MASK, 255), "no kind, no such kind");
	ok(!READS(&a, 53, 1, DHCP_ACK, SERVER, 1, 4, 255, 0, 255, 0, 255), "no mask with holes");
	ok(!READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 12, 255), "an option that ends behind the packet");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 12, 4, 'a', ';', 'i', 'd', 15, 2, '-', 'x', 255) && !*a.name && !*a.domain,
	   "no name that a shell would read");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 26, 2, 0, 68, 255) && !a.mtu, "no MTU that breaks IPv4");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 6, 16, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 255) &&
		   a.dns_count == DHCP_DNS_MAX,
	   "so many resolvers");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 121, 5, 0, 1, 1, 1, 1, 255) && a.beyond, "routes are for a whole client");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 12, 1, 'a', 12, 1, 'b', 255) && a.beyond, "so are options in pieces");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 3, 8, 10, 77, 1, 1, 10, 77, 1, 2, 255) && a.router == 0x0a4d0101 && !a.beyond,
	   "of routers the first one");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 3, 4, 10, 78, 1, 1, 255) && a.beyond, "one elsewhere is for a whole client");
	ok(READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 3, 4, 10, 77, 1, 5, 255) && a.beyond &&
		   READS(&a, 53, 1, DHCP_ACK, SERVER, MASK, 3, 4, 10, 77, 255, 255, 255) && a.beyond,
	   "so is one that is ourselves, or all");
}

int main(void)
{
	struct packet p = offer();
	test_whole(p);
	test_refused(p);
	test_options(p);
	return done_testing();
}
