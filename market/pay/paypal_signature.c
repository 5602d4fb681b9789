/* SPDX-License-Identifier: Apache-2.0
 * paypal_signature.c - is a webhook from PayPal? Its signature, and the certificate that it names
 *
 * How it works (https://developer.paypal.com/api/rest/webhooks/rest/): the signature is RSA with SHA-256 over
 * "transmission id|time|webhook id|CRC-32 of the body, decimal". The certificate is fetched from where the message says, which is
 * believed only below the addresses that the operator allows; its chain must end at a trusted authority and its name be PayPal's.
 * PayPal repeats for three days, so a message may be four days old; older ones, which might be somebody's recording, are
 * refused. A replay within that time changes nothing: facts count once.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "bytes.h"
#include "provider.h"

#define OLDEST_US (4 * DAY_US)
#define AHEAD_US (5 * MINUTE_US)
#define KEEP_US (6 * HOUR_US)
#define FETCH_US SECOND_US /* strangers name addresses that we do not know: no more than one a second */
#define SIGNATURE_MAX 1024
#define CHAIN_MAX 8

static void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define AUTO_KEY __attribute__((cleanup(key_free))) EVP_PKEY *

/* Below one of the allowed addresses, and plain from there on. */
bool paypal_certificate_allowed(const struct pay *pay, const char *url)
{
	const char *list = pay->config.paypal_certificates;
	for (; *list; list += strspn(list, " ")) {
		size_t len = strcspn(list, " ");
		if (len && list[len - 1] == '/' && !strncmp(url, list, len)) {
			const char *rest = url + len;
			if (*rest && strlen(rest) <= 128 &&
			    strspn(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(rest))
				return true;
		}
		list += len;
	}
	return false;
}

static void certificates_free(STACK_OF(X509) * *certificates)
{
	sk_X509_pop_free(*certificates, X509_free);
}

static bool named_paypal(X509 *leaf)
{
	return X509_check_host(leaf, "messageverificationcerts.paypal.com", 0, 0, NULL) == 1 ||
	       X509_check_host(leaf, "messageverificationcerts.sandbox.paypal.com", 0, 0, NULL) == 1;
}

static bool chain_holds(const char *ca_file, X509 *leaf, STACK_OF(X509) * others, wall_time now)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	bool holds = store && context &&
		     (*ca_file ? X509_STORE_load_file(store, ca_file) : X509_STORE_set_default_paths(store)) == 1 &&
		     X509_STORE_CTX_init(context, store, leaf, others) == 1;
	if (holds) {
		X509_STORE_CTX_set_time(context, 0, now.us / SECOND_US);
		holds = X509_verify_cert(context) == 1;
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return holds;
}

err_t paypal_certificate_read(const char *ca_file, const char *pem, size_t len, wall_time now, EVP_PKEY **ret_key)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	__attribute__((cleanup(certificates_free))) STACK_OF(X509) *others = sk_X509_new_null();
	X509 *one, *leaf = NULL;
	err_t e = E_AUTH;
	for (int i = 0; bio && others && i < CHAIN_MAX && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)); i++) {
		if (!leaf)
			leaf = one;
		else if (!sk_X509_push(others, one))
			X509_free(one);
	}
	BIO_free(bio);
	if (leaf && named_paypal(leaf) && chain_holds(ca_file, leaf, others, now)) {
		EVP_PKEY *key = X509_get_pubkey(leaf);
		if (key && EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= 2048) {
			*ret_key = key;
			e = OK;
		} else {
			EVP_PKEY_free(key);
		}
	}
	X509_free(leaf);
	return e;
}

static err_t key_fetch(struct pay *pay, const char *url, wall_time now, EVP_PKEY **ret_key)
{
	AUTO_KEY key = NULL;
	pthread_mutex_lock(&pay->lock);
	bool often = pay->fetched_at.us && clock_mono().us - pay->fetched_at.us < FETCH_US;
	if (!often)
		pay->fetched_at = clock_mono();
	pthread_mutex_unlock(&pay->lock);
	if (often)
		return E_UNAVAILABLE;
	struct http_call call = { .method = "GET", .url = url };
	err_t e = http_call_make(pay, &call);
	if (e == OK)
		e = call.status == 200 ? paypal_certificate_read(pay->config.ca_file, call.answer.data ? call.answer.data : "",
								 call.answer.len, now, &key)
				       : E_UNAVAILABLE;
	buf_clear(&call.answer);
	TRY(e);
	EVP_PKEY_up_ref(key);
	*ret_key = key;
	pthread_mutex_lock(&pay->lock);
	unsigned at = pay->next_certificate++ % CERTIFICATES;
	EVP_PKEY_free(pay->certificates[at].key);
	pay->certificates[at].key = key;
	key = NULL;
	snprintf(pay->certificates[at].url, sizeof pay->certificates[at].url, "%s", url);
	pay->certificates[at].until.us = clock_mono().us + KEEP_US;
	pthread_mutex_unlock(&pay->lock);
	return OK;
}

static err_t key_get(struct pay *pay, const char *url, wall_time now, EVP_PKEY **ret_key)
{
	if (strlen(url) >= sizeof pay->certificates[0].url || !paypal_certificate_allowed(pay, url))
		return E_AUTH;
	EVP_PKEY *key = NULL;
	pthread_mutex_lock(&pay->lock);
	for (size_t i = 0; i < CERTIFICATES && !key; i++)
		if (pay->certificates[i].key && !strcmp(pay->certificates[i].url, url) &&
		    clock_mono().us < pay->certificates[i].until.us) {
			key = pay->certificates[i].key;
			EVP_PKEY_up_ref(key);
		}
	pthread_mutex_unlock(&pay->lock);
	if (!key)
		return key_fetch(pay, url, now, ret_key);
	*ret_key = key;
	return OK;
}

/* CRC-32 of ISO 3309, as zlib has it. */
static uint32_t crc32_of(const char *data, size_t len)
{
	uint32_t crc = ~0u;
	for (size_t i = 0; i < len; i++) {
		crc ^= (uint8_t)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static err_t signature_verify(EVP_PKEY *key, const char *message, const char *signature)
{
	uint8_t bytes[SIGNATURE_MAX];
	size_t len = strlen(signature);
	if (len == 0 || len % 4 || len / 4 * 3 > sizeof bytes)
		return E_AUTH;
	int got = EVP_DecodeBlock(bytes, (const uint8_t *)signature, (int)len);
	for (size_t i = len; got > 0 && i > len - 2 && signature[i - 1] == '='; i--)
		got--;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = got > 0 && context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(context, bytes, (size_t)got, (const uint8_t *)message, strlen(message)) == 1;
	EVP_MD_CTX_free(context);
	return good ? OK : E_AUTH;
}

err_t paypal_signature_check(struct pay *pay, const struct webhook *w)
{
	const char *id = w->header(w->context, "Paypal-Transmission-Id"),
		   *time = w->header(w->context, "Paypal-Transmission-Time"),
		   *signature = w->header(w->context, "Paypal-Transmission-Sig"), *url = w->header(w->context, "Paypal-Cert-Url"),
		   *algorithm = w->header(w->context, "Paypal-Auth-Algo");
	char message[768];
	wall_time sent;
	if (!id || !time || !signature || !url || !algorithm || strcmp(algorithm, "SHA256withRSA"))
		return E_AUTH;
	if (strlen(id) > 128 || strlen(time) > 40 || wall_parse(time, &sent) != OK)
		return E_AUTH;
	if (w->now.us - sent.us > OLDEST_US || sent.us - w->now.us > AHEAD_US)
		return E_AUTH;
	snprintf(message, sizeof message, "%s|%s|%s|%u", id, time, pay->paypal.webhook_id, crc32_of(w->body, w->len));
	AUTO_KEY key = NULL;
	TRY(key_get(pay, url, w->now, &key));
	return signature_verify(key, message, signature);
}
