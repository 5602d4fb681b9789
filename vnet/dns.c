/* SPDX-License-Identifier: Apache-2.0
 * dns.c - names and addresses of the network's members (RFC 1035)
 *
 * We know NAME and NAME.lan of every member, and the reverse. Other names under lan, and single labels, do not exist; names
 * of the world are refused, or the gateway is asked (ethernet_answer.c).
 */
#include "bytes.h"
#include "dns.h"

#define NAME_MAX_BYTES 255
#define TYPE_A 1
#define TYPE_PTR 12
#define TYPE_AAAA 28
#define TYPE_OPT 41
#define TYPE_ANY 255
#define CLASS_IN 1
#define CLASS_ANY 255
#define FLAG_RESPONSE 0x8000
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_RECURSION_DESIRED 0x0100
#define OPCODE_MASK 0x7800
#define MAX_LABELS 34 /* the longest name of ours: 32 digits and ip6.arpa */

enum rcode { NOERROR = 0, FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5 };

struct question {
	uint16_t id, flags, type, class;
	const uint8_t *raw; /* name, type, class as they came */
	size_t raw_len;
	int labels; /* MAX_LABELS + 1: more than any name of ours has */
	char label[MAX_LABELS][64];
	bool has_opt;
};

struct answer {
	enum rcode rcode;
	bool ours; /* authoritative */
	bool has_ip, has_ip6;
	uint32_t ip;
	struct ip6 ip6;
	const char *name;
};

bool dns_is_label(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') || text[i] == '-'))
			return false;
	return true;
}

/* Lower case; a NUL inside would cut the text short, so it becomes something that no name has. */
static char plain(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c ? (char)c : ' ';
}

static err_t parse_name(struct reader *r, struct question *q)
{
	size_t total = 0;
	for (uint8_t n = read_u8(r); n != 0; n = read_u8(r)) {
		const uint8_t *label = n < 64 ? read_bytes(r, n) : NULL; /* no compression in a question */
		total += n + 1u;
		if (!label || total >= NAME_MAX_BYTES)
			return E_INVALID;
		if (q->labels < MAX_LABELS) {
			for (uint8_t i = 0; i < n; i++)
				q->label[q->labels][i] = plain(label[i]);
			q->label[q->labels][n] = '\0';
		}
		if (q->labels <= MAX_LABELS)
			q->labels++;
	}
	return r->bad ? E_INVALID : OK;
}

/* E_CORRUPT: a question of sorts, to be answered with FORMERR. */
static err_t parse(const uint8_t *data, size_t len, struct question *q)
{
	struct reader r = reader_of(data, len);
	q->id = read_u16(&r);
	q->flags = read_u16(&r);
	uint16_t questions = read_u16(&r), answers = read_u16(&r), authorities = read_u16(&r), additional = read_u16(&r);
	if (r.bad || (q->flags & FLAG_RESPONSE))
		return E_INVALID;
	if (q->flags & OPCODE_MASK)
		return OK;
	if (questions != 1 || answers || authorities || additional > 1)
		return E_CORRUPT;
	const uint8_t *start = r.at;
	if (parse_name(&r, q) != OK)
		return E_CORRUPT;
	q->type = read_u16(&r);
	q->class = read_u16(&r);
	if (r.bad)
		return E_CORRUPT;
	q->raw = start;
	q->raw_len = (size_t)(r.at - start);
	q->has_opt = additional == 1 && read_u8(&r) == 0 && read_u16(&r) == TYPE_OPT && !r.bad;
	return OK;
}

static bool decimal(const char *text, uint32_t *ret_value)
{
	uint32_t v = 0;
	size_t n = strlen(text);
	if (n == 0 || n > 3 || (n > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(text[i] - '0');
	}
	*ret_value = v;
	return v <= 255;
}

/* 4.3.2.1.in-addr.arpa */
static struct answer look_up_reverse(const struct dns_zone *z, const struct question *q)
{
	struct answer a = { .rcode = REFUSED };
	uint32_t ip = 0;
	int octets = q->labels - 2;
	if (octets > 4)
		return a;
	for (int i = octets - 1; i >= 0; i--) {
		uint32_t octet;
		if (!decimal(q->label[i], &octet))
			return a;
		ip = ip << 8 | octet;
	}
	if (octets != 4 || (ip & z->netmask) != z->subnet)
		return a;
	a.ours = true;
	a.name = z->name_of(z->context, ip);
	a.rcode = a.name ? NOERROR : NXDOMAIN;
	if (q->type != TYPE_PTR && q->type != TYPE_ANY)
		a.name = NULL;
	return a;
}

static int hex_digit(const char *label)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = label[0] && !label[1] ? strchr(digits, label[0]) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* 32 digits, the last one first, and ip6.arpa (RFC 3596 section 2.5) */
static struct answer look_up_reverse6(const struct dns_zone *z, const struct question *q)
{
	struct answer a = { .rcode = REFUSED };
	struct ip6 ip = { 0 };
	if (q->labels != 34)
		return a;
	for (int i = 31; i >= 0; i--) {
		int digit = hex_digit(q->label[i]);
		if (digit < 0)
			return a;
		uint64_t *half = i >= 16 ? &ip.prefix : &ip.id;
		*half = *half << 4 | (uint64_t)digit;
	}
	if (ip.prefix != z->prefix)
		return a;
	a.ours = true;
	a.name = z->name_of6(z->context, ip);
	a.rcode = a.name ? NOERROR : NXDOMAIN;
	if (q->type != TYPE_PTR && q->type != TYPE_ANY)
		a.name = NULL;
	return a;
}

static struct answer look_up(const struct dns_zone *z, const struct question *q)
{
	struct answer a = { .rcode = REFUSED };
	if (q->flags & OPCODE_MASK) {
		a.rcode = NOTIMP;
		return a;
	}
	if ((q->class != CLASS_IN && q->class != CLASS_ANY) || q->labels == 0 || q->labels > MAX_LABELS)
		return a;
	const char *last = q->label[q->labels - 1];
	if (q->labels >= 2 && !strcmp(last, "arpa") && !strcmp(q->label[q->labels - 2], "in-addr"))
		return look_up_reverse(z, q);
	if (q->labels >= 2 && !strcmp(last, "arpa") && !strcmp(q->label[q->labels - 2], "ip6"))
		return look_up_reverse6(z, q);
	bool in_domain = !strcmp(last, DNS_DOMAIN);
	if (!in_domain && q->labels > 1)
		return a;
	a.ours = true;
	a.rcode = NOERROR;
	if (in_domain && q->labels == 1)
		return a; /* the domain itself: exists and has nothing */
	bool known = q->labels <= (in_domain ? 2 : 1) && z->ip_of(z->context, q->label[0], &a.ip);
	a.rcode = known ? NOERROR : NXDOMAIN;
	a.has_ip = known && (q->type == TYPE_A || q->type == TYPE_ANY);
	a.has_ip6 = known && (q->type == TYPE_AAAA || q->type == TYPE_ANY) && z->ip6_of(z->context, q->label[0], &a.ip6);
	return a;
}

static void put_record(struct writer *w, uint16_t type, uint16_t len)
{
	write_u16(w, 0xc000 | 12); /* the question's name */
	write_u16(w, type);
	write_u16(w, CLASS_IN);
	write_u32(w, DNS_TTL_S);
	write_u16(w, len);
}

static void put_label(struct writer *w, const char *text)
{
	write_u8(w, (uint8_t)strlen(text));
	write_bytes(w, text, strlen(text));
}

static err_t put_reply(const struct question *q, const struct answer *a, uint8_t *reply, size_t *ret_len)
{
	struct writer w = writer_of(reply, DNS_REPLY_BYTES);
	uint16_t flags = FLAG_RESPONSE | (q->flags & (OPCODE_MASK | FLAG_RECURSION_DESIRED)) | (a->ours ? FLAG_AUTHORITATIVE : 0);
	write_u16(&w, q->id);
	write_u16(&w, flags | (uint16_t)a->rcode);
	write_u16(&w, q->raw ? 1 : 0);
	write_u16(&w, (uint16_t)(a->has_ip + a->has_ip6 + (a->name != NULL)));
	write_u16(&w, 0);
	write_u16(&w, q->has_opt ? 1 : 0);
	if (q->raw)
		write_bytes(&w, q->raw, q->raw_len);
	if (a->has_ip) {
		put_record(&w, TYPE_A, 4);
		write_u32(&w, a->ip);
	}
	if (a->has_ip6) {
		put_record(&w, TYPE_AAAA, 16);
		write_u64(&w, a->ip6.prefix);
		write_u64(&w, a->ip6.id);
	}
	if (a->name) {
		put_record(&w, TYPE_PTR, (uint16_t)(1 + strlen(a->name) + 1 + strlen(DNS_DOMAIN) + 1));
		put_label(&w, a->name);
		put_label(&w, DNS_DOMAIN);
		write_u8(&w, 0);
	}
	if (q->has_opt) { /* RFC 6891 section 6.1.1: who sends one gets one */
		write_u8(&w, 0);
		write_u16(&w, TYPE_OPT);
		write_u16(&w, DNS_REPLY_BYTES);
		write_u32(&w, 0);
		write_u16(&w, 0);
	}
	if (w.bad)
		return E_INTERNAL;
	*ret_len = writer_len(&w);
	return OK;
}

err_t dns_answer(const struct dns_zone *z, const uint8_t *question, size_t len, uint8_t *reply, size_t *ret_len,
		 bool *ret_foreign)
{
	struct question q = { 0 };
	struct answer a = { .rcode = FORMERR };
	err_t e = parse(question, len, &q);
	if (e == E_INVALID)
		return e;
	if (e == OK)
		a = look_up(z, &q);
	*ret_foreign = a.rcode == REFUSED;
	return put_reply(&q, &a, reply, ret_len);
}
