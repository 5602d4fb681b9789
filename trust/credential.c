/* SPDX-License-Identifier: Apache-2.0
 * credential.c - TPM2_MakeCredential without a TPM
 *
 * How it works: a random seed is made that the endorsement key's TPM can recover: encrypted to it by RSA-OAEP (Part 1 annex B.10.4), or
 * agreed upon with an ephemeral key by ECDH (annex C.6.4). From it come two keys by KDFa: one encrypts the secret by AES-CFB with an
 * IV of zeros, bound to the name, one authenticates the outcome and the name (section 24.4).
 */
#include "credential.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include "bytes.h"
#include "tpm.h"

#define HASH_MAX 48
#define POINT_MAX 97 /* uncompressed, P-384 */

struct kind {
	const char *hash;
	const EVP_CIPHER *cipher;
	size_t hash_bytes, key_bytes;
};

static void pkey_free(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define AUTO_PKEY __attribute__((cleanup(pkey_free))) EVP_PKEY *

static void pkey_context_free(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}
#define AUTO_PKEY_CONTEXT __attribute__((cleanup(pkey_context_free))) EVP_PKEY_CTX *

static struct kind kind_of(const EVP_PKEY *key)
{
	bool large = EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 384;
	return large ? (struct kind){ "SHA384", EVP_aes_256_cfb128(), 48, 32 }
		     : (struct kind){ "SHA256", EVP_aes_128_cfb128(), 32, 16 };
}

/* KDFa (Part 1 section 11.4.10.2), of at most one hash: HMAC(key, 1 || label NUL || context || bits). */
static bool kdfa(const struct kind *kind, const uint8_t *key, const char *label, const uint8_t *context, size_t context_len,
		 size_t bytes, uint8_t *ret)
{
	uint8_t text[4 + 16 + AK_NAME_BYTES + 4], mac[HASH_MAX];
	struct writer w = writer_of(text, sizeof text);
	size_t len;
	write_u32(&w, 1);
	write_bytes(&w, label, strlen(label) + 1);
	write_bytes(&w, context, context_len);
	write_u32(&w, (uint32_t)bytes * 8);
	bool made = !w.bad &&
		    EVP_Q_mac(NULL, "HMAC", NULL, kind->hash, NULL, key, kind->hash_bytes, text, writer_len(&w), mac, sizeof mac,
			      &len) &&
		    len >= bytes;
	if (made)
		memcpy(ret, mac, bytes);
	OPENSSL_cleanse(mac, sizeof mac);
	return made;
}

/* ---- the seed, for an RSA key ---- */

static bool seed_by_rsa(EVP_PKEY *key, uint8_t *seed, size_t seed_len, struct credential *ret)
{
	static const char label[] = "IDENTITY"; /* with its NUL */
	AUTO_PKEY_CONTEXT c = EVP_PKEY_CTX_new(key, NULL);
	void *own = OPENSSL_memdup(label, sizeof label);
	random_fill(seed, seed_len);
	if (!c || !own || EVP_PKEY_encrypt_init(c) != 1 || EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) != 1 ||
	    EVP_PKEY_CTX_set0_rsa_oaep_label(c, own, sizeof label) != 1) {
		OPENSSL_free(own);
		return false;
	}
	ret->seed_len = sizeof ret->seed;
	return EVP_PKEY_encrypt(c, ret->seed, &ret->seed_len, seed, seed_len) == 1;
}

/* ---- the seed, for an elliptic curve's ---- */

static bool point_of(const EVP_PKEY *key, uint8_t point[POINT_MAX], size_t *ret_len)
{
	return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, POINT_MAX, ret_len) == 1 &&
	       point[0] == 4;
}

static bool agree(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t shared[HASH_MAX], size_t *ret_len)
{
	AUTO_PKEY_CONTEXT c = EVP_PKEY_CTX_new(ours, NULL);
	*ret_len = HASH_MAX;
	return c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1 &&
	       EVP_PKEY_derive(c, shared, ret_len) == 1;
}

/* KDFe (Part 1 section 11.4.10.3) of one hash: H(1 || Z || label NUL || x of the ephemeral || x of the static point). */
static bool kdfe(const struct kind *kind, const uint8_t *shared, size_t number, const uint8_t *ours, const uint8_t *theirs,
		 uint8_t *seed)
{
	static const char label[] = "IDENTITY";
	uint8_t text[4 + HASH_MAX + sizeof label + 2 * HASH_MAX];
	struct writer w = writer_of(text, sizeof text);
	write_u32(&w, 1);
	write_bytes(&w, shared, number);
	write_bytes(&w, label, sizeof label);
	write_bytes(&w, ours + 1, number);
	write_bytes(&w, theirs + 1, number);
	bool made = !w.bad && EVP_Q_digest(NULL, kind->hash, NULL, text, writer_len(&w), seed, NULL) == 1;
	OPENSSL_cleanse(text, sizeof text);
	return made;
}

static bool seed_by_ecdh(const struct kind *kind, EVP_PKEY *key, uint8_t *seed, struct credential *ret)
{
	uint8_t ours[POINT_MAX], theirs[POINT_MAX], shared[HASH_MAX];
	size_t ours_len, theirs_len, number;
	char group[32];
	if (EVP_PKEY_get_group_name(key, group, sizeof group, &number) != 1)
		return false;
	AUTO_PKEY ephemeral = EVP_EC_gen(group);
	if (!ephemeral || !point_of(ephemeral, ours, &ours_len) || !point_of(key, theirs, &theirs_len) ||
	    ours_len != theirs_len || !agree(ephemeral, key, shared, &number) || ours_len != 1 + 2 * number)
		return false;
	bool made = kdfe(kind, shared, number, ours, theirs, seed);
	OPENSSL_cleanse(shared, sizeof shared);
	struct writer w = writer_of(ret->seed, sizeof ret->seed); /* TPMS_ECC_POINT */
	write_u16(&w, (uint16_t)number);
	write_bytes(&w, ours + 1, number);
	write_u16(&w, (uint16_t)number);
	write_bytes(&w, ours + 1 + number, number);
	ret->seed_len = writer_len(&w);
	return made && !w.bad;
}

/* ---- the blob ---- */

static bool encrypt(const struct kind *kind, const uint8_t *key, const uint8_t *text, size_t len, uint8_t *ret)
{
	static const uint8_t iv[16];
	int done = 0;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool made = c && EVP_EncryptInit_ex2(c, kind->cipher, key, iv, NULL) == 1 &&
		    EVP_EncryptUpdate(c, ret, &done, text, (int)len) == 1 && done == (int)len;
	EVP_CIPHER_CTX_free(c);
	return made;
}

static bool blob_make(const struct kind *kind, const uint8_t *seed, const uint8_t name[AK_NAME_BYTES], const uint8_t *secret,
		      struct credential *ret)
{
	enum { PLAIN = 2 + CREDENTIAL_SECRET_BYTES };
	uint8_t storage[32], integrity[HASH_MAX], plain[PLAIN], sealed[PLAIN + AK_NAME_BYTES], mac[HASH_MAX];
	size_t mac_len;
	struct writer p = writer_of(plain, sizeof plain), w = writer_of(ret->blob, sizeof ret->blob);
	write_u16(&p, CREDENTIAL_SECRET_BYTES);
	write_bytes(&p, secret, CREDENTIAL_SECRET_BYTES);
	bool made = kdfa(kind, seed, "STORAGE", name, AK_NAME_BYTES, kind->key_bytes, storage) &&
		    kdfa(kind, seed, "INTEGRITY", NULL, 0, kind->hash_bytes, integrity) &&
		    encrypt(kind, storage, plain, sizeof plain, sealed);
	memcpy(sealed + PLAIN, name, AK_NAME_BYTES);
	made = made && EVP_Q_mac(NULL, "HMAC", NULL, kind->hash, NULL, integrity, kind->hash_bytes, sealed, sizeof sealed, mac,
				 sizeof mac, &mac_len);
	OPENSSL_cleanse(plain, sizeof plain);
	OPENSSL_cleanse(storage, sizeof storage);
	OPENSSL_cleanse(integrity, sizeof integrity);
	if (!made)
		return false;
	write_u16(&w, (uint16_t)mac_len);
	write_bytes(&w, mac, mac_len);
	write_bytes(&w, sealed, PLAIN);
	ret->blob_len = writer_len(&w);
	return !w.bad;
}

err_t credential_make(EVP_PKEY *endorsement_key, const uint8_t name[AK_NAME_BYTES], const uint8_t secret[CREDENTIAL_SECRET_BYTES],
		      struct credential *ret)
{
	struct kind kind = kind_of(endorsement_key);
	struct credential made = { .blob_len = 0 };
	uint8_t seed[HASH_MAX];
	bool rsa = EVP_PKEY_is_a(endorsement_key, "RSA");
	if (!rsa && !EVP_PKEY_is_a(endorsement_key, "EC"))
		return E_UNSUPPORTED;
	bool good = (rsa ? seed_by_rsa(endorsement_key, seed, kind.hash_bytes, &made)
			 : seed_by_ecdh(&kind, endorsement_key, seed, &made)) &&
		    blob_make(&kind, seed, name, secret, &made);
	OPENSSL_cleanse(seed, sizeof seed);
	ERR_clear_error();
	if (!good)
		return E_UNSUPPORTED;
	*ret = made;
	return OK;
}
