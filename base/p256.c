/* SPDX-License-Identifier: Apache-2.0
 * p256.c - ECDSA on P-256 with SHA-256: proof of having the key that a pin names
 */
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "pem.h"

#define NUMBER_BYTES 32
#define DER_MAX 80 /* of a signature; two numbers of at most 33 bytes, and what stands around them */

/* What stands before the point in a SubjectPublicKeyInfo of P-256 (RFC 5480). */
static const uint8_t spki_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
				     0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
#define SPKI_BYTES (sizeof spki_head + sizeof(p256_public))

struct p256_key {
	EVP_PKEY *pkey;
	p256_public public;
};

static void signature_free(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}
#define AUTO_SIGNATURE __attribute__((cleanup(signature_free))) ECDSA_SIG *

static void context_free(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}
#define AUTO_CONTEXT __attribute__((cleanup(context_free))) EVP_MD_CTX *

static void spki_of(p256_public public, uint8_t spki[SPKI_BYTES])
{
	memcpy(spki, spki_head, sizeof spki_head);
	memcpy(spki + sizeof spki_head, public.bytes, sizeof public.bytes);
}

sha256 p256_pin(p256_public public)
{
	uint8_t spki[SPKI_BYTES];
	spki_of(public, spki);
	return sha256_of(spki, sizeof spki);
}

static bool public_of(EVP_PKEY *pkey, p256_public *ret_public)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);
	bool good = len == (int)SPKI_BYTES && memcmp(der, spki_head, sizeof spki_head) == 0;
	if (good)
		memcpy(ret_public->bytes, der + sizeof spki_head, sizeof ret_public->bytes);
	OPENSSL_free(der);
	return good;
}

err_t p256_new(const char *key_pem, struct p256_key **ret_key)
{
	AUTO_BIO bio = BIO_new_mem_buf(key_pem, -1);
	AUTO_PKEY pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	p256_public public;
	ERR_clear_error();
	if (!pkey || !public_of(pkey, &public))
		return E_INVALID;
	struct p256_key *key = malloc(sizeof *key);
	if (!key)
		return E_NOMEM;
	*key = (struct p256_key){ .pkey = pkey, .public = public };
	pkey = NULL;
	*ret_key = key;
	return OK;
}

void p256_free(struct p256_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

p256_public p256_public_of(const struct p256_key *key)
{
	return key->public;
}

err_t p256_sign(const struct p256_key *key, const void *data, size_t len, p256_signature *ret_signature)
{
	AUTO_CONTEXT c = EVP_MD_CTX_new();
	uint8_t der[DER_MAX];
	const uint8_t *at = der;
	size_t der_len = sizeof der;
	p256_signature s;
	if (!c || EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key->pkey) != 1 ||
	    EVP_DigestSign(c, der, &der_len, data, len) != 1)
		return E_NOMEM;
	AUTO_SIGNATURE parts = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
	if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts), s.bytes, NUMBER_BYTES) != NUMBER_BYTES ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(parts), s.bytes + NUMBER_BYTES, NUMBER_BYTES) != NUMBER_BYTES)
		return E_NOMEM;
	*ret_signature = s;
	return OK;
}

/* Numbers to what OpenSSL checks. Returns the length, 0 without memory. */
static size_t der_of(p256_signature s, uint8_t der[DER_MAX])
{
	AUTO_SIGNATURE parts = ECDSA_SIG_new();
	BIGNUM *first = BN_bin2bn(s.bytes, NUMBER_BYTES, NULL), *second = BN_bin2bn(s.bytes + NUMBER_BYTES, NUMBER_BYTES, NULL);
	if (!parts || !first || !second || ECDSA_SIG_set0(parts, first, second) != 1) {
		BN_free(first);
		BN_free(second);
		return 0;
	}
	int len = i2d_ECDSA_SIG(parts, NULL);
	return len > 0 && len <= DER_MAX ? (size_t)i2d_ECDSA_SIG(parts, &der) : 0;
}

bool p256_verify(p256_public public, const void *data, size_t len, p256_signature signature)
{
	uint8_t spki[SPKI_BYTES], der[DER_MAX];
	const uint8_t *at = spki;
	spki_of(public, spki);
	AUTO_PKEY pkey = d2i_PUBKEY(NULL, &at, sizeof spki); /* NULL where the point is not on the curve */
	AUTO_CONTEXT c = EVP_MD_CTX_new();
	size_t der_len = der_of(signature, der);
	bool good = pkey && c && der_len > 0 && EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, pkey) == 1 &&
		    EVP_DigestVerify(c, der, der_len, data, len) == 1;
	ERR_clear_error();
	return good;
}
