/* SPDX-License-Identifier: Apache-2.0
 * certificate.c - self-signed P-256 certificates, and the pin of one
 */
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "pem.h"

#define DAY_SECONDS (24 * 60 * 60)
#define NAME_MAX_CHARS 64 /* ub-common-name, RFC 5280 appendix A */

static void x509_free(X509 **certificate)
{
	X509_free(*certificate);
}
#define AUTO_X509 __attribute__((cleanup(x509_free))) X509 *

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool add_alternative_name(X509 *certificate, const char *name)
{
	uint8_t address[sizeof(struct in6_addr)];
	char value[NAME_MAX_CHARS + 8];
	bool ip = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
	snprintf(value, sizeof value, "%s:%s", ip ? "IP" : "DNS", name);
	return add_extension(certificate, NID_subject_alt_name, value);
}

/* 127 random bits (RFC 5280 section 4.1.2.2: positive, at most 20 octets). */
static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool set = number && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return set;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	       /* A day back: the other side's clock may be behind ours. */
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_SECONDS) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), 3650L * DAY_SECONDS) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
	       add_extension(certificate, NID_subject_key_identifier, "hash") && add_alternative_name(certificate, name) &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* OpenSSL reads the alternative name in a syntax of its own, in which a comma would start another one. */
static bool plain_name(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:*_-");
	return len > 0 && len <= NAME_MAX_CHARS && !name[len];
}

err_t certificate_make(const char *name, char **ret_key_pem, char **ret_cert_pem)
{
	if (!plain_name(name))
		return E_INVALID;
	AUTO_PKEY key = EVP_EC_gen("P-256");
	AUTO_X509 certificate = X509_new();
	AUTO_BIO bio = BIO_new(BIO_s_mem());
	if (!key || !certificate || !bio || !fill(certificate, key, name) || !PEM_write_bio_X509(bio, certificate))
		return E_NOMEM;
	char *key_pem;
	TRY(pem_of_key(key, &key_pem));
	err_t e = pem_take(bio, ret_cert_pem);
	if (e) {
		free(key_pem);
		return e;
	}
	*ret_key_pem = key_pem;
	return OK;
}

err_t certificate_pin(const char *cert_pem, sha256 *ret_pin)
{
	AUTO_BIO bio = BIO_new_mem_buf(cert_pem, -1);
	if (!bio)
		return E_NOMEM;
	AUTO_X509 certificate = PEM_read_bio_X509(bio, NULL, NULL, "");
	if (!certificate)
		return E_INVALID;
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(X509_get0_pubkey(certificate), &der);
	if (len <= 0)
		return E_INVALID;
	*ret_pin = sha256_of(der, (size_t)len);
	OPENSSL_free(der);
	return OK;
}
