/* SPDX-License-Identifier: Apache-2.0
 * pem.c - private keys as PEM text
 */
#include <openssl/pem.h>
#include <string.h>
#include "pem.h"

err_t pem_take(BIO *bio, char **ret_text)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	char *text = len > 0 ? strndup(data, (size_t)len) : NULL;
	if (!text)
		return E_NOMEM;
	*ret_text = text;
	return OK;
}

err_t pem_of_key(const EVP_PKEY *key, char **ret_text)
{
	AUTO_BIO bio = BIO_new(BIO_s_mem());
	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return E_NOMEM;
	return pem_take(bio, ret_text);
}
