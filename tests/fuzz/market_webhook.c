/* SPDX-License-Identifier: Apache-2.0
 * market_webhook.c - fuzz: headers and bodies that strangers send to the webhooks; nothing passes but with the right signature
 *
 * The first line chooses: "s HEADER" Stripe's signature, "p" a PayPal event and "t" a Stripe event, both as if signed, "u URL" the
 * address of a certificate, "c" a certificate itself. The rest is the body.
 */
#include <assert.h>
#include <stdlib.h>
#include "bytes.h"
#include "provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wall_time now = { 1700000000 * SECOND_US };

static void check_facts(err_t e, const struct pay_facts *facts)
{
	assert(facts->count <= PAY_FACTS);
	for (size_t i = 0; e == OK && i < facts->count; i++) {
		const struct pay_fact *f = &facts->facts[i];
		assert(strlen(f->told) < sizeof f->told && f->amount.micro >= -1 && f->amount.micro <= MONEY_MAX_MICRO);
		assert(f->news != PAY_PAID || f->reference[0]);
		assert(f->news != PAY_REVERSED || (f->reference[0] && f->payment[0]));
	}
}

static void hear(err_t (*hear_event)(const struct pay *, json_t *, struct pay_facts *), const struct pay *pay, const char *body,
		 size_t len)
{
	struct json_error error;
	struct pay_facts facts = { 0 };
	AUTO_JSON event = NULL;
	if (json_parse(body, len, &event, &error) == OK)
		check_facts(hear_event(pay, event, &facts), &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pay pay = { .config = { .currency = "EUR",
					      .ca_file = "/dev/null",
					      .paypal_certificates = "https://api.paypal.com/v1/notifications/certs/" } };
	const uint8_t *end = memchr(data, '\n', size);
	char line[600];
	EVP_PKEY *key = NULL;
	if (!end || end == data || (size_t)(end - data) >= sizeof line)
		return 0;
	memcpy(line, data, (size_t)(end - data));
	line[end - data] = 0;
	const char *rest = line[1] ? line + 2 : "", *body = (const char *)end + 1;
	size_t len = size - (size_t)(end + 1 - data);
	switch (line[0]) {
	case 's':
		assert(stripe_signature_check("whsec_no_mutation_finds", rest, body, len, now) != OK);
		break;
	case 'p':
		hear(paypal_hear_event, &pay, body, len);
		break;
	case 't':
		hear(stripe_hear_event, &pay, body, len);
		break;
	case 'u':
		if (paypal_certificate_allowed(&pay, rest))
			assert(!strncmp(rest, "https://api.paypal.com/v1/notifications/certs/", 46) &&
			       !strpbrk(rest + 46, "/.?#@%"));
		break;
	case 'c':
		assert(paypal_certificate_read("/dev/null", body, len, now, &key) != OK);
		break;
	}
	return 0;
}
