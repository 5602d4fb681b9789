/* SPDX-License-Identifier: Apache-2.0
 * signature_cheap.c - stands in for Ed25519 and ECDSA where a simulation binds itself at relays a hundred thousand times
 *
 * How it works: a signature is a hash of the public key and the text. So anybody could make one, which nobody here does; a changed
 * byte or another key fails as with the true ones.
 */
#include <string.h>
#include "crypto.h"

ed25519_signature __wrap_ed25519_sign(const struct ed25519_key *key, const void *data, size_t len);
bool __wrap_ed25519_verify(ed25519_public key, const void *data, size_t len, ed25519_signature signature);
err_t __wrap_p256_sign(const struct p256_key *key, const void *data, size_t len, p256_signature *ret_signature);
bool __wrap_p256_verify(p256_public public, const void *data, size_t len, p256_signature signature);

static sha256 hash_of(const void *public, size_t public_len, const void *data, size_t len)
{
	return hmac_sha256(public, public_len, data, len);
}

ed25519_signature __wrap_ed25519_sign(const struct ed25519_key *key, const void *data, size_t len)
{
	ed25519_signature s = { 0 };
	ed25519_public public = ed25519_public_of(key);
	sha256 hash = hash_of(&public, sizeof public, data, len);
	memcpy(&s, hash.bytes, sizeof hash.bytes);
	return s;
}

bool __wrap_ed25519_verify(ed25519_public key, const void *data, size_t len, ed25519_signature signature)
{
	ed25519_signature want = { 0 };
	sha256 hash = hash_of(&key, sizeof key, data, len);
	memcpy(&want, hash.bytes, sizeof hash.bytes);
	return !memcmp(&want, &signature, sizeof want);
}

err_t __wrap_p256_sign(const struct p256_key *key, const void *data, size_t len, p256_signature *ret_signature)
{
	p256_public public = p256_public_of(key);
	sha256 hash = hash_of(&public, sizeof public, data, len);
	*ret_signature = (p256_signature){ 0 };
	memcpy(ret_signature, hash.bytes, sizeof hash.bytes);
	return OK;
}

bool __wrap_p256_verify(p256_public public, const void *data, size_t len, p256_signature signature)
{
	p256_signature want = { 0 };
	sha256 hash = hash_of(&public, sizeof public, data, len);
	memcpy(&want, hash.bytes, sizeof hash.bytes);
	return !memcmp(&want, &signature, sizeof want);
}
