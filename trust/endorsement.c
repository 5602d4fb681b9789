/* SPDX-License-Identifier: Apache-2.0
 * endorsement.c - which TPM it is
 */
#include "endorsement.h"
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EK_USAGE "2.23.133.8.1" /* tcg-kp-EKCertificate, EK Credential Profile section 3.2.16 */
#define RSA_BITS 2048

struct authorities {
	X509_STORE *store;
};

static void x509_free(X509 **c)
{
	X509_free(*c);
}
#define AUTO_X509 __attribute__((cleanup(x509_free))) X509 *

static void stack_free(STACK_OF(X509) * *stack)
{
	sk_X509_pop_free(*stack, X509_free);
}
#define AUTO_STACK __attribute__((cleanup(stack_free))) STACK_OF(X509) *

static void context_free(X509_STORE_CTX **c)
{
	X509_STORE_CTX_free(*c);
}
#define AUTO_CONTEXT __attribute__((cleanup(context_free))) X509_STORE_CTX *

err_t authorities_load(const char *path, struct authorities **ret)
{
	struct authorities *a = calloc(1, sizeof *a);
	if (!a)
		return E_NOMEM;
	a->store = X509_STORE_new();
	if (!a->store || X509_STORE_load_file(a->store, path) != 1) {
		err_t e = a->store ? E_INVALID : E_NOMEM;
		ERR_clear_error();
		authorities_free(a);
		return e;
	}
	*ret = a;
	return OK;
}

void authorities_free(struct authorities *a)
{
	if (!a)
		return;
	X509_STORE_free(a->store);
	free(a);
}

void endorsement_clear(struct endorsement *e)
{
	EVP_PKEY_free(e->key);
	*e = (struct endorsement){ .key = NULL };
}

/* All of the bytes, or NULL. */
static X509 *certificate_of(struct der der)
{
	const uint8_t *at = der.data;
	X509 *c = der.len <= EK_CERTIFICATE_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;
	ERR_clear_error();
	if (c && at == der.data + der.len)
		return c;
	X509_free(c);
	return NULL;
}

static bool key_known(const EVP_PKEY *key)
{
	char group[32];
	size_t len;
	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) == RSA_BITS;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
	       (!strcmp(group, "prime256v1") || !strcmp(group, "secp384r1"));
}

static enum fault endorsement_of(EVP_PKEY *key, bool certified, struct endorsement *ret)
{
	uint8_t *der = NULL;
	int len = key && key_known(key) ? i2d_PUBKEY(key, &der) : -1;
	ERR_clear_error();
	if (len <= 0 || EVP_PKEY_up_ref(key) != 1) {
		OPENSSL_free(der);
		return FAULT_EK_KEY;
	}
	*ret = (struct endorsement){ key, sha256_of(der, (size_t)len), certified };
	OPENSSL_free(der);
	return FAULT_NONE;
}

/* An endorsement certificate says so; a certificate that may be used for anything does not. */
static bool usage_right(X509 *c)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(c, NID_ext_key_usage, NULL, NULL);
	bool found = false;
	for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage); i++) {
		char text[64];
		int len = OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(usage, i), 1);
		found |= len > 0 && !strcmp(text, EK_USAGE);
	}
	EXTENDED_KEY_USAGE_free(usage);
	return found && X509_check_ca(c) == 0;
}

static enum fault chain_judge(X509_STORE_CTX *context)
{
	if (X509_verify_cert(context) == 1)
		return FAULT_NONE;
	switch (X509_STORE_CTX_get_error(context)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return FAULT_EK_EXPIRED;
	default:
		return FAULT_EK_CHAIN;
	}
}

static enum fault chain_check(X509 *c, const struct der *chain, size_t chain_count, const struct authorities *a, wall_time now)
{
	AUTO_STACK between = sk_X509_new_null();
	if (!between || !a || chain_count > EK_CHAIN_MAX)
		return FAULT_EK_CHAIN;
	for (size_t i = 0; i < chain_count; i++) {
		X509 *above = certificate_of(chain[i]);
		if (!above)
			return FAULT_EK_CERTIFICATE;
		if (sk_X509_push(between, above) <= 0) {
			X509_free(above);
			return FAULT_EK_CHAIN;
		}
	}
	AUTO_CONTEXT context = X509_STORE_CTX_new();
	if (!context || X509_STORE_CTX_init(context, a->store, c, between) != 1)
		return FAULT_EK_CHAIN;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	/* Whatever is in the operator's bundle is trusted, an intermediate too. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_time(param, (time_t)(now.us / SECOND_US));
	X509_VERIFY_PARAM_set_depth(param, EK_CHAIN_MAX);
	return chain_judge(context);
}

enum fault endorsement_certified(struct der certificate, const struct der *chain, size_t chain_count,
				 const struct authorities *authorities, wall_time now, struct endorsement *ret)
{
	AUTO_X509 c = certificate_of(certificate);
	if (!c)
		return FAULT_EK_CERTIFICATE;
	enum fault chained = chain_check(c, chain, chain_count, authorities, now);
	ERR_clear_error();
	JUDGE(chained);
	if (!usage_right(c))
		return FAULT_EK_USAGE;
	return endorsement_of(X509_get0_pubkey(c), true, ret);
}

enum fault endorsement_bare(struct der public_key, struct endorsement *ret)
{
	const uint8_t *at = public_key.data;
	EVP_PKEY *key = public_key.len <= EK_CERTIFICATE_MAX ? d2i_PUBKEY(NULL, &at, (long)public_key.len) : NULL;
	enum fault fault = FAULT_EK_KEY;
	if (key && at == public_key.data + public_key.len)
		fault = endorsement_of(key, false, ret);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return fault;
}

void endorsement_issuer(struct der certificate, char *text, size_t size)
{
	AUTO_X509 c = certificate_of(certificate);
	BIO *bio = c ? BIO_new(BIO_s_mem()) : NULL;
	char *name = NULL;
	long len = 0;
	text[0] = 0;
	/* RFC 2253 escapes what is no printable ASCII. */
	if (bio && X509_NAME_print_ex(bio, X509_get_issuer_name(c), 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_get_mem_data(bio, &name);
	for (size_t i = 0; i < (size_t)len && i + 1 < size; i++) {
		text[i] = name[i];
		text[i + 1] = 0;
	}
	BIO_free(bio);
	ERR_clear_error();
}
