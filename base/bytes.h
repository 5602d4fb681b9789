/* SPDX-License-Identifier: Apache-2.0
 * bytes.h - outside bytes: cursors with a sticky "bad" flag, big-endian; hex, base64, numbers and bounded texts
 *
 * A read past the end returns zeros and sets bad; check it once at the end. Never cast a buffer to a struct.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "err.h"

struct reader {
	const uint8_t *at, *end;
	bool bad;
};
static inline struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){ data, (const uint8_t *)data + len, false };
}
static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}
/* Every packet is read through these: loads of a constant size, which the compiler makes one instruction each. */
static inline bool reader_take(struct reader *r, void *to, size_t len)
{
	if (r->bad || len > reader_left(r)) {
		r->bad = true;
		r->at = r->end;
		return false;
	}
	memcpy(to, r->at, len);
	r->at += len;
	return true;
}
static inline uint8_t read_u8(struct reader *r)
{
	uint8_t v;
	return reader_take(r, &v, sizeof v) ? v : 0;
}
static inline uint16_t read_u16(struct reader *r)
{
	uint16_t v;
	return reader_take(r, &v, sizeof v) ? be16toh(v) : 0;
}
static inline uint32_t read_u32(struct reader *r)
{
	uint32_t v;
	return reader_take(r, &v, sizeof v) ? be32toh(v) : 0;
}
static inline uint64_t read_u64(struct reader *r)
{
	uint64_t v;
	return reader_take(r, &v, sizeof v) ? be64toh(v) : 0;
}
/* A view of the next len bytes, or NULL with bad set. */
const uint8_t *read_bytes(struct reader *r, size_t len);
void read_copy(struct reader *r, void *to, size_t len); /* zeros where bad */

struct writer {
	uint8_t *at, *end, *start;
	bool bad; /* did not fit */
};
static inline struct writer writer_of(void *data, size_t len)
{
	return (struct writer){ data, (uint8_t *)data + len, data, false };
}
static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}
static inline void writer_put(struct writer *w, const void *v, size_t len)
{
	if (w->bad || len > (size_t)(w->end - w->at)) {
		w->bad = true;
		return;
	}
	memcpy(w->at, v, len);
	w->at += len;
}
static inline void write_u8(struct writer *w, uint8_t v)
{
	writer_put(w, &v, sizeof v);
}
static inline void write_u16(struct writer *w, uint16_t v)
{
	v = htobe16(v);
	writer_put(w, &v, sizeof v);
}
static inline void write_u32(struct writer *w, uint32_t v)
{
	v = htobe32(v);
	writer_put(w, &v, sizeof v);
}
static inline void write_u64(struct writer *w, uint64_t v)
{
	v = htobe64(v);
	writer_put(w, &v, sizeof v);
}
void write_bytes(struct writer *w, const void *data, size_t len);

/* Lower-case hex; text has 2 * len + 1 bytes. Returns text. */
char *hex_encode(const void *data, size_t len, char *text);
/* Exactly 2 * len hex digits of either case, no more. E_INVALID. */
MUST_CHECK err_t hex_decode(const char *text, void *data, size_t len);
/* Standard alphabet with padding (RFC 4648 section 4); text has 4 * ((len + 2) / 3) + 1 bytes. Returns text. */
char *base64_encode(const void *data, size_t len, char *text);
/* Strict: padding required, nothing else allowed. E_INVALID, E_LIMIT where more than max bytes. */
MUST_CHECK err_t base64_decode(const char *text, void *data, size_t max, size_t *ret_len);

/* Upper-case base32 with padding (RFC 4648 section 6); text has 8 * ((len + 4) / 5) + 1 bytes. Returns text. */
char *base32_encode(const void *data, size_t len, char *text);

/* Copies a text that must fit with its NUL; truncation is an error (E_LIMIT; to is then untouched). */
MUST_CHECK err_t text_copy(char *to, size_t size, const char *from);

/* Decimal digits, a "-" before them for a negative one, nothing else. E_INVALID, E_OVERFLOW. */
MUST_CHECK err_t int_parse(const char *text, int64_t *ret_value);
/* Bytes: "512M", "20G", a bare number; K, M, G, T are powers of 1024. E_INVALID, E_OVERFLOW. */
MUST_CHECK err_t size_parse(const char *text, int64_t *ret_bytes);
/* Bits a second: "500kbit", "20Mbit", "1Gbit", powers of 1000; "0". E_INVALID, E_OVERFLOW. */
MUST_CHECK err_t rate_parse(const char *text, int64_t *ret_bits_s);

#endif
