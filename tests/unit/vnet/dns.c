/* SPDX-License-Identifier: Apache-2.0
 * dns.c - questions and their answers, byte for byte where it matters, and messages that get none
 */
#include <assert.h>
#include "bytes.h"
#include "dns.h"
#include "tap.h"

#define OUR_IP 0x0a4d0105u

static bool ip_of(void *context, const char *name, uint32_t *ret_ip)
{
	(void)context;
	*ret_ip = OUR_IP;
	return !strcmp(name, "vm5") || (strlen(name) == 63 && name[0] == 'x');
}

static const char *name_of(void *context, uint32_t ip)
{
	(void)context;
	return ip == OUR_IP ? "vm5" : NULL;
}

#define PREFIX 0xfd00111122223333ull
static bool ip6_of(void *context, const char *name, struct ip6 *ret_ip)
{
	(void)context;
	*ret_ip = (struct ip6){ PREFIX, 0x505400fffe010203 };
	return !strcmp(name, "vm5");
}

static const char *name_of6(void *context, struct ip6 ip)
{
	(void)context;
	return ip.id == 0x505400fffe010203 ? "vm5" : NULL;
}

static const struct dns_zone zone = { .ip_of = ip_of,
				      .name_of = name_of,
				      .ip6_of = ip6_of,
				      .name_of6 = name_of6,
				      .subnet = 0x0a4d0000,
				      .netmask = 0xffff0000,
				      .prefix = PREFIX };
static bool foreign;
#define REVERSE6(last) last ".0.2.0.1.0.e.f.f.f.0.0.4.5.0.5.3.3.3.3.2.2.2.2.1.1.1.1.0.0.d.f.ip6.arpa"

static size_t put(const char *name, uint16_t type, uint16_t class, uint16_t flags, bool opt, uint8_t *to, size_t size)
{
	struct writer w = writer_of(to, size);
	write_u16(&w, 0x1234);
	write_u16(&w, flags);
	write_u16(&w, 1);
	write_u16(&w, 0);
	write_u16(&w, 0);
	write_u16(&w, opt ? 1 : 0);
	while (*name) {
		size_t n = strcspn(name, ".");
		write_u8(&w, (uint8_t)n);
		write_bytes(&w, name, n);
		name += n + (name[n] == '.');
	}
	write_u8(&w, 0);
	write_u16(&w, type);
	write_u16(&w, class);
	if (opt) {
		write_u8(&w, 0);
		write_u16(&w, 41);
		write_u16(&w, 1232);
		write_u32(&w, 0);
		write_u16(&w, 0);
	}
	assert(!w.bad);
	return writer_len(&w);
}

static void test_questions(void)
{
	enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };
	enum { A = 1, SOA = 6, PTR = 12, AAAA = 28, ANY = 255 };
	static const struct {
		const char *name;
		uint16_t type;
		int rcode, answers;
	} cases[] = {
		{ "vm5.lan", A, NOERROR, 1 },
		{ "vm5", A, NOERROR, 1 },
		{ "VM5.Lan", A, NOERROR, 1 },
		{ "vm5.lan", ANY, NOERROR, 2 },
		{ "vm5.lan", AAAA, NOERROR, 1 },
		{ "vm5", AAAA, NOERROR, 1 },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.lan", AAAA, NOERROR, 0 },
		{ REVERSE6("3"), PTR, NOERROR, 1 },
		{ REVERSE6("3"), AAAA, NOERROR, 0 },
		{ REVERSE6("4"), PTR, NXDOMAIN, 0 },
		{ REVERSE6("g"), PTR, REFUSED, 0 },
		{ REVERSE6("33"), PTR, REFUSED, 0 },
		{ REVERSE6("3.3"), PTR, REFUSED, 0 },
		{ "d.f.ip6.arpa", PTR, REFUSED, 0 },
		{ "3.0.2.0.1.0.e.f.f.f.0.0.4.5.0.5.4.3.3.3.2.2.2.2.1.1.1.1.0.0.d.f.ip6.arpa", PTR, REFUSED, 0 },
		{ "vm5.lan", SOA, NOERROR, 0 },
		{ "lan", A, NOERROR, 0 },
		{ "vm6.lan", A, NXDOMAIN, 0 },
		{ "vm6", A, NXDOMAIN, 0 },
		{ "vm6", AAAA, NXDOMAIN, 0 },
		{ "a.vm5.lan", A, NXDOMAIN, 0 },
		{ "vm5.example", A, REFUSED, 0 },
		{ "www.example.org", A, REFUSED, 0 },
		{ "", A, REFUSED, 0 },
		{ "a.b.c.d.e.f.g.h.i.lan", A, NXDOMAIN, 0 },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.1.2.3.4.5.6.7.8.9.lan", A, REFUSED, 0 },
		{ "5.1.77.10.in-addr.arpa", PTR, NOERROR, 1 },
		{ "5.1.77.10.IN-ADDR.ARPA", PTR, NOERROR, 1 },
		{ "5.1.77.10.in-addr.arpa", A, NOERROR, 0 },
		{ "6.1.77.10.in-addr.arpa", PTR, NXDOMAIN, 0 },
		{ "5.1.78.10.in-addr.arpa", PTR, REFUSED, 0 },
		{ "1.77.10.in-addr.arpa", PTR, REFUSED, 0 },
		{ "05.1.77.10.in-addr.arpa", PTR, REFUSED, 0 },
		{ "256.1.77.10.in-addr.arpa", PTR, REFUSED, 0 },
		{ "x.1.77.10.in-addr.arpa", PTR, REFUSED, 0 },
		{ "9.5.1.77.10.in-addr.arpa", PTR, REFUSED, 0 },
		{ "in-addr.arpa", PTR, REFUSED, 0 },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.lan", A, NOERROR, 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int opt = 0; opt < 2; opt++) {
			uint8_t q[512], a[DNS_REPLY_BYTES];
			size_t n = put(cases[i].name, cases[i].type, 1, 0x0100, opt, q, sizeof q), len = 0;
			err_t e = dns_answer(&zone, q, n, a, &len, &foreign);
			struct reader r = reader_of(a, len);
			uint16_t id = read_u16(&r), flags = read_u16(&r), questions = read_u16(&r), answers = read_u16(&r);
			ok(e == OK && id == 0x1234 && (flags & 0xf100) == 0x8100 && (flags & 15) == cases[i].rcode &&
				   questions == 1 && answers == cases[i].answers && a[11] == opt,
			   "%s type %d%s: code %d, %d answers", cases[i].name, cases[i].type, opt ? " with EDNS" : "",
			   cases[i].rcode, cases[i].answers);
			is_int(foreign, cases[i].rcode == REFUSED, "what is refused is of the world");
			ok(!memcmp(a + 12, q + 12, n - 12 - (opt ? 11 : 0)), "with the question as it was asked");
		}
	}
}

static void test_answers(void)
{
	static const uint8_t want_a[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 77, 1, 5 };
	static const uint8_t want_ptr[] = { 0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 30, 0, 9, 3, 'v', 'm', '5', 3, 'l', 'a', 'n', 0 };
	uint8_t q[512], a[DNS_REPLY_BYTES];
	size_t n = put("vm5.lan", 1, 1, 0x0100, false, q, sizeof q), len = 0;
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	ok(len == n + sizeof want_a && !memcmp(a + n, want_a, sizeof want_a), "an A record");
	n = put("5.1.77.10.in-addr.arpa", 12, 1, 0, false, q, sizeof q);
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	ok(len == n + sizeof want_ptr && !memcmp(a + n, want_ptr, sizeof want_ptr), "a PTR record");
	static const uint8_t want_aaaa[] = { 0xc0, 12,	 0,    28,   0,	   1,	 0,    0,    0, 30,   0,    16, 0xfd, 0,
					     0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x50, 0x54, 0, 0xff, 0xfe, 1,	2,    3 };
	n = put("vm5.lan", 28, 1, 0, false, q, sizeof q);
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	ok(len == n + sizeof want_aaaa && !memcmp(a + n, want_aaaa, sizeof want_aaaa), "an AAAA record");
	n = put("vm5.lan", 1, 3, 0, false, q, sizeof q);
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 5, "another class is refused");
	n = put("vm5.lan", 1, 1, 0x2800, false, q, sizeof q);
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 4, "another operation is answered NOTIMP (RFC 1035 section 4.1.1)");
	is_int(len, 12, "and its body is not repeated");
}

static void test_refusals(void)
{
	uint8_t q[600], a[DNS_REPLY_BYTES];
	size_t n = put("vm5.lan", 1, 1, 0, false, q, sizeof q), len = 0;
	int silent = 0, malformed = 0;
	for (size_t i = 0; i < n; i++) {
		err_t e = dns_answer(&zone, q, i, a, &len, &foreign);
		silent += e == E_INVALID;
		malformed += e == OK && (a[3] & 15) == 1 && len == 12;
	}
	ok(silent == 12 && silent + malformed == (int)n, "cut short: silence without a header, else a format error");
	q[2] |= 0x80;
	is_int(dns_answer(&zone, q, n, a, &len, &foreign), E_INVALID, "a response gets no answer");
	q[2] = 0;
	q[5] = 2;
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 1, "two questions");
	q[5] = 1;
	q[7] = 1;
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 1, "an answer in the question");
	q[7] = 0;
	q[12] = 0xc0;
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 1, "a compressed name");
	q[12] = 64;
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 1, "a label too long");
	for (size_t i = 12; i < sizeof q; i += 2) {
		q[i] = 1;
		q[i + 1] = 'a';
	}
	assert(dns_answer(&zone, q, sizeof q, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 1, "a name too long");
	n = put("vm5xlan", 1, 1, 0, false, q, sizeof q);
	q[12 + 4] = 0;
	assert(dns_answer(&zone, q, n, a, &len, &foreign) == OK);
	is_int(a[3] & 15, 3, "a NUL within a label does not end it");
}

static void test_labels(void)
{
	static const char *const good[] = { "a", "vm1", "1", "a-b",
					    "0123456789012345678901234567890123456789012345678901234567890ab" };
	static const char *const bad[] = {
		"",    "-a",	   "a-",
		"A",   "a.b",	   "a_b",
		"a b", "\xc3\xa4", "0123456789012345678901234567890123456789012345678901234567890123"
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(dns_is_label(good[i]), "a label: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!dns_is_label(bad[i]), "no label, %zu", i);
}

int main(void)
{
	test_questions();
	test_answers();
	test_refusals();
	test_labels();
	return done_testing();
}
