/* SPDX-License-Identifier: Apache-2.0
 * bytes.c - cursors over outside bytes; hex, base64, numbers and bounded texts
 */
#include <string.h>
#include "bytes.h"

const uint8_t *read_bytes(struct reader *r, size_t len)
{
	if (r->bad || len > reader_left(r)) {
		r->bad = true;
		r->at = r->end;
		return NULL;
	}
	const uint8_t *bytes = r->at;
	r->at += len;
	return bytes;
}

void read_copy(struct reader *r, void *to, size_t len)
{
	const uint8_t *bytes = read_bytes(r, len);
	if (len == 0)
		return;
	if (bytes)
		memcpy(to, bytes, len);
	else
		memset(to, 0, len);
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	if (w->bad || len > (size_t)(w->end - w->at)) {
		w->bad = true;
		return;
	}
	if (len == 0)
		return;
	memcpy(w->at, data, len);
	w->at += len;
}

char *hex_encode(const void *data, size_t len, char *text)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	text[2 * len] = '\0';
	return text;
}

/* One more than the digit's value, 0: none. */
static const uint8_t hex_digits[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,	['6'] = 7,  ['7'] = 8,
	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int hex_digit(char c)
{
	return hex_digits[(uint8_t)c] - 1;
}

err_t hex_decode(const char *text, void *data, size_t len)
{
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_digit(text[i]) < 0)
			return E_INVALID;
	if (text[2 * len])
		return E_INVALID;
	uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return OK;
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len, char *text)
{
	const uint8_t *bytes = data;
	char *at = text;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t group = (uint32_t)bytes[i] << 16;
		group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= left > 2 ? bytes[i + 2] : 0;
		*at++ = base64_alphabet[group >> 18];
		*at++ = base64_alphabet[group >> 12 & 63];
		*at++ = left > 1 ? base64_alphabet[group >> 6 & 63] : '=';
		*at++ = left > 2 ? base64_alphabet[group & 63] : '=';
	}
	*at = '\0';
	return text;
}

char *base32_encode(const void *data, size_t len, char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const uint8_t *bytes = data;
	char *at = text;
	for (size_t i = 0; i < len; i += 5) {
		size_t left = len - i < 5 ? len - i : 5;
		uint64_t group = 0;
		for (size_t k = 0; k < 5; k++)
			group = group << 8 | (k < left ? bytes[i + k] : 0);
		for (size_t k = 0; k < 8; k++)
			*at++ = k * 5 < left * 8 ? alphabet[group >> (35 - 5 * k) & 31] : '=';
	}
	*at = '\0';
	return text;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

err_t base64_decode(const char *text, void *data, size_t max, size_t *ret_len)
{
	size_t chars = strlen(text), padding = 0;
	while (padding < 2 && padding < chars && text[chars - 1 - padding] == '=')
		padding++;
	size_t digits = chars - padding, len = digits * 3 / 4;
	if (chars % 4)
		return E_INVALID;
	for (size_t i = 0; i < digits; i++)
		if (base64_digit(text[i]) < 0)
			return E_INVALID;
	/* The bits that the padding cuts off must be zero, so that each byte string has one text (RFC 4648 section 3.5). */
	if (padding && base64_digit(text[digits - 1]) & (padding == 2 ? 15 : 3))
		return E_INVALID;
	if (len > max)
		return E_LIMIT;
	uint8_t *bytes = data;
	uint32_t bits = 0;
	for (size_t i = 0, at = 0; i < digits; i++) {
		bits = bits << 6 | (uint32_t)base64_digit(text[i]);
		if (i % 4)
			bytes[at++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_len = len;
	return OK;
}

err_t text_copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size);
	if (len == size)
		return E_LIMIT;
	memmove(to, from, len + 1);
	return OK;
}

err_t int_parse(const char *text, int64_t *ret_value)
{
	bool negative = *text == '-';
	int64_t value = 0;
	const char *at = text + negative;
	if (!*at)
		return E_INVALID;
	bool over = false;
	for (; *at; at++) {
		if (*at < '0' || *at > '9')
			return E_INVALID;
		int digit = negative ? '0' - *at : *at - '0';
		over = over || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value);
	}
	if (over)
		return E_OVERFLOW;
	*ret_value = value;
	return OK;
}

err_t size_parse(const char *text, int64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	char digits[24];
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	if (!len || text[0] == '-' || text_copy(digits, sizeof digits, text) != OK)
		return E_INVALID;
	if (unit)
		digits[len - 1] = '\0';
	int64_t bytes;
	TRY(int_parse(digits, &bytes));
	for (int i = 0; unit && i <= unit - units; i++)
		if (__builtin_mul_overflow(bytes, 1024, &bytes))
			return E_OVERFLOW;
	*ret_bytes = bytes;
	return OK;
}

err_t rate_parse(const char *text, int64_t *ret_bits_s)
{
	static const struct {
		const char *name;
		int64_t bits;
	} units[] = { { "kbit", 1000 }, { "Mbit", 1000000 }, { "Gbit", 1000000000 } };
	char digits[24];
	size_t len = strspn(text, "0123456789");
	int64_t bits_s;
	if (len >= sizeof digits)
		return E_INVALID;
	memcpy(digits, text, len);
	digits[len] = '\0';
	TRY(int_parse(digits, &bits_s));
	if (!strcmp(text, "0")) {
		*ret_bits_s = 0;
		return OK;
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(text + len, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(bits_s, units[i].bits, &bits_s))
			return E_OVERFLOW;
		*ret_bits_s = bits_s;
		return OK;
	}
	return E_INVALID;
}
