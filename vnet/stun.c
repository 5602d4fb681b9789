/* SPDX-License-Identifier: Apache-2.0
 * stun.c - the binding request of RFC 8489 and its success response, without authentication
 *
 * What is not among the attributes here and lies below 0x8000 must be understood (section 14), so its message is refused;
 * the others are passed over. FINGERPRINT is written always and checked where it is there.
 */
#include "bytes.h"
#include "stun.h"

#define MAGIC_COOKIE 0x2112a442u
#define BINDING_REQUEST 0x0001
#define BINDING_SUCCESS 0x0101
#define BINDING_ERROR 0x0111
#define ERROR_CODE 0x0009
#define UNKNOWN_ATTRIBUTES 0x000a
#define UNKNOWN_MAX 4 /* named in an error */
#define MAPPED_ADDRESS 0x0001
#define XOR_MAPPED_ADDRESS 0x0020
#define FINGERPRINT 0x8028
#define FINGERPRINT_BYTES 8
#define FINGERPRINT_XOR 0x5354554eu
#define COMPREHENSION_OPTIONAL 0x8000
#define FAMILY_IPV4 1
#define FAMILY_IPV6 2

/* The CRC-32 of ITU V.42 (RFC 8489 section 14.7). */
static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* ---- writing ---- */
static void put_header(struct writer *w, uint16_t type, size_t len, struct stun_id id)
{
	write_u16(w, type);
	write_u16(w, (uint16_t)len);
	write_u32(w, MAGIC_COOKIE);
	write_bytes(w, id.bytes, sizeof id.bytes);
}

static size_t put_fingerprint(struct writer *w)
{
	uint32_t crc = crc32_of(w->start, writer_len(w));
	write_u16(w, FINGERPRINT);
	write_u16(w, 4);
	write_u32(w, crc ^ FINGERPRINT_XOR);
	return writer_len(w);
}

size_t stun_put_request(struct stun_id id, uint8_t *packet)
{
	struct writer w = writer_of(packet, STUN_REQUEST_BYTES);
	put_header(&w, BINDING_REQUEST, FINGERPRINT_BYTES, id);
	return put_fingerprint(&w);
}

/* What an address is combined with: the magic cookie, and for IPv6 the transaction's id behind it. */
static void make_mask(struct stun_id id, uint8_t mask[16])
{
	struct writer w = writer_of(mask, 16);
	write_u32(&w, MAGIC_COOKIE);
	write_bytes(&w, id.bytes, sizeof id.bytes);
}

size_t stun_put_answer(struct stun_id id, const struct address *mapped, uint8_t *packet)
{
	struct writer w = writer_of(packet, STUN_ANSWER_BYTES);
	bool v4 = address_is_v4(mapped);
	size_t ip_bytes = v4 ? 4 : 16;
	uint8_t mask[16];
	make_mask(id, mask);
	put_header(&w, BINDING_SUCCESS, 4 + 4 + ip_bytes + FINGERPRINT_BYTES, id);
	write_u16(&w, XOR_MAPPED_ADDRESS);
	write_u16(&w, (uint16_t)(4 + ip_bytes));
	write_u8(&w, 0);
	write_u8(&w, v4 ? FAMILY_IPV4 : FAMILY_IPV6);
	write_u16(&w, mapped->port ^ (uint16_t)(MAGIC_COOKIE >> 16));
	for (size_t i = 0; i < ip_bytes; i++)
		write_u8(&w, mapped->ip[sizeof mapped->ip - ip_bytes + i] ^ mask[i]);
	return put_fingerprint(&w);
}

/* ---- reading ---- */
bool stun_is(const uint8_t *packet, size_t len)
{
	return len >= STUN_HEADER_BYTES && packet[0] <= 3;
}

static err_t get_mapped(struct reader *r, size_t len, struct stun_id id, struct address *ret_mapped)
{
	struct address a = { .ip = { [10] = 0xff, [11] = 0xff } };
	uint8_t mask[16];
	read_u8(r);
	uint8_t family = read_u8(r);
	size_t ip_bytes = family == FAMILY_IPV4 ? 4 : 16;
	if ((family != FAMILY_IPV4 && family != FAMILY_IPV6) || len != 4 + ip_bytes)
		return E_INVALID;
	make_mask(id, mask);
	a.port = read_u16(r) ^ (uint16_t)(MAGIC_COOKIE >> 16);
	for (size_t i = 0; i < ip_bytes; i++)
		a.ip[sizeof a.ip - ip_bytes + i] = read_u8(r) ^ mask[i];
	*ret_mapped = a;
	return OK;
}

static err_t get_attributes(const uint8_t *packet, struct reader *r, struct stun_message *m, bool *ret_mapped)
{
	while (reader_left(r) > 0) {
		const uint8_t *start = r->at;
		uint16_t type = read_u16(r), len = read_u16(r);
		const uint8_t *value = read_bytes(r, len);
		if (!value || !read_bytes(r, -len & 3u)) /* values are padded to words */
			return E_INVALID;
		struct reader v = reader_of(value, len);
		if (type == FINGERPRINT) {
			/* It is the last one: what stands behind it is not covered. */
			uint32_t crc = read_u32(&v) ^ FINGERPRINT_XOR;
			if (len != 4 || reader_left(r) > 0 || crc != crc32_of(packet, (size_t)(start - packet)))
				return E_INVALID;
		} else if (type == XOR_MAPPED_ADDRESS && m->kind == STUN_ANSWER) {
			struct address a;
			TRY(get_mapped(&v, len, m->id, &a));
			if (!*ret_mapped) /* the first one counts (section 14) */
				m->mapped = a;
			*ret_mapped = true;
		} else if (type < COMPREHENSION_OPTIONAL && !(type == MAPPED_ADDRESS && m->kind == STUN_ANSWER)) {
			return E_UNSUPPORTED;
		}
	}
	return OK;
}

err_t stun_get(const uint8_t *packet, size_t len, struct stun_message *ret_message)
{
	struct reader r = reader_of(packet, len);
	struct stun_message m = { 0 };
	bool mapped = false;
	uint16_t type = read_u16(&r);
	size_t body = read_u16(&r);
	uint32_t cookie = read_u32(&r);
	read_copy(&r, m.id.bytes, sizeof m.id.bytes);
	if (r.bad || len > STUN_MAX_BYTES || body != reader_left(&r) || body % 4 || cookie != MAGIC_COOKIE)
		return E_INVALID;
	if (type != BINDING_REQUEST && type != BINDING_SUCCESS)
		return E_INVALID;
	m.kind = type == BINDING_REQUEST ? STUN_REQUEST : STUN_ANSWER;
	TRY(get_attributes(packet, &r, &m, &mapped));
	if (m.kind == STUN_ANSWER && (!mapped || !address_is_unicast(&m.mapped)))
		return E_INVALID;
	*ret_message = m;
	return OK;
}

size_t stun_put_unknown(const uint8_t *request, size_t len, uint8_t *packet)
{
	struct reader r = reader_of(request, len);
	struct writer w = writer_of(packet, STUN_ANSWER_BYTES);
	struct stun_id id;
	uint16_t unknown[UNKNOWN_MAX], count = 0, type = read_u16(&r);
	read_bytes(&r, 6);
	read_copy(&r, id.bytes, sizeof id.bytes);
	if (r.bad || type != BINDING_REQUEST)
		return 0;
	while (!r.bad && reader_left(&r) > 0 && count < UNKNOWN_MAX) {
		uint16_t attribute = read_u16(&r), bytes = read_u16(&r);
		read_bytes(&r, bytes + (-bytes & 3u));
		if (attribute < COMPREHENSION_OPTIONAL)
			unknown[count++] = attribute;
	}
	uint16_t list_bytes = 2 * count, padding = list_bytes % 4;
	put_header(&w, BINDING_ERROR, 4 + 4 + 4 + (size_t)list_bytes + padding + FINGERPRINT_BYTES, id);
	write_u16(&w, ERROR_CODE);
	write_u16(&w, 4);
	write_u32(&w, 4 << 8 | 20); /* 420 */
	write_u16(&w, UNKNOWN_ATTRIBUTES);
	write_u16(&w, list_bytes);
	for (int i = 0; i < count; i++)
		write_u16(&w, unknown[i]);
	if (padding)
		write_u16(&w, 0);
	return put_fingerprint(&w);
}
