/* SPDX-License-Identifier: Apache-2.0
 * token.c - bearer tokens that carry their own checksum
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"

#define RANDOM_CHARS 30
#define CHECK_CHARS 6 /* 62^6 > 2^32 */

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 as in ISO-HDLC and zlib: polynomial 0xedb88320, reflected. */
static uint32_t crc32_of(const char *text, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= (uint8_t)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void write_check(const char *text, size_t len, char *check)
{
	uint32_t crc = crc32_of(text, len);
	for (int i = CHECK_CHARS; i-- > 0; crc /= 62)
		check[i] = base62[crc % 62];
}

static char random_char(void)
{
	uint8_t byte;
	do
		random_fill(&byte, 1);
	while (byte >= 4 * 62); /* so that each character is as likely as the others */
	return base62[byte % 62];
}

void token_make(const char *prefix, char *text)
{
	size_t len = strlen(prefix);
	assert(len + RANDOM_CHARS + CHECK_CHARS < TOKEN_TEXT_SIZE);
	memcpy(text, prefix, len);
	for (int i = 0; i < RANDOM_CHARS; i++)
		text[len++] = random_char();
	write_check(text, len, text + len);
	text[len + CHECK_CHARS] = '\0';
}

bool token_well_formed(const char *prefix, const char *text)
{
	size_t prefix_len = strlen(prefix), body_len = prefix_len + RANDOM_CHARS;
	if (strnlen(text, TOKEN_TEXT_SIZE) != body_len + CHECK_CHARS || strncmp(text, prefix, prefix_len) ||
	    strspn(text + prefix_len, base62) != RANDOM_CHARS + CHECK_CHARS)
		return false;
	char check[CHECK_CHARS];
	write_check(text, body_len, check);
	return !memcmp(check, text + body_len, CHECK_CHARS);
}

sha256 token_hash(const char *text)
{
	return sha256_of(text, strlen(text));
}
