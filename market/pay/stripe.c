/* SPDX-License-Identifier: Apache-2.0
 * stripe.c - Stripe: Checkout Sessions and webhooks
 *
 * How it works: a deposit is a Checkout Session whose client_reference_id is the deposit's id; its payment intent is the payment. A
 * session is paid only where payment_status says "paid": with a slow way of paying, "completed" comes days before the money.
 * https://docs.stripe.com/api/checkout/sessions, https://docs.stripe.com/webhooks#verify-manually
 */
#include <curl/curl.h>
#include "bytes.h"
#include "provider.h"

#define VERSION "Stripe-Version: 2024-06-20"
#define TOLERANCE_US (300 * SECOND_US)

static bool ready(const struct pay *pay)
{
	return pay->stripe.secret_key[0];
}

/* https://docs.stripe.com/currencies#zero-decimal and #three-decimal. Those count in tens of the third decimal. */
static int64_t unit_micro(const char *currency)
{
	static const char none[][4] = { "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA",
					"PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (!strcmp(none[i], currency))
			return 1000000;
	return 10000;
}

/* What one of its integers counts, in micro. */
static int64_t scale_of(const char *currency)
{
	static const char three[][4] = { "BHD", "JOD", "KWD", "OMR", "TND" };
	for (size_t i = 0; i < sizeof three / sizeof *three; i++)
		if (!strcmp(three[i], currency))
			return 1000;
	return unit_micro(currency);
}

/* An integer in the currency's small units. */
static bool take_amount(const struct pay *pay, json_t *json, const char *field, struct pay_fact *fact)
{
	json_t *value = json_object_get(json, field);
	const char *currency = text_at(json, "currency");
	int64_t scale = scale_of(pay->config.currency), amount = json_integer_value(value);
	if (!json_is_integer(value) || strlen(currency) != 3 || amount < 0 || amount > MONEY_MAX_MICRO / scale)
		return false;
	bool ours = !strcasecmp(currency, pay->config.currency);
	fact->amount.micro = ours ? amount * scale : -1;
	char text[MONEY_TEXT_SIZE];
	snprintf(fact->told, sizeof fact->told, "%s %s", ours ? money_format(fact->amount, text) : "an amount of", currency);
	return true;
}

static void add_field(struct buf *b, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	if (escaped)
		buf_printf(b, "%s%s=%s", b->len ? "&" : "", name, escaped);
	else
		b->error = E_NOMEM;
	curl_free(escaped);
}

static err_t call_stripe(const struct pay *pay, const char *method, const char *path, const char *key, const char *body,
			 int *ret_status, json_t **ret_json)
{
	char url[512], bearer[SECRET_SIZE + 32], repeat[128];
	snprintf(url, sizeof url, "%.256s%.200s", pay->config.stripe_url, path);
	snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", pay->stripe.secret_key);
	snprintf(repeat, sizeof repeat, "Idempotency-Key: %s", key ? key : "");
	struct http_call call = {
		.method = method, .url = url, .headers = { bearer, VERSION, key ? repeat : NULL }, .body = body
	};
	err_t e = http_call_make(pay, &call);
	explicit_bzero(bearer, sizeof bearer);
	/* 409: the first request with this key is still at work. */
	if (e == OK && (call.status == 401 || call.status == 409 || call.status == 429 || call.status >= 500))
		e = E_UNAVAILABLE;
	if (e == OK)
		e = http_call_json(&call, ret_json);
	*ret_status = call.status;
	buf_clear(&call.answer);
	return e;
}

static err_t form_of(const struct pay *pay, const struct deposit *d, struct buf *form)
{
	char id[UUID_TEXT_SIZE], back[512], cents[24];
	uuid_format(d->id, id);
	snprintf(back, sizeof back, "%.256s/v1/payments/stripe/return?deposit=%s", pay->config.public_url, id);
	snprintf(cents, sizeof cents, "%lld", (long long)(d->amount.micro / scale_of(pay->config.currency)));
	add_field(form, "mode", "payment");
	add_field(form, "client_reference_id", id);
	add_field(form, "success_url", back);
	add_field(form, "cancel_url", back);
	add_field(form, "line_items[0][quantity]", "1");
	add_field(form, "line_items[0][price_data][currency]", pay->config.currency);
	add_field(form, "line_items[0][price_data][unit_amount]", cents);
	add_field(form, "line_items[0][price_data][product_data][name]", "Funds");
	return form->error;
}

static err_t start(struct pay *pay, const struct deposit *d, struct pay_facts *ret)
{
	char id[UUID_TEXT_SIZE];
	AUTO_BUF form = { 0 };
	AUTO_JSON answer = NULL;
	int status = 0;
	struct pay_fact *fact = pay_fact_add(ret, PAY_STARTED, d->id);
	TRY(form_of(pay, d, &form));
	TRY(call_stripe(pay, "POST", "/v1/checkout/sessions", uuid_format(d->id, id), form.data, &status, &answer));
	const char *url = text_at(answer, "url");
	if (status == 200 && !strncmp(url, "https://", 8) && name_at(answer, "id", fact->reference))
		return text_copy(fact->url, sizeof fact->url, url);
	fact->news = PAY_LOST;
	snprintf(fact->told, sizeof fact->told, "Stripe refused it: %.64s", text_at(answer, "error.code"));
	return status / 100 == 4 ? OK : E_UNAVAILABLE;
}

static err_t hear_session(const struct pay *pay, json_t *session, uuid deposit, struct pay_facts *ret)
{
	bool paid = !strcmp(text_at(session, "payment_status"), "paid");
	if (!paid && strcmp(text_at(session, "status"), "expired"))
		return OK;
	struct pay_fact *fact = pay_fact_add(ret, paid ? PAY_PAID : PAY_LOST, deposit);
	if (!paid)
		return text_copy(fact->told, sizeof fact->told, "it was not paid in time");
	return name_at(session, "payment_intent", fact->reference) && take_amount(pay, session, "amount_total", fact) ? OK
														      : E_INVALID;
}

static err_t ask(struct pay *pay, const struct deposit *d, wall_time now, struct pay_facts *ret)
{
	char path[192];
	AUTO_JSON session = NULL;
	int status = 0;
	uuid id;
	(void)now;
	snprintf(path, sizeof path, "/v1/checkout/sessions/%s", d->checkout);
	TRY(call_stripe(pay, "GET", path, NULL, NULL, &status, &session));
	if (status != 200 || !uuid_at(session, "client_reference_id", &id) || !uuid_equal(id, d->id))
		return E_UNAVAILABLE;
	return hear_session(pay, session, id, ret);
}

/* ---- webhooks ---- */

err_t stripe_signature_check(const char *secret, const char *header, const char *body, size_t len, wall_time now)
{
	char stamp[24] = "", copy[1024];
	AUTO_BUF signed_text = { 0 };
	int64_t at_s = 0;
	if (!header || text_copy(copy, sizeof copy, header) != OK)
		return E_AUTH;
	for (char *at = copy, *part; (part = strsep(&at, ","));)
		if (!strncmp(part, "t=", 2) && text_copy(stamp, sizeof stamp, part + 2) != OK)
			return E_AUTH;
	if (int_parse(stamp, &at_s) != OK || at_s < 0 || at_s > 1LL << 40)
		return E_AUTH;
	if (llabs(now.us / SECOND_US - at_s) > TOLERANCE_US / SECOND_US)
		return E_AUTH;
	buf_printf(&signed_text, "%s.", stamp);
	buf_append(&signed_text, body, len);
	if (signed_text.error)
		return signed_text.error;
	sha256 want = hmac_sha256(secret, strlen(secret), signed_text.data, signed_text.len), got;
	/* Several v1 while a secret is being changed for another. */
	if (text_copy(copy, sizeof copy, header) != OK)
		return E_AUTH;
	for (char *at = copy, *part; (part = strsep(&at, ","));)
		if (!strncmp(part, "v1=", 3) && sha256_parse(part + 3, &got) == OK && sha256_equal(want, got))
			return OK;
	return E_AUTH;
}

err_t stripe_hear_event(const struct pay *pay, json_t *event, struct pay_facts *ret)
{
	const char *type = text_at(event, "type");
	json_t *object = json_at(event, "data.object");
	uuid id;
	if (!strncmp(type, "checkout.session.", 17)) {
		if (!uuid_at(object, "client_reference_id", &id))
			return OK;
		if (strcmp(type, "checkout.session.async_payment_failed"))
			return hear_session(pay, object, id, ret);
		struct pay_fact *fact = pay_fact_add(ret, PAY_LOST, id);
		return text_copy(fact->told, sizeof fact->told, "the payment failed");
	}
	bool refund = !strcmp(type, "charge.refunded"), dispute = !strcmp(type, "charge.dispute.created");
	if (!refund && !dispute)
		return OK;
	/* A charge's amount_refunded is of all its refunds together. */
	struct pay_fact *fact = pay_fact_add(ret, PAY_REVERSED, (uuid){ 0 });
	return name_at(object, "id", fact->reference) && name_at(object, "payment_intent", fact->payment) &&
			       take_amount(pay, object, refund ? "amount_refunded" : "amount", fact)
		       ? OK
		       : E_INVALID;
}

static err_t hear(struct pay *pay, const struct webhook *w, struct pay_facts *ret)
{
	struct json_error error;
	AUTO_JSON event = NULL;
	TRY(stripe_signature_check(pay->stripe.webhook_secret, w->header(w->context, "Stripe-Signature"), w->body, w->len,
				   w->now));
	TRY(json_parse(w->body, w->len, &event, &error));
	return stripe_hear_event(pay, event, ret);
}

const struct provider provider_stripe = {
	.name = "stripe", .ready = ready, .unit_micro = unit_micro, .start = start, .ask = ask, .hear = hear
};
