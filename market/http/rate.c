/* SPDX-License-Identifier: Apache-2.0
 * rate.c - token buckets by address, in a table of fixed size
 *
 * A bucket is its level at a moment; what it gained since is computed when it is looked at. Rows of WAYS buckets are chosen by a keyed
 * hash, so that a stranger cannot aim at a neighbour's row.
 */
#include "rate.h"

#include <arpa/inet.h>

#include "crypto.h"

#define ROWS 1024
#define WAYS 4

struct bucket {
	uint8_t key[16];
	int64_t used_us;  /* of burst * refill_us, at since_us */
	int64_t since_us; /* 0: free */
};
struct rate {
	uint32_t burst;
	int64_t refill_us;
	uint8_t secret[16];
	struct bucket buckets[ROWS][WAYS];
};

err_t rate_new(uint32_t burst, int64_t refill_us, struct rate **ret_rate)
{
	struct rate *r = calloc(1, sizeof *r);
	if (!r)
		return E_NOMEM;
	r->burst = burst;
	r->refill_us = refill_us;
	random_fill(r->secret, sizeof r->secret);
	*ret_rate = r;
	return OK;
}

void rate_free(struct rate *r)
{
	free(r);
}

static uint64_t word_of(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof word);
	return word;
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[2] += v[3];
	v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0], v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
	v[0] = v[0] << 32 | v[0] >> 32;
	v[2] += v[1], v[0] += v[3];
	v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2], v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
	v[2] = v[2] << 32 | v[2] >> 32;
}

/* SipHash-2-4 (Aumasson and Bernstein) of 16 bytes: every request is counted, and OpenSSL's way to a keyed hash costs microseconds. */
uint64_t rate_hash(const uint8_t secret[16], const uint8_t key[16])
{
	uint64_t k0 = word_of(secret), k1 = word_of(secret + 8), words[3] = { word_of(key), word_of(key + 8), 16ull << 56 };
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	for (int i = 0; i < 3; i++) {
		v[3] ^= words[i];
		sip_round(v);
		sip_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void key_of(const char *address, uint8_t *key)
{
	struct in6_addr v6;
	memset(key, 0, 16);
	if (inet_pton(AF_INET6, address, &v6) == 1)
		memcpy(key, &v6, 8);
	else
		memcpy(key, address, strnlen(address, 15));
}

/* The address's bucket, or the one of its row that is to make room for it. */
static struct bucket *bucket_of(struct rate *r, const uint8_t *key)
{
	struct bucket *row = r->buckets[rate_hash(r->secret, key) % ROWS], *oldest = &row[0];
	for (int i = 0; i < WAYS; i++) {
		if (row[i].since_us && !memcmp(row[i].key, key, sizeof row[i].key))
			return &row[i];
		if (row[i].since_us < oldest->since_us)
			oldest = &row[i];
	}
	return oldest;
}

/* How much of it is used now. */
static int64_t used_of(const struct bucket *b, const uint8_t *key, mono_time now)
{
	int64_t gained = now.us - b->since_us;
	return !b->since_us || memcmp(b->key, key, sizeof b->key) || gained >= b->used_us ? 0 : b->used_us - gained;
}

bool rate_has(struct rate *r, const char *address, mono_time now)
{
	uint8_t key[16];
	key_of(address, key);
	return used_of(bucket_of(r, key), key, now) + r->refill_us <= (int64_t)r->burst * r->refill_us;
}

static bool take(struct rate *r, const uint8_t *key, mono_time now, int *ret_wait_s)
{
	struct bucket *mine = bucket_of(r, key);
	mine->used_us = used_of(mine, key, now);
	memcpy(mine->key, key, sizeof mine->key);
	mine->since_us = now.us;
	int64_t over = mine->used_us + r->refill_us - (int64_t)r->burst * r->refill_us;
	if (over > 0) {
		*ret_wait_s = (int)((over + SECOND_US - 1) / SECOND_US);
		return false;
	}
	mine->used_us += r->refill_us;
	return true;
}

bool rate_take(struct rate *r, const char *address, mono_time now, int *ret_wait_s)
{
	uint8_t key[16];
	key_of(address, key);
	return take(r, key, now, ret_wait_s);
}

bool rate_take_id(struct rate *r, uuid id, mono_time now, int *ret_wait_s)
{
	return take(r, id.bytes, now, ret_wait_s);
}
