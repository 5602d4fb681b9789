/* SPDX-License-Identifier: Apache-2.0
 * uuid.c - UUID version 7
 */
#include <string.h>
#include "bytes.h"
#include "crypto.h"
#include "uuid.h"

uuid uuid_make(wall_time now)
{
	uint64_t bits;
	random_fill(&bits, sizeof bits);
	return uuid_make_of(now, bits);
}

uuid uuid_make_of(wall_time now, uint64_t bits)
{
	uuid id;
	struct writer w = writer_of(id.bytes, sizeof id.bytes);
	uint64_t us = now.us > 0 ? (uint64_t)now.us : 0;
	/* 48 bits of milliseconds; the 12 bits after the version are their fraction (RFC 9562 section 6.2 method 3). */
	write_u16(&w, (uint16_t)(us / 1000 >> 32));
	write_u32(&w, (uint32_t)(us / 1000));
	write_u16(&w, (uint16_t)(0x7000 | us % 1000 * 4096 / 1000));
	write_u64(&w, bits);
	id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80;
	return id;
}

bool uuid_equal(uuid a, uuid b)
{
	return !memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

bool uuid_is_zero(uuid id)
{
	return uuid_equal(id, (uuid){ 0 });
}

char *uuid_format(uuid id, char *text)
{
	char hex[33];
	hex_encode(id.bytes, sizeof id.bytes, hex);
	memcpy(text, hex, 8);
	memcpy(text + 9, hex + 8, 4);
	memcpy(text + 14, hex + 12, 4);
	memcpy(text + 19, hex + 16, 4);
	memcpy(text + 24, hex + 20, 13); /* with the NUL */
	text[8] = text[13] = text[18] = text[23] = '-';
	return text;
}

err_t uuid_parse(const char *text, uuid *ret_id)
{
	char hex[33];
	if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
		return E_INVALID;
	if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
		return E_INVALID;
	memcpy(hex, text, 8);
	memcpy(hex + 8, text + 9, 4);
	memcpy(hex + 12, text + 14, 4);
	memcpy(hex + 16, text + 19, 4);
	memcpy(hex + 20, text + 24, 13); /* with the NUL */
	return hex_decode(hex, ret_id->bytes, sizeof ret_id->bytes);
}
