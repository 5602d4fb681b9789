/* SPDX-License-Identifier: Apache-2.0
 * pay.h - ways to pay into the market and to be paid out: one struct, one file each
 *
 * How it works: a provider's functions may wait for its servers, so they run on a worker's thread; they get rows by value and give
 * facts. What a fact changes is the store's business: each may come twice, late, or never, and credits once. A provider that
 * asks nobody ("manual") has no functions: an operator says what came and what was paid.
 */
#ifndef PAY_H
#define PAY_H

#include "payout.h"

#define PAY_NAME_SIZE 129 /* what a provider calls a thing of its own */
#define PAY_FACTS 8

/* Texts stay the caller's. Credentials are INI files (0600) that only this folder reads; "" where a provider is not used. */
struct pay_config {
	const char *currency;
	const char *public_url; /* of this market: where payers come back to */
	const char *ca_file;	/* trusted instead of the system's authorities, or "" */
	const char *paypal_file, *paypal_url, *paypal_certificates;
	const char *stripe_file, *stripe_url;
};

struct pay;
struct http_call;
/* Reads credentials. E_INVALID with error (256 bytes) saying which file and line, and what would be right. */
MUST_CHECK err_t pay_new(const struct pay_config *config, struct pay **ret_pay, char *error);
/* Calls under way are given up (E_UNAVAILABLE): before waiting for the threads that make them. */
void pay_stop(struct pay *pay);
void pay_free(struct pay *pay);

enum pay_news {
	PAY_STARTED,   /* reference: the checkout; url: where the payer pays */
	PAY_ASK,       /* there is news of the deposit: ask */
	PAY_PAID,      /* reference: the payment */
	PAY_LOST,      /* nothing will come; told: why */
	PAY_REVERSED,  /* payment, reference: the refund or dispute; amount: in all under this reference. id is zero */
	PAY_OUT_SENT,  /* the payout was taken; reference: its batch */
	PAY_OUT_WAITS, /* told: why */
	PAY_OUT_PAID,
	PAY_OUT_FAILED, /* told: why */
};
struct pay_fact {
	enum pay_news news;
	uuid id; /* the deposit or payout */
	char reference[PAY_NAME_SIZE], payment[PAY_NAME_SIZE];
	char url[PAY_URL_SIZE];
	money amount;	/* micro -1: of another currency than the market's */
	char told[128]; /* for people: the amount as it was told, or why */
};
struct pay_facts {
	size_t count;
	struct pay_fact facts[PAY_FACTS];
};

/* What a stranger sent to a provider's webhook. header() gives a header's value or NULL. */
struct webhook {
	const char *(*header)(const void *context, const char *name);
	const void *context;
	const char *body;
	size_t len;
	wall_time now;
};

struct provider {
	const char *name;
	bool operator_confirms; /* an operator says whether money came or went; nobody is asked */
	bool pays_out;
	/* May it be used with this configuration? NULL: always. */
	bool (*ready)(const struct pay *pay);
	/* The smallest amount in which it counts the currency, in micro. NULL: 1. */
	int64_t (*unit_micro)(const char *currency);
	/* Asks for a checkout (again: gets the same one). */
	err_t (*start)(struct pay *pay, const struct deposit *d, struct pay_facts *ret);
	/* What became of a deposit with a checkout; takes the money where the payer has agreed to it. */
	err_t (*ask)(struct pay *pay, const struct deposit *d, wall_time now, struct pay_facts *ret);
	/* E_AUTH: not from the provider; E_INVALID: from it, but not understood; E_UNAVAILABLE: cannot be checked now. */
	err_t (*hear)(struct pay *pay, const struct webhook *w, struct pay_facts *ret);
	/* Sends a payout (again: it is sent once), or asks what became of it. */
	err_t (*pay_out)(struct pay *pay, const struct payout *p, struct pay_facts *ret);
};

/* NULL where there is none of that name. */
const struct provider *provider_find(const char *name);
bool provider_ready(const struct provider *provider, const struct pay *pay);
extern const struct provider *const providers[]; /* ends with NULL */
extern const struct provider provider_manual, provider_paypal, provider_stripe;

/* The next free fact, of this kind and about this deposit or payout; NULL where there are too many. */
struct pay_fact *pay_fact_add(struct pay_facts *facts, enum pay_news news, uuid id);

#endif
