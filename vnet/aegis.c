/* SPDX-License-Identifier: Apache-2.0
 * aegis.c - AEGIS-128L by AES-NI (draft-irtf-cfrg-aegis-aead-18, section 4, "The AEGIS-128L Algorithm"; its names are kept)
 *
 * How it works: eight blocks of state; each step takes in 32 bytes, gives 32 of key stream and is eight AES rounds that do not wait for
 * each other. That is a quarter of the rounds of AES-256-GCM, and no multiplication. The state lives in registers: everything is inlined
 * into the two functions at the end.
 */
#include <immintrin.h>
#include <openssl/crypto.h>
#include <string.h>
#include "aegis.h"

#define BLOCK_BYTES 16
#define RATE_BYTES 32 /* a step's input */
#define INIT_STEPS 10
#define FINAL_STEPS 7
/* Only what is reached after aegis_works() is compiled for more than the oldest amd64. */
#define BY_AES_NI __attribute__((target("aes,avx")))
#define INLINE static inline __attribute__((always_inline))

struct state {
	__m128i s[8];
};
struct pair {
	__m128i first, second;
};

bool aegis_works(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("avx");
}

/* ---- the draft's functions ---- */
BY_AES_NI INLINE void update(struct state *a, struct pair m)
{
	__m128i *s = a->s, last = s[7];
	s[7] = _mm_aesenc_si128(s[6], s[7]);
	s[6] = _mm_aesenc_si128(s[5], s[6]);
	s[5] = _mm_aesenc_si128(s[4], s[5]);
	s[4] = _mm_aesenc_si128(s[3], _mm_xor_si128(s[4], m.second));
	s[3] = _mm_aesenc_si128(s[2], s[3]);
	s[2] = _mm_aesenc_si128(s[1], s[2]);
	s[1] = _mm_aesenc_si128(s[0], s[1]);
	s[0] = _mm_aesenc_si128(last, _mm_xor_si128(s[0], m.first));
}

BY_AES_NI INLINE struct pair load(const uint8_t *at)
{
	return (struct pair){ _mm_loadu_si128((const __m128i_u *)at), _mm_loadu_si128((const __m128i_u *)(at + BLOCK_BYTES)) };
}

BY_AES_NI INLINE void store(uint8_t *at, struct pair p)
{
	_mm_storeu_si128((__m128i_u *)at, p.first);
	_mm_storeu_si128((__m128i_u *)(at + BLOCK_BYTES), p.second);
}

/* Fewer than 32 bytes, and zeros. */
BY_AES_NI INLINE struct pair load_some(const uint8_t *at, size_t len)
{
	uint8_t padded[RATE_BYTES] = { 0 };
	memcpy(padded, at, len);
	return load(padded);
}

BY_AES_NI INLINE struct pair with_key_stream(const struct state *a, struct pair p)
{
	const __m128i *s = a->s;
	p.first = _mm_xor_si128(p.first, _mm_xor_si128(_mm_xor_si128(s[6], s[1]), _mm_and_si128(s[2], s[3])));
	p.second = _mm_xor_si128(p.second, _mm_xor_si128(_mm_xor_si128(s[2], s[5]), _mm_and_si128(s[6], s[7])));
	return p;
}

BY_AES_NI INLINE struct state begin(const uint8_t *key, const uint8_t *nonce)
{
	const __m128i c0 = _mm_set_epi64x(0x6279e99059372215, 0x0d08050302010100);
	const __m128i c1 = _mm_set_epi64x((long long)0xdd28b57342311120, (long long)0xf12fc26d55183ddb);
	__m128i k = _mm_loadu_si128((const __m128i_u *)key), n = _mm_loadu_si128((const __m128i_u *)nonce);
	__m128i kn = _mm_xor_si128(k, n), k0 = _mm_xor_si128(k, c0);
	struct state a = { { kn, c1, c0, c1, kn, k0, _mm_xor_si128(k, c1), k0 } };
	for (int i = 0; i < INIT_STEPS; i++)
		update(&a, (struct pair){ n, k });
	return a;
}

BY_AES_NI INLINE void absorb(struct state *a, const uint8_t *ad, size_t len)
{
	for (; len >= RATE_BYTES; ad += RATE_BYTES, len -= RATE_BYTES)
		update(a, load(ad));
	if (len > 0)
		update(a, load_some(ad, len));
}

BY_AES_NI INLINE __m128i finalize(struct state *a, size_t ad_len, size_t len)
{
	__m128i t = _mm_xor_si128(a->s[2], _mm_set_epi64x((long long)len * 8, (long long)ad_len * 8)), tag;
	for (int i = 0; i < FINAL_STEPS; i++)
		update(a, (struct pair){ t, t });
	tag = a->s[0];
	for (int i = 1; i < 7; i++)
		tag = _mm_xor_si128(tag, a->s[i]);
	return tag;
}

/* ---- messages ---- */
BY_AES_NI void aegis_seal(const uint8_t key[AEGIS_KEY_BYTES], const uint8_t nonce[AEGIS_NONCE_BYTES], const uint8_t *ad,
			  size_t ad_len, uint8_t *bytes, size_t len, uint8_t tag[AEGIS_TAG_BYTES])
{
	struct state a = begin(key, nonce);
	struct pair plain;
	size_t left = len;
	absorb(&a, ad, ad_len);
	for (; left >= RATE_BYTES; bytes += RATE_BYTES, left -= RATE_BYTES) {
		plain = load(bytes);
		store(bytes, with_key_stream(&a, plain));
		update(&a, plain);
	}
	if (left > 0) {
		uint8_t last[RATE_BYTES];
		plain = load_some(bytes, left);
		store(last, with_key_stream(&a, plain));
		memcpy(bytes, last, left);
		update(&a, plain);
	}
	_mm_storeu_si128((__m128i_u *)tag, finalize(&a, ad_len, len));
}

BY_AES_NI bool aegis_open(const uint8_t key[AEGIS_KEY_BYTES], const uint8_t nonce[AEGIS_NONCE_BYTES], const uint8_t *ad,
			  size_t ad_len, uint8_t *bytes, size_t len, const uint8_t tag[AEGIS_TAG_BYTES])
{
	struct state a = begin(key, nonce);
	struct pair plain;
	uint8_t *at = bytes;
	size_t left = len;
	absorb(&a, ad, ad_len);
	for (; left >= RATE_BYTES; at += RATE_BYTES, left -= RATE_BYTES) {
		plain = with_key_stream(&a, load(at));
		store(at, plain);
		update(&a, plain);
	}
	if (left > 0) {
		/* The key stream behind the message's end is not part of it: zeros go in. */
		uint8_t last[RATE_BYTES];
		store(last, with_key_stream(&a, load_some(at, left)));
		memcpy(at, last, left);
		update(&a, load_some(last, left));
	}
	uint8_t right[AEGIS_TAG_BYTES];
	_mm_storeu_si128((__m128i_u *)right, finalize(&a, ad_len, len));
	if (CRYPTO_memcmp(right, tag, sizeof right) == 0)
		return true;
	OPENSSL_cleanse(bytes, len);
	return false;
}
