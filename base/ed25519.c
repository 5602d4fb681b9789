/* SPDX-License-Identifier: Apache-2.0
 * ed25519.c - a machine's identity: keys, their files, signatures
 */
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "file.h"
#include "pem.h"

#define PEM_MAX_BYTES 4096

struct ed25519_key {
	EVP_PKEY *pkey;
};

/* Takes pkey. */
static err_t wrap(EVP_PKEY *pkey, struct ed25519_key **ret_key)
{
	struct ed25519_key *key = calloc(1, sizeof *key);
	if (!key) {
		EVP_PKEY_free(pkey);
		return E_NOMEM;
	}
	key->pkey = pkey;
	*ret_key = key;
	return OK;
}

err_t ed25519_new(struct ed25519_key **ret_key)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return pkey ? wrap(pkey, ret_key) : E_NOMEM;
}

err_t ed25519_load(const char *path, struct ed25519_key **ret_key)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	TRY(file_read(path, PEM_MAX_BYTES, &text, &len));
	AUTO_BIO bio = BIO_new_mem_buf(text, (int)len);
	if (!bio)
		return E_NOMEM;
	/* An empty passphrase keeps OpenSSL from asking for one on the terminal. */
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, "");
	OPENSSL_cleanse(text, len);
	if (!pkey)
		return E_CORRUPT;
	if (!EVP_PKEY_is_a(pkey, "ED25519")) {
		EVP_PKEY_free(pkey);
		return E_CORRUPT;
	}
	return wrap(pkey, ret_key);
}

err_t ed25519_save(const struct ed25519_key *key, const char *path)
{
	AUTO_FREE char *text = NULL;
	TRY(pem_of_key(key->pkey, &text));
	err_t e = file_write(path, text, strlen(text), 0600);
	OPENSSL_cleanse(text, strlen(text));
	return e;
}

void ed25519_free(struct ed25519_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

ed25519_public ed25519_public_of(const struct ed25519_key *key)
{
	ed25519_public public;
	size_t len = sizeof public.bytes;
	if (EVP_PKEY_get_raw_public_key(key->pkey, public.bytes, &len) != 1 || len != sizeof public.bytes)
		abort();
	return public;
}

ed25519_signature ed25519_sign(const struct ed25519_key *key, const void *data, size_t len)
{
	ed25519_signature signature;
	size_t signature_len = sizeof signature.bytes;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) != 1 ||
	    EVP_DigestSign(context, signature.bytes, &signature_len, data, len) != 1 || signature_len != sizeof signature.bytes)
		abort();
	EVP_MD_CTX_free(context);
	return signature;
}

bool ed25519_verify(ed25519_public key, const void *data, size_t len, ed25519_signature signature)
{
	AUTO_PKEY pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.bytes, sizeof key.bytes);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool valid = pkey && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
		     EVP_DigestVerify(context, signature.bytes, sizeof signature.bytes, data, len) == 1;
	EVP_MD_CTX_free(context);
	return valid;
}
