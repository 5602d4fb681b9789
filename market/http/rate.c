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

static void key_of(const char *address, uint8_t *key)
{
	struct in6_addr v6;
	memset(key, 0, 16);
	if (inet_pton(AF_INET6, address, &v6) == 1)
		memcpy(key, &v6, 8);
	else
		snprintf((char *)key, 16, "%.15s", address);
}

bool rate_take(struct rate *r, const char *address, mono_time now, int *ret_wait_s)
{
	uint8_t key[16];
	key_of(address, key);
	sha256 hash = hmac_sha256(r->secret, sizeof r->secret, key, sizeof key);
	struct bucket *row = r->buckets[(hash.bytes[0] | hash.bytes[1] << 8) % ROWS], *mine = &row[0];
	for (int i = 0; i < WAYS; i++) {
		if (row[i].since_us && !memcmp(row[i].key, key, sizeof key)) {
			mine = &row[i];
			break;
		}
		if (row[i].since_us < mine->since_us)
			mine = &row[i];
	}
	if (!mine->since_us || memcmp(mine->key, key, sizeof key)) {
		memcpy(mine->key, key, sizeof key);
		mine->used_us = 0;
	} else {
		int64_t gained = now.us - mine->since_us;
		mine->used_us = gained < mine->used_us ? mine->used_us - gained : 0;
	}
	mine->since_us = now.us;
	int64_t over = mine->used_us + r->refill_us - (int64_t)r->burst * r->refill_us;
	if (over > 0) {
		*ret_wait_s = (int)((over + SECOND_US - 1) / SECOND_US);
		return false;
	}
	mine->used_us += r->refill_us;
	return true;
}
