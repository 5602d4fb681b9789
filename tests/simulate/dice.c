/* SPDX-License-Identifier: Apache-2.0
 * dice.c - all chance of a simulation comes from its seed
 */
#include <openssl/rand.h>
#include <string.h>
#include "dice.h"

static uint64_t state[DICE_COUNT];

/* splitmix64 (Steele, Lea and Flood 2014). */
uint64_t dice_u64(enum dice which)
{
	uint64_t z = state[which] += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t dice_below(enum dice which, uint64_t n)
{
	return dice_u64(which) % n;
}

int64_t dice_between(enum dice which, int64_t low, int64_t high)
{
	return low + (int64_t)dice_below(which, (uint64_t)(high - low + 1));
}

bool dice_chance(enum dice which, unsigned per_mille)
{
	return per_mille > 0 && dice_below(which, 1000) < per_mille;
}

void __wrap_random_fill(void *data, size_t len)
{
	uint8_t *to = data;
	while (len > 0) {
		uint64_t x = dice_u64(SYSTEM);
		size_t n = len < sizeof x ? len : sizeof x;
		memcpy(to, &x, n);
		to += n;
		len -= n;
	}
}

static int openssl_bytes(unsigned char *buffer, int len)
{
	__wrap_random_fill(buffer, (size_t)len);
	return 1;
}

static int openssl_status(void)
{
	return 1;
}

/* The one call by which OpenSSL 3.0 lets a program name its generator without a provider of its own. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void dice_seed(uint64_t seed)
{
	static const RAND_METHOD method = { .bytes = openssl_bytes, .pseudorand = openssl_bytes, .status = openssl_status };
	for (int i = 0; i < DICE_COUNT; i++)
		state[i] = seed * DICE_COUNT + (uint64_t)i;
	for (int i = 0; i < DICE_COUNT; i++)
		state[i] = dice_u64((enum dice)i);
	(void)RAND_set_rand_method(&method);
}
