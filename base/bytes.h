/* SPDX-License-Identifier: Apache-2.0
 * bytes.h - outside bytes: cursors with a sticky "bad" flag, big-endian; hex, base64, numbers and bounded texts
 *
 * A read past the end returns zeros and sets bad; check it once at the end. Never cast a buffer to a struct.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
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
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_bytes(struct writer *w, const void *data, size_t len);

/* Lower-case hex; text has 2 * len + 1 bytes. Returns text. */
char *hex_encode(const void *data, size_t len, char *text);
/* Exactly 2 * len hex digits of either case, no more. E_INVALID. */
MUST_CHECK err_t hex_decode(const char *text, void *data, size_t len);
/* Standard alphabet with padding (RFC 4648 section 4); text has 4 * ((len + 2) / 3) + 1 bytes. Returns text. */
char *base64_encode(const void *data, size_t len, char *text);
/* Strict: padding required, nothing else allowed. E_INVALID, E_LIMIT where more than max bytes. */
MUST_CHECK err_t base64_decode(const char *text, void *data, size_t max, size_t *ret_len);

/* Copies a text that must fit with its NUL; truncation is an error (E_LIMIT; to is then untouched). */
MUST_CHECK err_t text_copy(char *to, size_t size, const char *from);

/* Decimal digits, a "-" before them for a negative one, nothing else. E_INVALID, E_OVERFLOW. */
MUST_CHECK err_t int_parse(const char *text, int64_t *ret_value);
/* Bytes: "512M", "20G", a bare number; K, M, G, T are powers of 1024. E_INVALID, E_OVERFLOW. */
MUST_CHECK err_t size_parse(const char *text, int64_t *ret_bytes);

#endif
