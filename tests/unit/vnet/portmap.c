/* SPDX-License-Identifier: Apache-2.0
 * portmap.c - PCP and NAT-PMP byte for byte, refusals, renewal, restarts of the gateway; the kernel's route tables
 */
#include <assert.h>
#include "bytes.h"
#include "portmap.h"
#include "tap.h"

#define OURS "00000000000000000000ffffc0a80102"
#define GATEWAY "192.168.1.1:5351"

static struct portmap m;
static mono_time now;
static uint8_t request[PORTMAP_REQUEST_BYTES];
static size_t request_len;

static struct address address_of(const char *text)
{
	struct address a;
	assert(address_parse(text, &a) == OK);
	return a;
}

static void begin(void)
{
	struct address gateway = address_of(GATEWAY);
	assert(hex_decode(OURS, gateway.ours, sizeof gateway.ours) == OK);
	now.us = 5000000;
	portmap_init(&m, 5000);
	portmap_set(&m, &gateway, 1, now);
	memset(m.gateways[0].nonce, 0xaa, sizeof m.gateways[0].nonce);
}

/* The next request in hex, or "". */
static const char *next(void)
{
	static char text[2 * PORTMAP_REQUEST_BYTES + 1];
	struct address to;
	if (!portmap_next(&m, now, request, &request_len, &to))
		return "";
	assert(address_equal(&to, &m.gateways[0].gateway));
	return hex_encode(request, request_len, text);
}

static bool changed;
static bool answer_from(const char *from, const char *hex)
{
	struct address a = address_of(from);
	uint8_t packet[1200];
	assert(hex_decode(hex, packet, strlen(hex) / 2) == OK);
	return portmap_take(&m, packet, strlen(hex) / 2, &a, now, &changed);
}
static bool answer(const char *hex)
{
	return answer_from(GATEWAY, hex);
}

static const char *mapped(void)
{
	static char text[ADDRESS_TEXT_SIZE];
	struct address list[GATEWAY_MAX];
	return portmap_addresses(&m, list) ? address_format(&list[0], text) : "";
}

#define NONCE "aaaaaaaaaaaaaaaaaaaaaaaa"
#define NO_ADDRESS "00000000000000000000ffff00000000"
#define OUTSIDE "00000000000000000000ffffcb007107" /* 203.0.113.7 */
/* A PCP answer: result, lifetime, epoch in hex; and the MAP part. */
#define PCP(result, lifetime, epoch) "028100" result lifetime epoch "000000000000000000000000"
#define MAP(port, outside) \
	NONCE "11000000"   \
	      "1388" port outside

static void test_pcp(void)
{
	begin();
	is_text(next(),
		"02010000000004b0" OURS NONCE "11000000"
		"1388"
		"1388" NO_ADDRESS,
		"PCP is asked first: MAP (RFC 6887, figure 9)");
	is_text(next(), "", "once");
	ok(answer(PCP("00", "000004b0", "00000064") MAP("9c40", OUTSIDE)) && changed, "the answer is taken");
	is_text(mapped(), "203.0.113.7:40000", "and tells the address outside");
	is_int(portmap_due_us(&m) - now.us, 600 * SECOND_US, "it is renewed at half of its lifetime");
	now.us += 600 * SECOND_US;
	is_text(next(),
		"02010000000004b0" OURS NONCE "11000000"
		"1388"
		"9c40" OUTSIDE,
		"by the same nonce, with what we had");
	ok(answer(PCP("00", "000004b0", "000002bc") MAP("9c40", OUTSIDE)) && !changed, "the same again is no change");
	ok(answer(PCP("00", "000004b0", "000002bc") MAP("9c41", OUTSIDE)) && changed, "it may tell a new port unasked");
	now.us += 10 * SECOND_US;
	ok(answer("0280000000000000000002c6000000000000000000000000") && portmap_due_us(&m) > now.us,
	   "its clock goes on: nothing to do");
	ok(answer("02800000000000000000000a000000000000000000000000") && portmap_due_us(&m) == now.us,
	   "its clock began anew: it forgot, and is asked at once");
	ok(*next(), "which it is");
	now.us += 3600 * SECOND_US;
	while (*next())
		;
	is_text(mapped(), "", "what is not renewed ends");

	begin();
	next();
	assert(answer(PCP("00", "000004b0", "00000064") MAP("9c40", OUTSIDE)));
	struct address to;
	ok(portmap_end(&m, request, &request_len, &to) && request_len == 60 && !memcmp(request + 4, "\0\0\0\0", 4) &&
		   !portmap_end(&m, request, &request_len, &to),
	   "when we go the mapping is ended: lifetime 0, once");
	begin();
	ok(!portmap_end(&m, request, &request_len, &to), "and nothing is said where there is none");
}

static void test_pcp_refusals(void)
{
	static const struct {
		const char *why, *hex;
	} bad[] = {
		{ "nothing", "" },
		{ "half a header", "0281000000" },
		{ "no MAP part", PCP("00", "000004b0", "00000064") },
		{ "three bytes more", PCP("00", "000004b0", "00000064") MAP("9c40", OUTSIDE) "000000" },
		{ "another nonce", PCP("00", "000004b0", "00000064") "aaaaaaaaaaaaaaaaaaaaaaab"
								     "11000000"
								     "1388"
								     "9c40" OUTSIDE },
		{ "TCP", PCP("00", "000004b0", "00000064") NONCE "06000000"
								 "1388"
								 "9c40" OUTSIDE },
		{ "another port of ours", PCP("00", "000004b0", "00000064") NONCE "11000000"
										  "1389"
										  "9c40" OUTSIDE },
		{ "port 0 outside", PCP("00", "000004b0", "00000064") MAP("0000", OUTSIDE) },
		{ "no address outside", PCP("00", "000004b0", "00000064") MAP("9c40", NO_ADDRESS) },
		{ "a multicast address outside",
		  PCP("00", "000004b0", "00000064") MAP("9c40", "00000000000000000000ffffe0000001") },
		{ "a lifetime of 0", PCP("00", "00000000", "00000064") MAP("9c40", OUTSIDE) },
		{ "a request", "02010000000004b000000064000000000000000000000000" MAP("9c40", OUTSIDE) },
		{ "another opcode", "02820000000004b000000064000000000000000000000000" MAP("9c40", OUTSIDE) },
		{ "version 3", "03810000000004b000000064000000000000000000000000" MAP("9c40", OUTSIDE) },
		{ "a NAT-PMP answer to nothing", "008000000000006400cb007107" },
		{ "a NAT-PMP request", "00000001" },
	};
	begin();
	next();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!answer(bad[i].hex) && !*mapped(), "refused: %s", bad[i].why);
	ok(!answer_from("192.168.1.9:5351", PCP("00", "000004b0", "00000064") MAP("9c40", OUTSIDE)), "refused: from elsewhere");
	ok(!answer_from("192.168.1.1:5350", PCP("00", "000004b0", "00000064") MAP("9c40", OUTSIDE)),
	   "refused: from another port");
	ok(answer(PCP("02", "ffffffff", "00000064") MAP("9c40", OUTSIDE)) && !*mapped(), "a refusal is taken");
	is_int(portmap_due_us(&m) - now.us, PORTMAP_AGAIN_US, "it does not keep us off for longer than ten minutes");
	now.us += PORTMAP_AGAIN_US;
	next();
	ok(answer(PCP("08", "00000000", "000002bc") MAP("0000", NO_ADDRESS)), "and one");
	is_int(portmap_due_us(&m) - now.us, PORTMAP_SHORTEST_US, "that wants us back at once waits for half a minute");
	now.us += PORTMAP_SHORTEST_US;
	next();
	ok(answer(PCP("00", "00000001", "000002da") MAP("9c40", OUTSIDE)), "a mapping for a second");
	is_int(portmap_due_us(&m) - now.us, PORTMAP_SHORTEST_US, "is not renewed more often either");
}

/* Answers the two questions. */
static bool answer_pmp(const char *address, const char *port)
{
	return answer(address) && *next() && answer(port);
}

static void test_nat_pmp(void)
{
	begin();
	next();
	ok(answer("0081000100000064"), "a gateway that does not know PCP says so");
	is_text(next(), "0000", "NAT-PMP: its address is asked for (RFC 6886 section 3.2)");
	ok(!answer("0080000000000064cb0071"), "refused: half an address");
	ok(!answer("008000000000006400000000"), "refused: no address");
	ok(!answer("0081000000000064"
		   "1388"
		   "9c40"
		   "000004b0"),
	   "refused: the answer to another question");
	ok(answer("0080000000000064cb007107") && !changed, "it is told");
	is_text(next(),
		"00010000"
		"1388"
		"1388"
		"000004b0",
		"then the port (section 3.3)");
	ok(!answer("0081000000000064"
		   "1389"
		   "9c40"
		   "000004b0"),
	   "refused: another port of ours");
	ok(!answer("0082000000000064"
		   "1388"
		   "9c40"
		   "000004b0"),
	   "refused: TCP");
	ok(!answer("0081000000000064"
		   "1388"
		   "0000"
		   "000004b0"),
	   "refused: port 0 outside");
	ok(!answer("0081000000000064"
		   "1388"
		   "9c40"),
	   "refused: cut off");
	ok(answer("0081000000000064"
		  "1388"
		  "9c40"
		  "000004b0") &&
		   changed,
	   "it is mapped");
	is_text(mapped(), "203.0.113.7:40000", "to there");
	ok(!answer("0081000000000064"
		   "1388"
		   "9c41"
		   "000004b0"),
	   "refused: an answer to nothing");
	is_int(portmap_due_us(&m) - now.us, 600 * SECOND_US, "it is renewed at half of its lifetime");
	now.us += 600 * SECOND_US;
	is_text(next(), "0000", "both questions again");
	ok(answer_pmp("00800000000002bccb007108", "00810000000002bc"
						  "1388"
						  "9c40"
						  "000004b0") &&
		   changed,
	   "the address changed");
	is_text(mapped(), "203.0.113.8:40000", "and is followed");
	struct address to;
	ok(portmap_end(&m, request, &request_len, &to) && request_len == 12 && !memcmp(request + 4, "\x13\x88\0\0\0\0\0\0", 8),
	   "when we go the mapping is ended: lifetime 0, port 0 (section 3.4)");

	begin();
	next();
	assert(answer("0081000100000064") && *next());
	ok(answer("0080000300000064"), "a refusal is taken");
	is_int(portmap_due_us(&m) - now.us, PORTMAP_AGAIN_US, "and it is left alone for ten minutes");
}

static void test_silence(void)
{
	int asked[3] = { 0 };
	begin();
	for (int64_t end = now.us + 60 * SECOND_US; now.us < end; now.us += 10000)
		for (const char *hex = next(); *hex; hex = next())
			asked[strlen(hex) == 120 ? 0 : strlen(hex) == 4 ? 1 : 2]++;
	is_int(asked[0], PORTMAP_PCP_TRIES, "a silent gateway is asked by PCP");
	is_int(asked[1], PORTMAP_PMP_TRIES, "then by NAT-PMP");
	is_int(asked[2], 0, "and by no more");
	int64_t left = portmap_due_us(&m) - now.us;
	ok(left > 500 * SECOND_US && left < 600 * SECOND_US, "then it is left alone for ten minutes");
	portmap_wake(&m, now);
	is_int(strlen(next()), 120, "but asked at once where something changed");
	now.us += PORTMAP_AGAIN_US;
	struct address six = address_of("[fe80::1%2]:5351");
	portmap_set(&m, &six, 1, now);
	for (int i = 0; i < 3; i++)
		for (now.us += 8 * SECOND_US; *next();)
			ok(request_len == 60, "an IPv6 gateway is asked by PCP only");
	struct address both[] = { address_of(GATEWAY), six };
	m.gateways[0].mapped = address_of("[2001:db8::7]:5000");
	portmap_set(&m, both, 2, now);
	is_text(mapped(), "[2001:db8::7]:5000", "gateways that stay keep what they mapped");
	portmap_set(&m, NULL, 0, now);
	is_text(mapped(), "", "those that go do not");
	is_int(portmap_due_us(&m), INT64_MAX, "and without one there is nothing to do");
}

static void test_routes(void)
{
	struct address a;
	char text[ADDRESS_TEXT_SIZE];
	ok(gateway_parse_v4("eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", &a) == OK, "a default route");
	is_text(address_format(&a, text), GATEWAY, "leads to the gateway");
	ok(gateway_parse_v6("00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
			    "20010db8000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n",
			    &a) == OK,
	   "one of IPv6");
	is_text(address_format(&a, text), "[2001:db8::1]:5351", "as well");
	static const char *const others4[] = {
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n",
		"eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
		"tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n",
		"ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n",
		"eth0\t00000000\n",
		"",
	};
	for (size_t i = 0; i < sizeof others4 / sizeof *others4; i++)
		ok(gateway_parse_v4(others4[i], &a) == E_INVALID, "no default route through a gateway: IPv4, %zu", i);
	static const char *const others6[] = {
		"20010db8000000000000000000000000 40 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n",
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n",
		"0000",
		"",
	};
	for (size_t i = 0; i < sizeof others6 / sizeof *others6; i++)
		ok(gateway_parse_v6(others6[i], &a) == E_INVALID, "no default route through a gateway: IPv6, %zu", i);
}

int main(void)
{
	test_pcp();
	test_pcp_refusals();
	test_nat_pmp();
	test_silence();
	test_routes();
	return done_testing();
}
