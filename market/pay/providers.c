/* SPDX-License-Identifier: Apache-2.0
 * providers.c - the list of ways to pay, and the credentials that they need
 */
#include <curl/curl.h>
#include "conf.h"
#include "provider.h"

const struct provider *const providers[] = { &provider_manual, &provider_paypal, &provider_stripe, NULL };

const struct provider *provider_find(const char *name)
{
	for (const struct provider *const *p = providers; *p; p++)
		if (!strcmp((*p)->name, name))
			return *p;
	return NULL;
}

bool provider_ready(const struct provider *provider, const struct pay *pay)
{
	return !provider->ready || provider->ready(pay);
}

struct pay_fact *pay_fact_add(struct pay_facts *facts, enum pay_news news, uuid id)
{
	if (facts->count == PAY_FACTS)
		return NULL;
	struct pay_fact *fact = &facts->facts[facts->count++];
	*fact = (struct pay_fact){ .news = news, .id = id };
	return fact;
}

#define SECRET(type, name, what)                                                             \
	{                                                                                    \
#name, CONF_TEXT, offsetof(struct type, name), SECRET_SIZE, 0, 0, NULL, what \
	}
static const struct conf_entry paypal_table[] = { SECRET(paypal_secrets, client_id, "of the REST application"),
						  SECRET(paypal_secrets, secret, "of the REST application"),
						  SECRET(paypal_secrets, webhook_id, "of the webhook that PayPal has been given"),
						  { .key = NULL } };
static const struct conf_entry stripe_table[] = { SECRET(stripe_secrets, secret_key, "sk_... or rk_..."),
						  SECRET(stripe_secrets, webhook_secret, "whsec_... of the webhook's endpoint"),
						  { .key = NULL } };

err_t pay_new(const struct pay_config *config, struct pay **ret_pay, char *error)
{
	struct pay *pay = calloc(1, sizeof *pay);
	if (!pay)
		return E_NOMEM;
	pay->config = *config;
	pthread_mutex_init(&pay->lock, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	err_t e = !*config->paypal_file ? OK : conf_load_private(paypal_table, &pay->paypal, config->paypal_file, error);
	if (e == OK && *config->stripe_file)
		e = conf_load_private(stripe_table, &pay->stripe, config->stripe_file, error);
	if (e) {
		pay_free(pay);
		return e;
	}
	*ret_pay = pay;
	return OK;
}

void pay_stop(struct pay *pay)
{
	if (pay)
		atomic_store(&pay->stopping, true);
}

void pay_free(struct pay *pay)
{
	if (!pay)
		return;
	for (size_t i = 0; i < CERTIFICATES; i++)
		EVP_PKEY_free(pay->certificates[i].key);
	pthread_mutex_destroy(&pay->lock);
	explicit_bzero(pay, sizeof *pay);
	free(pay);
}
