/* SPDX-License-Identifier: Apache-2.0
 * dhcp.c - RFC 2131's client states, each with its answer, and messages that are none
 */
#include <assert.h>
#include "bytes.h"
#include "dhcp.h"
#include "tap.h"

#define OUR_IP 0x0a4d0105u
#define SERVER 0x0a4dfffeu
#define OTHER 0x0a4d0106u

static const struct vnet_network network = { .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
static const struct dhcp server = { .network = &network,
				    .mac = { { 0x52, 0x54, 0, 1, 2, 3 } },
				    .ip = OUR_IP,
				    .server = SERVER,
				    .gateway = 0x0a4d0101,
				    .name = "vm5",
				    .boot_file = "" };

/* What a client says: 0 leaves a field or option out. */
struct ask {
	uint8_t message;
	uint32_t client_ip, requested, server, relay;
	bool broadcast;
	const char *client_id;
};

static size_t put(const struct ask *a, uint8_t *to, size_t size)
{
	static const uint8_t zeros[202];
	struct writer w = writer_of(to, size);
	write_u8(&w, 1);
	write_u8(&w, 1);
	write_u8(&w, 6);
	write_u8(&w, 0);
	write_u32(&w, 0xdeadbeef);
	write_u16(&w, 3);
	write_u16(&w, a->broadcast ? 0x8000 : 0);
	write_u32(&w, a->client_ip);
	write_u32(&w, 0);
	write_u32(&w, 0);
	write_u32(&w, a->relay);
	write_bytes(&w, server.mac.bytes, 6);
	write_bytes(&w, zeros, 10 + 64 + 128);
	write_u32(&w, 0x63825363);
	write_u8(&w, 0); /* padding may stand anywhere */
	write_u8(&w, 53);
	write_u8(&w, 1);
	write_u8(&w, a->message);
	if (a->requested) {
		write_u8(&w, 50);
		write_u8(&w, 4);
		write_u32(&w, a->requested);
	}
	if (a->server) {
		write_u8(&w, 54);
		write_u8(&w, 4);
		write_u32(&w, a->server);
	}
	if (a->client_id) {
		write_u8(&w, 61);
		write_u8(&w, (uint8_t)strlen(a->client_id));
		write_bytes(&w, a->client_id, strlen(a->client_id));
	}
	write_u8(&w, 255);
	assert(!w.bad);
	return writer_len(&w);
}

/* An option of the reply; NULL where it is not there. */
static const uint8_t *option(const struct dhcp_reply *r, uint8_t code, size_t *ret_len)
{
	struct reader in = reader_of(r->data + 240, r->len - 240);
	while (reader_left(&in) > 0) {
		uint8_t c = read_u8(&in);
		if (c == 255)
			break;
		uint8_t n = c ? read_u8(&in) : 0;
		const uint8_t *data = read_bytes(&in, n);
		if (c == code) {
			*ret_len = n;
			return data;
		}
	}
	return NULL;
}

static uint32_t number(const struct dhcp_reply *r, uint8_t code)
{
	size_t len = 0;
	const uint8_t *data = option(r, code, &len);
	uint32_t v = 0;
	for (size_t i = 0; data && i < len && i < 4; i++)
		v = v << 8 | data[i];
	return v;
}

static void test_states(void)
{
	enum { NOTHING = 0, OFFER = 2, ACK = 5, NAK = 6 };
	static const struct {
		const char *what;
		struct ask ask;
		uint8_t want;
		uint32_t to, given;
	} cases[] = {
		{ "a discover", { .message = 1 }, OFFER, OUR_IP, OUR_IP },
		{ "a discover by broadcast", { .message = 1, .broadcast = true }, OFFER, UINT32_MAX, OUR_IP },
		{ "a discover that would like another address", { .message = 1, .requested = OTHER }, OFFER, OUR_IP, OUR_IP },
		{ "selecting us", { .message = 3, .requested = OUR_IP, .server = SERVER }, ACK, OUR_IP, OUR_IP },
		{ "selecting another server", { .message = 3, .requested = OUR_IP, .server = OTHER }, NOTHING, 0, 0 },
		{ "selecting us for another address",
		  { .message = 3, .requested = OTHER, .server = SERVER },
		  NAK,
		  UINT32_MAX,
		  0 },
		{ "selecting us for no address", { .message = 3, .server = SERVER }, NAK, UINT32_MAX, 0 },
		{ "rebooting with our address", { .message = 3, .requested = OUR_IP }, ACK, OUR_IP, OUR_IP },
		{ "rebooting with another", { .message = 3, .requested = OTHER }, NAK, UINT32_MAX, 0 },
		{ "renewing", { .message = 3, .client_ip = OUR_IP }, ACK, OUR_IP, OUR_IP },
		{ "renewing by broadcast flag", { .message = 3, .client_ip = OUR_IP, .broadcast = true }, ACK, OUR_IP, OUR_IP },
		{ "renewing another address", { .message = 3, .client_ip = OTHER }, NAK, UINT32_MAX, 0 },
		{ "informing", { .message = 8, .client_ip = OUR_IP }, ACK, OUR_IP, 0 },
		{ "declining", { .message = 4, .requested = OUR_IP, .server = SERVER }, NOTHING, 0, 0 },
		{ "releasing", { .message = 7, .client_ip = OUR_IP, .server = SERVER }, NOTHING, 0, 0 },
		{ "an offer", { .message = 2 }, NOTHING, 0, 0 },
		{ "through a relay", { .message = 1, .relay = OTHER }, NOTHING, 0, 0 },
		{ "a message type nobody knows", { .message = 77 }, NOTHING, 0, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t message[576];
		struct dhcp_reply r = { 0 };
		size_t len = put(&cases[i].ask, message, sizeof message);
		err_t e = dhcp_answer(&server, message, len, &r);
		if (cases[i].want == NOTHING) {
			is_int(e, E_AGAIN, "%s: silence", cases[i].what);
			continue;
		}
		struct reader given = reader_of(r.data + 16, 4);
		ok(e == OK && number(&r, 53) == cases[i].want, "%s: answer %d", cases[i].what, cases[i].want);
		ok(r.to_ip == cases[i].to && read_u32(&given) == cases[i].given, "to the right place, with the right address");
	}
}

static void test_options(void)
{
	uint8_t message[576];
	struct dhcp_reply r;
	size_t len = 0, n = put(&(struct ask){ .message = 1, .client_id = "\1abcdef" }, message, sizeof message);
	assert(dhcp_answer(&server, message, n, &r) == OK);
	ok(r.len >= 300 && r.data[0] == 2 && !memcmp(r.data + 4, "\xde\xad\xbe\xef", 4) &&
		   !memcmp(r.data + 28, server.mac.bytes, 6),
	   "a BOOTP reply to who asked");
	is_int(number(&r, 1), 0xffff0000, "mask");
	is_int(number(&r, 28), 0x0a4dffff, "broadcast address");
	is_int(number(&r, 3), server.gateway, "router");
	is_int(number(&r, 6), SERVER, "DNS server");
	is_int(number(&r, 54), SERVER, "server");
	is_int(number(&r, 51), 86400, "lease time");
	is_int(number(&r, 58), 300, "renewal");
	is_int(number(&r, 59), 75600, "rebinding");
	is_int(number(&r, 26), 1400, "MTU");
	const uint8_t *name = option(&r, 12, &len);
	ok(name && len == 3 && !memcmp(name, "vm5", 3), "host name");
	name = option(&r, 15, &len);
	ok(name && len == 3 && !memcmp(name, "lan", 3), "domain");
	name = option(&r, 61, &len);
	ok(name && len == 7 && !memcmp(name, "\1abcdef", 7), "the client's identifier");

	n = put(&(struct ask){ .message = 8, .client_ip = OUR_IP }, message, sizeof message);
	assert(dhcp_answer(&server, message, n, &r) == OK);
	ok(!option(&r, 51, &len) && number(&r, 6) == SERVER, "INFORM gets settings and no lease");
	n = put(&(struct ask){ .message = 3, .requested = OTHER }, message, sizeof message);
	assert(dhcp_answer(&server, message, n, &r) == OK);
	ok(!option(&r, 1, &len) && !option(&r, 51, &len), "a NAK has no settings");

	struct dhcp gateway = server;
	gateway.gateway = OUR_IP;
	n = put(&(struct ask){ .message = 1 }, message, sizeof message);
	assert(dhcp_answer(&gateway, message, n, &r) == OK);
	ok(!option(&r, 3, &len), "the gateway is not its own router");
	gateway.gateway = 0;
	assert(dhcp_answer(&gateway, message, n, &r) == OK);
	ok(!option(&r, 3, &len), "no gateway, no router");

	gateway.boot_server = OTHER;
	gateway.boot_file = "pxelinux.0";
	assert(dhcp_answer(&gateway, message, n, &r) == OK);
	struct reader next = reader_of(r.data + 20, 4);
	ok(read_u32(&next) == OTHER && !strcmp((char *)r.data + 108, "pxelinux.0"), "where to start from");
	n = put(&(struct ask){ .message = 3, .requested = OTHER }, message, sizeof message);
	assert(dhcp_answer(&gateway, message, n, &r) == OK);
	ok(!r.data[108] && !r.data[20], "but not in a NAK");

	char longest[64];
	memset(longest, 'a', 63);
	longest[63] = '\0';
	gateway.name = longest;
	gateway.gateway = 0x0a4d0101;
	n = put(&(struct ask){ .message = 1, .client_id = "0123456789012345678901234567890123456789012345678901234567890123" },
		message, sizeof message);
	is_int(dhcp_answer(&gateway, message, n, &r), OK, "the longest name and identifier fit");
	ok(r.len <= 548, "in what every client takes");
}

static void test_refusals(void)
{
	uint8_t good[576], bad[576];
	struct dhcp_reply r;
	size_t n = put(&(struct ask){ .message = 1, .requested = OUR_IP, .server = SERVER }, good, sizeof good);
	static const struct {
		size_t at;
		uint8_t value;
		err_t want;
		const char *what;
	} cases[] = {
		{ 0, 2, E_INVALID, "a reply" },
		{ 1, 6, E_INVALID, "another hardware" },
		{ 2, 8, E_INVALID, "another address length" },
		{ 30, 9, E_NOT_FOUND, "another machine" },
		{ 236, 0, E_INVALID, "no magic" },
		{ 242, 2, E_INVALID, "no message type" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memcpy(bad, good, n);
		bad[cases[i].at] = cases[i].value;
		is_int(dhcp_answer(&server, bad, n, &r), cases[i].want, "%s", cases[i].what);
	}
	int answered = 0;
	for (size_t len = 0; len < 243; len++)
		answered += dhcp_answer(&server, good, len, &r) != E_INVALID;
	is_int(answered, 0, "cut short anywhere before its type");
	memcpy(bad, good, n);
	bad[n - 1] = 12;
	bad[n] = 200;
	is_int(dhcp_answer(&server, bad, n + 1, &r), E_INVALID, "an option past the end");
	is_int(dhcp_answer(&server, good, n - 1, &r), OK, "no end option is forgiven");
}

int main(void)
{
	test_states();
	test_options();
	test_refusals();
	return done_testing();
}
