/* SPDX-License-Identifier: Apache-2.0
 * pin.c - certificates by their key: the pin is all, names, dates and issuers mean nothing
 */
#include "pin.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define MAX_CERT_LIST_BYTES 4096 /* one P-256 certificate has some 500 */

err_t pin_of(X509 *x, sha256 *ret_pin)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	char group[32];
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0)
		return E_INVALID;
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	if (len <= 0)
		return E_INVALID;
	*ret_pin = sha256_of(der, (size_t)len);
	OPENSSL_free(der);
	return OK;
}

/* Stands in the place of OpenSSL's check of certificate chains. */
static int verify(X509_STORE_CTX *store, void *unused)
{
	(void)unused;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const sha256 *want = ssl ? SSL_get_app_data(ssl) : NULL;
	X509 *x = X509_STORE_CTX_get0_cert(store);
	sha256 pin;
	if (want && x && pin_of(x, &pin) == OK && sha256_equal(pin, *want)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

void pin_require(SSL_CTX *c)
{
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, verify, NULL);
	SSL_CTX_set_max_cert_list(c, MAX_CERT_LIST_BYTES);
}

err_t pin_load(SSL_CTX *c, const char *key_pem, const char *cert_pem, sha256 *ret_pin)
{
	err_t e = E_INVALID;
	BIO *key_bio = BIO_new_mem_buf(key_pem, -1), *cert_bio = BIO_new_mem_buf(cert_pem, -1);
	EVP_PKEY *key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
	X509 *cert = cert_bio ? PEM_read_bio_X509(cert_bio, NULL, NULL, NULL) : NULL;
	if (key && cert && SSL_CTX_use_certificate(c, cert) == 1 && SSL_CTX_use_PrivateKey(c, key) == 1 &&
	    SSL_CTX_check_private_key(c) == 1)
		e = pin_of(cert, ret_pin);
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	return e;
}
