/* SPDX-License-Identifier: Apache-2.0
 * provider.h - what the providers share: credentials, the call to a server, reading its answers
 */
#ifndef PAY_PROVIDER_H
#define PAY_PROVIDER_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include "buf.h"
#include "pay.h"

#define SECRET_SIZE 257
#define CERTIFICATES 4

struct pay {
	struct pay_config config;
	atomic_bool stopping;
	struct paypal_secrets {
		char client_id[SECRET_SIZE], secret[SECRET_SIZE], webhook_id[SECRET_SIZE];
	} paypal;
	struct stripe_secrets {
		char secret_key[SECRET_SIZE], webhook_secret[SECRET_SIZE];
	} stripe;
	pthread_mutex_t lock; /* for what follows */
	char paypal_token[2049];
	mono_time paypal_token_until;
	/* Keys of PayPal's webhooks, by address; and when addresses that are not here were last fetched. */
	struct {
		char url[257];
		EVP_PKEY *key;
		mono_time until;
	} certificates[CERTIFICATES];
	unsigned next_certificate;
	mono_time fetched_at;
};

/* ---- one call to a server (call.c) ---- */
struct http_call {
	const char *method, *url;
	const char *headers[5];	     /* whole lines; NULL ends them */
	const char *user, *password; /* basic authorisation, or NULL */
	const char *body;	     /* NULL: none */
	struct buf answer;
	int status;
};
/* Waits for the whole answer, at most CALL_TIMEOUT_MS; any status is OK. TLS only, but for a server on this machine (127.0.0.1).
 * Follows nothing. E_UNAVAILABLE, E_LIMIT: a longer answer than anybody sends. The caller buf_clear()s answer. */
MUST_CHECK err_t http_call_make(const struct pay *pay, struct http_call *call);
/* The answer as JSON. E_UNAVAILABLE where it is none: a proxy's page, or half of it. */
MUST_CHECK err_t http_call_json(const struct http_call *call, json_t **ret_json);

/* ---- answers: theirs may have fields that we do not know (answer.c) ---- */
/* "purchase_units.0.payments": NULL where a step is missing. Borrowed. */
json_t *json_at(json_t *json, const char *path);
const char *text_at(json_t *json, const char *path); /* "" where there is none */
/* A name to store: letters, digits, '-', '_', '.'; false where it is missing, longer, or holds others. */
bool name_at(json_t *json, const char *path, char ret_name[static PAY_NAME_SIZE]);
/* The text at path is a UUID. */
bool uuid_at(json_t *json, const char *path, uuid *ret_id);
/* {"value":"10.00","CODE":"EUR"}: micro -1 where it is of another currency. False: no amount. told: as it was told. */
bool amount_at(const struct pay *pay, json_t *json, const char *path, const char *code, struct pay_fact *ret_fact);

/* ---- PayPal's signature of a webhook (paypal_signature.c) ---- */
/* E_AUTH where it does not hold, E_UNAVAILABLE where its certificate cannot be fetched. */
MUST_CHECK err_t paypal_signature_check(struct pay *pay, const struct webhook *w);
/* The parts that need no network, for tests. */
bool paypal_certificate_allowed(const struct pay *pay, const char *url);
MUST_CHECK err_t paypal_certificate_read(const char *ca_file, const char *pem, size_t len, wall_time now, EVP_PKEY **ret_key);
/* Stripe-Signature (stripe.c). */
MUST_CHECK err_t stripe_signature_check(const char *secret, const char *header, const char *body, size_t len, wall_time now);
/* What an event says that was found to be genuine. E_INVALID: of a kind that matters, and not understood. */
MUST_CHECK err_t paypal_hear_event(const struct pay *pay, json_t *event, struct pay_facts *ret);
MUST_CHECK err_t stripe_hear_event(const struct pay *pay, json_t *event, struct pay_facts *ret);

#endif
