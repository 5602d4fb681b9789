/* SPDX-License-Identifier: Apache-2.0
 * paypal.c - PayPal: Orders v2, webhooks, Payouts
 *
 * How it works: a deposit is a PayPal order with the intent CAPTURE, whose custom_id is the deposit's id. The payer approves it at
 * PayPal; then it is captured here, which takes the money. The capture's id is the payment: whatever tells of it, the answer to
 * the capture, a poll or a webhook, credits under that name. Each POST carries a PayPal-Request-Id made of our own id, so that
 * a repeat after a lost answer gets the first answer. A payout is a batch of one, named by our id (sender_batch_id).
 */
#include "bytes.h"
#include "file.h"
#include "provider.h"

/* An order that nobody approved is given up; a capture that comes later is credited all the same. PayPal itself forgets it in hours. */
#define GIVE_UP_US DAY_US

static bool ready(const struct pay *pay)
{
	return pay->paypal.client_id[0];
}

/* https://developer.paypal.com/api/rest/reference/currency-codes/: these have no decimals there, whatever ISO 4217 says. */
static int64_t unit_micro(const char *currency)
{
	static const char none[][4] = { "HUF", "JPY", "TWD" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (!strcmp(none[i], currency))
			return 1000000;
	return 10000;
}

static void amount_format(const struct pay *pay, money amount, char text[static MONEY_TEXT_SIZE])
{
	money_format(amount, text);
	if (unit_micro(pay->config.currency) == 1000000)
		text[strcspn(text, ".")] = 0;
}

/* ---- calls ---- */

static err_t token_fetch(struct pay *pay, char token[static sizeof((struct pay *)0)->paypal_token])
{
	char url[512];
	AUTO_JSON json = NULL;
	snprintf(url, sizeof url, "%.256s/v1/oauth2/token", pay->config.paypal_url);
	struct http_call call = { .method = "POST",
				  .url = url,
				  .user = pay->paypal.client_id,
				  .password = pay->paypal.secret,
				  .body = "grant_type=client_credentials" };
	err_t e = http_call_make(pay, &call);
	if (e == OK)
		e = call.status == 200 ? http_call_json(&call, &json) : call.status == 401 ? E_DENIED : E_UNAVAILABLE;
	if (call.answer.data)
		explicit_bzero(call.answer.data, call.answer.len);
	buf_clear(&call.answer);
	TRY(e);
	const char *text = text_at(json, "access_token");
	int64_t lives_s = json_integer_value(json_at(json, "expires_in"));
	if (!*text || strlen(text) >= sizeof pay->paypal_token || strpbrk(text, "\r\n") || lives_s < 0 || lives_s > 86400 * 31)
		return E_UNAVAILABLE;
	memcpy(token, text, strlen(text) + 1);
	pthread_mutex_lock(&pay->lock);
	memcpy(pay->paypal_token, text, strlen(text) + 1);
	pay->paypal_token_until.us = clock_mono().us + (lives_s - 60) * SECOND_US;
	pthread_mutex_unlock(&pay->lock);
	return OK;
}

static err_t token_get(struct pay *pay, char token[static sizeof((struct pay *)0)->paypal_token])
{
	pthread_mutex_lock(&pay->lock);
	bool good = pay->paypal_token[0] && clock_mono().us < pay->paypal_token_until.us;
	if (good)
		memcpy(token, pay->paypal_token, sizeof pay->paypal_token);
	pthread_mutex_unlock(&pay->lock);
	return good ? OK : token_fetch(pay, token);
}

/* E_UNAVAILABLE: try again later; E_DENIED: our credentials are not good. Else the status tells. */
static err_t call_paypal(struct pay *pay, const char *method, const char *path, const char *request_id, json_t *body,
			 int *ret_status, json_t **ret_json)
{
	char url[512], token[sizeof pay->paypal_token], bearer[sizeof token + 32], repeat[128];
	AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	TRY(token_get(pay, token));
	snprintf(url, sizeof url, "%.256s%.200s", pay->config.paypal_url, path);
	snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", token);
	snprintf(repeat, sizeof repeat, "PayPal-Request-Id: %s", request_id ? request_id : "");
	struct http_call call = { .method = method,
				  .url = url,
				  .headers = { bearer, "Content-Type: application/json", "Prefer: return=representation",
					       request_id ? repeat : NULL },
				  .body = text			    ? text
					  : !strcmp(method, "POST") ? "{}"
								    : NULL };
	err_t e = http_call_make(pay, &call);
	explicit_bzero(token, sizeof token);
	explicit_bzero(bearer, sizeof bearer);
	if (e == OK && call.status == 401) { /* revoked: another one next time */
		pthread_mutex_lock(&pay->lock);
		pay->paypal_token_until.us = 0;
		pthread_mutex_unlock(&pay->lock);
	}
	if (e == OK && (call.status == 401 || call.status == 408 || call.status == 429 || call.status >= 500))
		e = E_UNAVAILABLE;
	if (e == OK)
		e = http_call_json(&call, ret_json);
	*ret_status = call.status;
	buf_clear(&call.answer);
	return e;
}

/* ---- paying in ---- */

static json_t *order_of(const struct pay *pay, const struct deposit *d)
{
	char id[UUID_TEXT_SIZE], amount[MONEY_TEXT_SIZE], back[512];
	uuid_format(d->id, id);
	amount_format(pay, d->amount, amount);
	snprintf(back, sizeof back, "%.256s/v1/payments/paypal/return?deposit=%s", pay->config.public_url, id);
	return json_pack("{s:s, s:[{s:s, s:s, s:{s:s, s:s}}], s:{s:{s:{s:s, s:s, s:s, s:s}}}}", "intent", "CAPTURE",
			 "purchase_units", "custom_id", id, "invoice_id", id, "amount", "currency_code", pay->config.currency,
			 "value", amount, "payment_source", "paypal", "experience_context", "return_url", back, "cancel_url",
			 back, "user_action", "PAY_NOW", "shipping_preference", "NO_SHIPPING");
}

static const char *link_of(json_t *json, const char *rel)
{
	size_t i;
	json_t *link;
	json_array_foreach (json_at(json, "links"), i, link)
		if (!strcmp(text_at(link, "rel"), rel))
			return text_at(link, "href");
	return "";
}

static err_t start(struct pay *pay, const struct deposit *d, struct pay_facts *ret)
{
	char id[UUID_TEXT_SIZE];
	AUTO_JSON body = order_of(pay, d);
	AUTO_JSON answer = NULL;
	int status = 0;
	struct pay_fact *fact = pay_fact_add(ret, PAY_STARTED, d->id);
	if (!body)
		return E_NOMEM;
	TRY(call_paypal(pay, "POST", "/v2/checkout/orders", uuid_format(d->id, id), body, &status, &answer));
	const char *url = link_of(answer, "payer-action");
	if (!*url)
		url = link_of(answer, "approve");
	if (status / 100 == 2 && name_at(answer, "id", fact->reference) && !strncmp(url, "https://", 8))
		return text_copy(fact->url, sizeof fact->url, url);
	fact->news = PAY_LOST;
	snprintf(fact->told, sizeof fact->told, "PayPal refused it: %.64s", text_at(answer, "name"));
	return status / 100 == 4 ? OK : E_UNAVAILABLE;
}

/* One capture, in an order or in a webhook. PENDING: money that PayPal holds for a look; it tells later. */
static err_t hear_capture(const struct pay *pay, json_t *capture, uuid deposit, struct pay_facts *ret)
{
	const char *state = text_at(capture, "status");
	bool paid = !strcmp(state, "COMPLETED") || !strcmp(state, "PARTIALLY_REFUNDED") || !strcmp(state, "REFUNDED");
	bool lost = !strcmp(state, "DECLINED") || !strcmp(state, "DENIED") || !strcmp(state, "FAILED");
	if (!paid && !lost)
		return OK;
	struct pay_fact *fact = pay_fact_add(ret, paid ? PAY_PAID : PAY_LOST, deposit);
	if (!fact || !name_at(capture, "id", fact->reference))
		return E_INVALID;
	if (lost)
		return text_copy(fact->told, sizeof fact->told, "PayPal declined the payment");
	return amount_at(pay, capture, "amount", "currency_code", fact) ? OK : E_INVALID;
}

/* A refund names the capture that it takes from in a link: ".../v2/payments/captures/ID". */
static err_t hear_refund(const struct pay *pay, json_t *refund, struct pay_facts *ret)
{
	struct pay_fact *fact = pay_fact_add(ret, PAY_REVERSED, (uuid){ 0 });
	const char *up = strstr(link_of(refund, "up"), "/payments/captures/");
	const char *state = text_at(refund, "status");
	if (!strcmp(state, "PENDING") || !strcmp(state, "FAILED") || !strcmp(state, "CANCELLED")) {
		ret->count -= fact != NULL;
		return OK;
	}
	if (!fact || !up || !name_at(refund, "id", fact->reference) || !amount_at(pay, refund, "amount", "currency_code", fact))
		return E_INVALID;
	AUTO_JSON name = json_string(up + strlen("/payments/captures/"));
	return name_at(name, "", fact->payment) ? OK : E_INVALID;
}

/* What an order says of its payments. */
static err_t hear_order(const struct pay *pay, json_t *order, uuid deposit, struct pay_facts *ret)
{
	size_t i;
	json_t *element;
	uuid id;
	if (!uuid_at(order, "purchase_units.0.custom_id", &id) || !uuid_equal(id, deposit))
		return E_INVALID;
	json_array_foreach (json_at(order, "purchase_units.0.payments.captures"), i, element)
		TRY(hear_capture(pay, element, deposit, ret));
	json_array_foreach (json_at(order, "purchase_units.0.payments.refunds"), i, element)
		TRY(hear_refund(pay, element, ret));
	return OK;
}

static err_t ask(struct pay *pay, const struct deposit *d, wall_time now, struct pay_facts *ret)
{
	char path[192], repeat[UUID_TEXT_SIZE + 16], id[UUID_TEXT_SIZE];
	AUTO_JSON order = NULL;
	AUTO_JSON captured = NULL;
	int status = 0;
	bool late = now.us - d->created_at.us > GIVE_UP_US;
	snprintf(path, sizeof path, "/v2/checkout/orders/%s", d->checkout);
	TRY(call_paypal(pay, "GET", path, NULL, NULL, &status, &order));
	const char *state = text_at(order, "status");
	if (status == 404 || !strcmp(state, "VOIDED") || (late && strcmp(state, "APPROVED") && strcmp(state, "COMPLETED"))) {
		struct pay_fact *fact = pay_fact_add(ret, PAY_LOST, d->id);
		return text_copy(fact->told, sizeof fact->told, "it was not paid in time");
	}
	if (status != 200)
		return E_UNAVAILABLE;
	if (strcmp(state, "APPROVED"))
		return hear_order(pay, order, d->id, ret);
	snprintf(path, sizeof path, "/v2/checkout/orders/%s/capture", d->checkout);
	snprintf(repeat, sizeof repeat, "%s-capture", uuid_format(d->id, id));
	TRY(call_paypal(pay, "POST", path, repeat, NULL, &status, &captured));
	/* 422 ORDER_ALREADY_CAPTURED, INSTRUMENT_DECLINED: the next question to the order finds what became of it. */
	return status / 100 == 2 ? hear_order(pay, captured, d->id, ret) : OK;
}

/* ---- paying out ---- */

static err_t item_state(const struct payout *p, const char *state, const char *why, struct pay_facts *ret)
{
	static const char *const failed[] = { "FAILED", "RETURNED", "BLOCKED", "REFUNDED", "REVERSED", "CANCELED", "DENIED" };
	struct pay_fact *fact = pay_fact_add(ret, PAY_OUT_WAITS, p->id);
	if (!strcmp(state, "SUCCESS"))
		fact->news = PAY_OUT_PAID;
	for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
		if (!strcmp(failed[i], state))
			fact->news = PAY_OUT_FAILED;
	snprintf(fact->told, sizeof fact->told, "PayPal says %.24s %.64s", state, why);
	return OK;
}

static err_t ask_batch(struct pay *pay, const struct payout *p, struct pay_facts *ret)
{
	char path[192];
	AUTO_JSON answer = NULL;
	int status = 0;
	if (!p->reference[0])
		return OK; /* its webhook tells */
	snprintf(path, sizeof path, "/v1/payments/payouts/%s", p->reference);
	TRY(call_paypal(pay, "GET", path, NULL, NULL, &status, &answer));
	uuid id;
	if (status != 200)
		return E_UNAVAILABLE;
	if (!strcmp(text_at(answer, "batch_header.batch_status"), "DENIED"))
		return item_state(p, "DENIED", "", ret);
	if (!uuid_at(answer, "items.0.payout_item.sender_item_id", &id) || !uuid_equal(id, p->id))
		return OK; /* it is not worked out yet */
	return item_state(p, text_at(answer, "items.0.transaction_status"), text_at(answer, "items.0.errors.name"), ret);
}

static err_t pay_out(struct pay *pay, const struct payout *p, struct pay_facts *ret)
{
	char id[UUID_TEXT_SIZE], amount[MONEY_TEXT_SIZE];
	AUTO_JSON answer = NULL;
	int status = 0;
	if (p->state == PAYOUT_SENT)
		return ask_batch(pay, p, ret);
	uuid_format(p->id, id);
	amount_format(pay, p->send, amount);
	/* "currency" here, "currency_code" in orders. */
	AUTO_JSON body =
		json_pack("{s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:{s:s, s:s}}]}", "sender_batch_header", "sender_batch_id", id,
			  "email_subject", "You have been paid", "items", "recipient_type", "EMAIL", "receiver", p->receiver,
			  "sender_item_id", id, "amount", "currency", pay->config.currency, "value", amount);
	if (!body)
		return E_INVALID;
	TRY(call_paypal(pay, "POST", "/v1/payments/payouts", id, body, &status, &answer));
	struct pay_fact *fact = pay_fact_add(ret, PAY_OUT_SENT, p->id);
	const char *name = text_at(answer, "name"), *field = text_at(answer, "details.0.field");
	if (status / 100 == 2)
		return name_at(answer, "batch_header.payout_batch_id", fact->reference) ? OK : E_UNAVAILABLE;
	/* Sent before, and the answer was lost: the refusal links to the batch. */
	const char *batch = strstr(link_of(answer, "self"), "/v1/payments/payouts/");
	if (strcasestr(field, "sender_batch_id")) {
		AUTO_JSON known = json_string(batch ? batch + strlen("/v1/payments/payouts/") : "");
		return name_at(known, "", fact->reference) || !fact->reference[0] ? OK : E_UNAVAILABLE;
	}
	/* Only what is surely about this payout gives its money back: the rest waits for the operator. */
	fact->news = !strcmp(name, "VALIDATION_ERROR") || strstr(name, "RECEIVER") ? PAY_OUT_FAILED : PAY_OUT_WAITS;
	snprintf(fact->told, sizeof fact->told, "PayPal refused it: %.64s", name);
	return OK;
}

/* ---- webhooks ---- */

err_t paypal_hear_event(const struct pay *pay, json_t *event, struct pay_facts *ret)
{
	static const char item[] = "PAYMENT.PAYOUTS-ITEM.";
	const char *type = text_at(event, "event_type");
	json_t *resource = json_at(event, "resource");
	uuid id;
	if (!strcmp(type, "CHECKOUT.ORDER.APPROVED") && uuid_at(resource, "purchase_units.0.custom_id", &id)) {
		pay_fact_add(ret, PAY_ASK, id);
		return OK;
	}
	if (!strcmp(type, "PAYMENT.CAPTURE.COMPLETED") || !strcmp(type, "PAYMENT.CAPTURE.DENIED") ||
	    !strcmp(type, "PAYMENT.CAPTURE.DECLINED"))
		return uuid_at(resource, "custom_id", &id) ? hear_capture(pay, resource, id, ret) : OK;
	if (!strcmp(type, "PAYMENT.CAPTURE.REFUNDED") || !strcmp(type, "PAYMENT.CAPTURE.REVERSED"))
		return hear_refund(pay, resource, ret);
	if (!strncmp(type, item, strlen(item)) && uuid_at(resource, "payout_item.sender_item_id", &id)) {
		const struct payout p = { .id = id };
		return item_state(&p, text_at(resource, "transaction_status"), text_at(resource, "errors.name"), ret);
	}
	return OK; /* of no concern to us, and PayPal need not repeat it */
}

static err_t hear(struct pay *pay, const struct webhook *w, struct pay_facts *ret)
{
	struct json_error error;
	AUTO_JSON event = NULL;
	TRY(paypal_signature_check(pay, w));
	TRY(json_parse(w->body, w->len, &event, &error));
	return paypal_hear_event(pay, event, ret);
}

const struct provider provider_paypal = { .name = "paypal",
					  .pays_out = true,
					  .ready = ready,
					  .unit_micro = unit_micro,
					  .start = start,
					  .ask = ask,
					  .hear = hear,
					  .pay_out = pay_out };
