/* SPDX-License-Identifier: Apache-2.0
 * spki.c - a TPM's public key as a SubjectPublicKeyInfo
 */
#include "spki.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#define EXPONENT 65537
#define NUMBER_MAX 48

static err_t spki_of(const char *type, OSSL_PARAM *params, struct blob *ret)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	bool made = c && params && EVP_PKEY_fromdata_init(c) == 1 && EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
	int len = made ? i2d_PUBKEY(key, &der) : -1;
	err_t e = len > 0 ? blob_set(ret, der, (size_t)len) : E_INVALID;
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(c);
	ERR_clear_error();
	return e;
}

err_t spki_of_rsa(const uint8_t *modulus, size_t len, struct blob *ret)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, (int)len, NULL);
	OSSL_PARAM *params = NULL;
	if (builder && n && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, EXPONENT) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	err_t e = spki_of("RSA", params, ret);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	return e;
}

err_t spki_of_point(const char *group, size_t number_bytes, const uint8_t *x, size_t x_len, const uint8_t *y, size_t y_len,
		    struct blob *ret)
{
	uint8_t point[1 + 2 * NUMBER_MAX] = { 4 };
	if (number_bytes > NUMBER_MAX || x_len > number_bytes || y_len > number_bytes)
		return E_INVALID;
	memcpy(point + 1 + number_bytes - x_len, x, x_len);
	memcpy(point + 1 + 2 * number_bytes - y_len, y, y_len);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * number_bytes),
		OSSL_PARAM_construct_end(),
	};
	return spki_of("EC", params, ret);
}
