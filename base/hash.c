/* SPDX-License-Identifier: Apache-2.0
 * hash.c - random bytes, SHA-256, HMAC
 *
 * Hashing fails only without memory or with a broken OpenSSL; there is nothing safe to go on with, so it aborts.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "bytes.h"
#include "crypto.h"

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s failed\n", program_invocation_short_name, what);
	abort();
}

void random_fill(void *data, size_t len)
{
	uint8_t *at = data;
	while (len) {
		ssize_t got = getrandom(at, len, 0);
		must(got > 0 || (got < 0 && errno == EINTR), "getrandom");
		if (got < 0)
			continue;
		at += got;
		len -= (size_t)got;
	}
}

/* Fetched once: looking the algorithm up again costs more than hashing a short message. */
static EVP_MD *sha256_algorithm;

static void fetch_sha256(void)
{
	sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256_algorithm, "SHA-256");
}

static const EVP_MD *sha256_md(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, fetch_sha256);
	return sha256_algorithm;
}

sha256 sha256_of(const void *data, size_t len)
{
	sha256 hash;
	must(EVP_Digest(data, len, hash.bytes, NULL, sha256_md(), NULL) == 1, "SHA-256");
	return hash;
}

bool constant_time_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

bool sha256_equal(sha256 a, sha256 b)
{
	return constant_time_equal(a.bytes, b.bytes, sizeof a.bytes);
}

char *sha256_format(sha256 h, char *text)
{
	return hex_encode(h.bytes, sizeof h.bytes, text);
}

err_t sha256_parse(const char *text, sha256 *ret_hash)
{
	return hex_decode(text, ret_hash->bytes, sizeof ret_hash->bytes);
}

sha256 hmac_sha256(const void *key, size_t key_len, const void *data, size_t len)
{
	sha256 mac;
	/* A NULL key means "the one before" to OpenSSL. */
	must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_len ? key : "", key_len, data, len, mac.bytes, sizeof mac.bytes,
		       NULL) != NULL,
	     "HMAC");
	return mac;
}

struct sha256_stream {
	EVP_MD_CTX *context;
};

struct sha256_stream *sha256_stream_new(void)
{
	struct sha256_stream *s = calloc(1, sizeof *s);
	must(s, "SHA-256");
	s->context = EVP_MD_CTX_new();
	must(s->context && EVP_DigestInit_ex2(s->context, sha256_md(), NULL) == 1, "SHA-256");
	return s;
}

void sha256_stream_add(struct sha256_stream *s, const void *data, size_t len)
{
	must(EVP_DigestUpdate(s->context, data, len) == 1, "SHA-256");
}

sha256 sha256_stream_end(struct sha256_stream *s)
{
	sha256 hash;
	must(EVP_DigestFinal_ex(s->context, hash.bytes, NULL) == 1, "SHA-256");
	sha256_stream_free(s);
	return hash;
}

void sha256_stream_free(struct sha256_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->context);
	free(s);
}

struct gmac {
	EVP_CIPHER_CTX *context;
};

struct gmac *gmac_new(const uint8_t key[GMAC_KEY_BYTES])
{
	static const uint8_t iv[12];
	struct gmac *m = calloc(1, sizeof *m);
	must(m, "GMAC");
	m->context = EVP_CIPHER_CTX_new();
	must(m->context && EVP_EncryptInit_ex2(m->context, EVP_aes_256_gcm(), key, iv, NULL) == 1, "GMAC");
	return m;
}

/* Data that are authenticated and not encrypted. */
void gmac_add(struct gmac *m, const void *data, size_t len)
{
	int n;
	must(len <= INT_MAX && EVP_EncryptUpdate(m->context, NULL, &n, data, (int)len) == 1, "GMAC");
}

gmac_tag gmac_end(struct gmac *m)
{
	gmac_tag tag = { 0 };
	uint8_t none[16];
	int n;
	must(EVP_EncryptFinal_ex(m->context, none, &n) == 1 &&
		     EVP_CIPHER_CTX_ctrl(m->context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag.bytes) == 1,
	     "GMAC");
	gmac_free(m);
	return tag;
}

void gmac_free(struct gmac *m)
{
	if (!m)
		return;
	EVP_CIPHER_CTX_free(m->context);
	free(m);
}
