/* SPDX-License-Identifier: Apache-2.0
 * pem.h - private keys as PEM text; inside base only
 */
#ifndef BASE_PEM_H
#define BASE_PEM_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include "err.h"

/* Heap text of what was written to a memory BIO (caller frees). */
MUST_CHECK err_t pem_take(BIO *bio, char **ret_text);
/* A private key as PKCS #8, unencrypted. Caller frees. */
MUST_CHECK err_t pem_of_key(const EVP_PKEY *key, char **ret_text);

static inline void bio_free(BIO **bio)
{
	BIO_free(*bio);
}
static inline void pkey_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define AUTO_BIO __attribute__((cleanup(bio_free))) BIO *
#define AUTO_PKEY __attribute__((cleanup(pkey_free))) EVP_PKEY *

#endif
