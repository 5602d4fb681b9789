/* SPDX-License-Identifier: Apache-2.0
 * seal.c - two libraries seal by AES-256-GCM, each what the other does, to the byte; AEGIS-128L refuses what they refuse
 */
#include <assert.h>
#include "aegis.h"
#include "crypto.h"
#include "seal.h"
#include "seal_mb.h"
#include "tap.h"

#define PLAIN_MAX 9100
#define GUARD_BYTES 64 /* in front of the packet and behind it: assembly is not seen by sanitizers */
#define ROUNDS 3000

typedef err_t init_fn(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next);
static const struct {
	const char *name;
	init_fn *init;
	enum vnet_cipher cipher;
} ways[] = { { "OpenSSL", seal_init_openssl, VNET_AES_256_GCM },
	     { "libipsec-mb", seal_init, VNET_AES_256_GCM },
	     { "AEGIS-128L", seal_init, VNET_AEGIS_128L } };
#define WAYS 3
static int way_count; /* without AES-NI the last is left out */

static struct {
	uint8_t before[GUARD_BYTES], packet[PLAIN_MAX + WIRE_SEAL_BYTES + GUARD_BYTES];
} room[WAYS];

static struct seal seals[WAYS], opens[WAYS];

static void begin(const struct seal_key *key, uint64_t next)
{
	for (int i = 0; i < way_count; i++) {
		struct seal_key k = *key;
		k.cipher = ways[i].cipher;
		assert(ways[i].init(&seals[i], &k, true, next) == OK && ways[i].init(&opens[i], &k, false, 0) == OK);
	}
}

static void end(void)
{
	for (int i = 0; i < way_count; i++) {
		seal_clear(&seals[i]);
		seal_clear(&opens[i]);
	}
}

static size_t random_below(size_t n)
{
	uint32_t r;
	random_fill(&r, sizeof r);
	return r % n;
}

/* All short lengths once, then any, every other time a small one. */
static size_t some_length(size_t round)
{
	return round < 300 ? round : random_below(round % 2 ? PLAIN_MAX + 1 : 200);
}

/* True where both libraries make the same of it. */
static bool seal_all(const struct wire_header *h, size_t len)
{
	random_fill(&room[0], sizeof room[0]);
	for (int i = 1; i < way_count; i++)
		room[i] = room[0];
	for (int i = 0; i < way_count; i++)
		assert(seal_packet(&seals[i], h, room[i].packet, len) == OK);
	return !memcmp(&room[0], &room[1], sizeof room[0]); /* guards too: OpenSSL's are checked by sanitizers */
}

static void test_alike(void)
{
	struct seal_key key;
	struct wire_header h = { WIRE_DATA, 0x01020304, 0 };
	size_t alike = 0, opened = 0, untouched = 0;
	for (size_t i = 0; i < ROUNDS; i++) {
		static uint8_t plain[PLAIN_MAX];
		size_t len = some_length(i), got = 0;
		random_fill(&key, sizeof key);
		begin(&key, i % 7 ? i : UINT64_MAX - 1);
		for (int packet = 0; packet < 2; packet++) { /* the second under the next counter */
			alike += seal_all(&h, len);
			int opener = (int)random_below(2);
			room[!opener] = room[opener];
			opened += seal_open(&opens[opener], room[opener].packet, len + WIRE_SEAL_BYTES, &got) == OK && got == len;
			memcpy(plain, room[opener].packet + WIRE_HEADER_BYTES, len);
			opened += seal_open(&opens[!opener], room[!opener].packet, len + WIRE_SEAL_BYTES, &got) == OK &&
				  got == len && !memcmp(plain, room[!opener].packet + WIRE_HEADER_BYTES, len);
			const uint8_t *behind[2];
			for (int j = 0; j < 2; j++)
				behind[j] = room[j].packet + len + WIRE_SEAL_BYTES;
			untouched += !memcmp(room[0].before, room[1].before, GUARD_BYTES) &&
				     !memcmp(behind[0], behind[1], GUARD_BYTES);
		}
		end();
	}
	is_int(alike, 2 * ROUNDS, "packets of all lengths are sealed alike");
	is_int(opened, 4 * ROUNDS, "and opened by both");
	is_int(untouched, 2 * ROUNDS, "nothing around them is touched");
}

static void test_refusals(void)
{
	struct seal_key key;
	struct wire_header h = { WIRE_DATA, 0x01020304, 0 };
	size_t opened[WAYS] = { 0 }, len, got = 12345;
	random_fill(&key, sizeof key);
	begin(&key, 1);
	for (size_t i = 0; i < ROUNDS; i++) {
		len = some_length(i) + WIRE_SEAL_BYTES;
		seal_all(&h, len - WIRE_SEAL_BYTES);
		/* A bit anywhere; every fourth time in the tag; at times a byte is missing or one too many. */
		size_t at = i % 4 ? random_below(len) : len - 1 - random_below(WIRE_TAG_BYTES);
		for (int j = 0; j < way_count; j++) {
			if (i % 5 < 3)
				room[j].packet[at] ^= (uint8_t)(1u << (i % 8));
			opened[j] += seal_open(&opens[j], room[j].packet,
					       i % 5 == 3   ? len - 1
					       : i % 5 == 4 ? len + 1
							    : len,
					       &got) == OK;
		}
	}
	is_int(got, 12345, "nothing that was changed has a length");
	for (int j = 0; j < way_count; j++) {
		is_int(opened[j], 0, "%s opens nothing of it", ways[j].name);
		len = 0;
		for (size_t n = 0; n < WIRE_SEAL_BYTES; n++)
			len += seal_open(&opens[j], room[j].packet, n, &got) == OK;
		is_int(len, 0, "nothing shorter than a seal opens");
		is_int(seal_packet(&seals[j], &h, room[j].packet, UINT16_MAX), E_LIMIT,
		       "nothing is sealed that no datagram takes");
	}
	end();
}

/* What is sealed for one key, salt or counter does not open under another. */
static void test_keys(void)
{
	struct seal_key key, other;
	struct wire_header h = { WIRE_PROBE, 7, 0 };
	size_t got;
	random_fill(&key, sizeof key);
	for (int i = 0; i < 3; i++) {
		other = key;
		if (i == 0)
			other.key[15] ^= 1; /* also AEGIS-128L has it */
		else if (i == 1)
			other.salt[0] ^= 0x80;
		begin(&key, 1);
		seal_all(&h, 100);
		end();
		begin(&other, 1);
		if (i == 2)
			for (int j = 0; j < way_count; j++)
				room[j].packet[WIRE_HEADER_BYTES - 1]++;
		for (int j = 0; j < way_count; j++)
			is_int(seal_open(&opens[j], room[j].packet, 100 + WIRE_SEAL_BYTES, &got), E_CORRUPT, "wrong %s",
			       i == 0	? "key"
			       : i == 1 ? "salt"
					: "counter");
		end();
	}
}

/* What one cipher sealed does not open by the other under the same key. */
static void test_ciphers(void)
{
	struct seal_key key;
	struct wire_header h = { WIRE_DATA, 7, 0 };
	size_t got;
	random_fill(&key, sizeof key);
	begin(&key, 1);
	seal_all(&h, 100);
	is_int(seal_open(&opens[1], room[2].packet, 100 + WIRE_SEAL_BYTES, &got), E_CORRUPT,
	       "AES-256-GCM does not open AEGIS-128L's");
	is_int(seal_open(&opens[2], room[1].packet, 100 + WIRE_SEAL_BYTES, &got), E_CORRUPT, "nor the other way");
	is_int(seal_open(&opens[0], room[0].packet, 100 + WIRE_SEAL_BYTES, &got), OK, "its own opens");
	end();
}

int main(void)
{
	way_count = aegis_works() ? WAYS : WAYS - 1;
	if (!seal_mb_works())
		printf("# this processor has OpenSSL only: it is compared with itself\n");
	test_alike();
	test_refusals();
	test_keys();
	if (way_count == WAYS)
		test_ciphers();
	return done_testing();
}
