/* SPDX-License-Identifier: Apache-2.0
 * crypto_cheap.c - stands in for keys, signatures and hashes where a simulation needs thousands of keys and millions of the others
 *
 * How it works: a public key is a hash of the private one, a signature one of the public key and the text, and the hash itself is a
 * mixer of 64-bit words. So anybody could sign, which nobody here does; a changed byte or another key fails as with the true ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"

#define KEY_TEXT "cheap key of %s, %016llx"

struct p256_key {
	p256_public public;
};

sha256 __wrap_sha256_of(const void *data, size_t len);
sha256 __wrap_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len);
ed25519_signature __wrap_ed25519_sign(const struct ed25519_key *key, const void *data, size_t len);
bool __wrap_ed25519_verify(ed25519_public key, const void *data, size_t len, ed25519_signature signature);
err_t __wrap_p256_new(const char *key_pem, struct p256_key **ret_key);
void __wrap_p256_free(struct p256_key *key);
p256_public __wrap_p256_public_of(const struct p256_key *key);
sha256 __wrap_p256_pin(p256_public public);
err_t __wrap_p256_sign(const struct p256_key *key, const void *data, size_t len, p256_signature *ret_signature);
bool __wrap_p256_verify(p256_public public, const void *data, size_t len, p256_signature signature);
err_t __wrap_certificate_make(const char *name, char **ret_key_pem, char **ret_cert_pem);
err_t __wrap_certificate_pin(const char *cert_pem, sha256 *ret_pin);

/* ---- hashes ---- */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	return (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
}

static uint64_t mix_all(uint64_t h, const uint8_t *data, size_t len)
{
	uint64_t word = 0;
	h = mix(h, len);
	for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
		memcpy(&word, data, sizeof word);
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, data, len);
	return mix(h, word);
}

sha256 __wrap_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len)
{
	sha256 hash;
	uint64_t h = mix_all(mix_all(1, key, key_len), data, len);
	for (size_t i = 0; i < sizeof hash.bytes; i += sizeof h) {
		h = mix(h, i);
		uint64_t word = h ^ h >> 32;
		memcpy(hash.bytes + i, &word, sizeof word);
	}
	return hash;
}

sha256 __wrap_sha256_of(const void *data, size_t len)
{
	return __wrap_hmac_sha256("", 0, data, len);
}

/* ---- signatures ---- */
static void sign(const void *public, size_t public_len, const void *data, size_t len, uint8_t signature[64])
{
	sha256 hash = __wrap_hmac_sha256(public, public_len, data, len);
	memset(signature, 0, 64);
	memcpy(signature, hash.bytes, sizeof hash.bytes);
}

ed25519_signature __wrap_ed25519_sign(const struct ed25519_key *key, const void *data, size_t len)
{
	ed25519_signature s;
	ed25519_public public = ed25519_public_of(key);
	sign(&public, sizeof public, data, len, s.bytes);
	return s;
}

bool __wrap_ed25519_verify(ed25519_public key, const void *data, size_t len, ed25519_signature signature)
{
	ed25519_signature want;
	sign(&key, sizeof key, data, len, want.bytes);
	return !memcmp(&want, &signature, sizeof want);
}

err_t __wrap_p256_sign(const struct p256_key *key, const void *data, size_t len, p256_signature *ret_signature)
{
	sign(&key->public, sizeof key->public, data, len, ret_signature->bytes);
	return OK;
}

bool __wrap_p256_verify(p256_public public, const void *data, size_t len, p256_signature signature)
{
	p256_signature want;
	sign(&public, sizeof public, data, len, want.bytes);
	return !memcmp(&want, &signature, sizeof want);
}

/* ---- keys ---- */
static p256_public public_of(const char *key_pem)
{
	p256_public public = { 0 };
	sha256 hash = __wrap_sha256_of(key_pem, strlen(key_pem));
	memcpy(public.bytes, hash.bytes, sizeof hash.bytes);
	return public;
}

err_t __wrap_p256_new(const char *key_pem, struct p256_key **ret_key)
{
	*ret_key = calloc(1, sizeof **ret_key);
	if (!*ret_key)
		return E_NOMEM;
	(*ret_key)->public = public_of(key_pem);
	return OK;
}

void __wrap_p256_free(struct p256_key *key)
{
	free(key);
}

p256_public __wrap_p256_public_of(const struct p256_key *key)
{
	return key->public;
}

sha256 __wrap_p256_pin(p256_public public)
{
	return __wrap_sha256_of(&public, sizeof public);
}

/* The certificate is the key's own text. */
err_t __wrap_certificate_make(const char *name, char **ret_key_pem, char **ret_cert_pem)
{
	uint64_t secret;
	random_fill(&secret, sizeof secret);
	if (asprintf(ret_key_pem, KEY_TEXT, name, (unsigned long long)secret) < 0)
		return E_NOMEM;
	*ret_cert_pem = strdup(*ret_key_pem);
	return *ret_cert_pem ? OK : E_NOMEM;
}

err_t __wrap_certificate_pin(const char *cert_pem, sha256 *ret_pin)
{
	*ret_pin = __wrap_p256_pin(public_of(cert_pem));
	return OK;
}
