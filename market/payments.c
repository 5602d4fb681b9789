/* SPDX-License-Identifier: Apache-2.0
 * payments.c - asking payment providers, and hearing from them
 *
 * How it works: what is to be asked lies in the database (next_at of deposits and payouts), so a crash forgets nothing. A sweep
 * takes what is due, puts it off and gives it to a thread, which may wait for the provider; the facts that come back are
 * applied on the loop, in a transaction. A webhook goes the same way, with its answer sent after the commit: a provider that gets
 * none repeats itself. A lost webhook is made up for by the sweep. Facts count once, so all of these may overlap.
 */
#include "payments.h"

#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "log.h"
#include "pay.h"

#define THREADS 2
#define QUEUE 64
#define AT_ONCE 8
#define SWEEP_US (250 * MILLISECOND_US)
#define COLLECT_US (5 * SECOND_US)

static const char *const webhook_headers[] = { "Paypal-Transmission-Id", "Paypal-Transmission-Time", "Paypal-Transmission-Sig",
					       "Paypal-Cert-Url",	 "Paypal-Auth-Algo",	     "Stripe-Signature" };
#define WEBHOOK_HEADERS (sizeof webhook_headers / sizeof *webhook_headers)

struct job {
	struct market *m;
	const struct provider *provider;
	struct deposit deposit; /* one of the three */
	struct payout payout;
	struct request *r;
	char *headers[WEBHOOK_HEADERS]; /* copies: a connection is the loop's */
	wall_time now;
	struct pay_facts facts;
	err_t result;
};

static void job_free(struct job *job)
{
	for (size_t i = 0; i < WEBHOOK_HEADERS; i++)
		free(job->headers[i]);
	free(job);
}

static struct job *job_new(struct market *m, const char *provider)
{
	struct job *job = calloc(1, sizeof *job);
	if (!job)
		return NULL;
	job->m = m;
	job->provider = provider_find(provider);
	job->now = clock_wall();
	if (job->provider && provider_ready(job->provider, m->pay))
		return job;
	job_free(job);
	return NULL;
}

/* ---- what a fact changes ---- */

static err_t apply_paid(struct market *m, const struct provider *provider, const struct pay_fact *f)
{
	char outcome[OUTCOME_SIZE], id[UUID_TEXT_SIZE];
	TRY(store_deposit_paid(m->store, f->id, provider->name, f->reference, f->amount.micro, f->told, outcome));
	if (!strcmp(outcome, "second") || !strcmp(outcome, "mismatch"))
		log_error("a payment needs the operator: nothing is credited",
			  "deposit=%s provider=%s payment=%s told=\"%s\" why=%s", uuid_format(f->id, id), provider->name,
			  f->reference, f->told, outcome);
	return OK;
}

static err_t apply_reversed(struct market *m, const struct provider *provider, const struct pay_fact *f)
{
	if (f->amount.micro < 0) {
		log_error("a payment was taken back in another currency: nothing is changed",
			  "provider=%s payment=%s told=\"%s\"", provider->name, f->payment, f->told);
		return OK;
	}
	return store_deposit_reverse(m->store, provider->name, f->payment, f->reference, f->amount);
}

static err_t apply_payout(struct market *m, const struct pay_fact *f, wall_time now)
{
	char outcome[OUTCOME_SIZE] = "", id[UUID_TEXT_SIZE];
	if (f->news == PAY_OUT_SENT)
		return store_payout_sent(m->store, f->id, f->reference, now);
	if (f->news == PAY_OUT_WAITS)
		return store_payout_note(m->store, f->id, f->told);
	if (f->news == PAY_OUT_FAILED)
		return store_payout_fail(m->store, f->id, f->told, now, outcome);
	TRY(store_payout_paid(m->store, f->id, now, outcome));
	if (!strcmp(outcome, "returned"))
		log_error("a payout was paid after it had been given back", "payout=%s", uuid_format(f->id, id));
	return OK;
}

static err_t apply(struct market *m, const struct provider *provider, const struct pay_fact *f, wall_time now)
{
	switch (f->news) {
	case PAY_STARTED:
		return store_deposit_started(m->store, f->id, f->reference, f->url);
	case PAY_ASK:
		return store_deposit_hurry(m->store, f->id, now);
	case PAY_PAID:
		return apply_paid(m, provider, f);
	case PAY_LOST:
		return store_deposit_lost(m->store, f->id, provider->name, f->told);
	case PAY_REVERSED:
		return apply_reversed(m, provider, f);
	case PAY_OUT_SENT:
	case PAY_OUT_WAITS:
	case PAY_OUT_PAID:
	case PAY_OUT_FAILED:
		return apply_payout(m, f, now);
	}
	return E_INTERNAL;
}

/* In a transaction. Facts about what is not ours are the provider's other customer's. */
static err_t apply_all(struct market *m, const struct provider *provider, const struct pay_facts *facts, wall_time now)
{
	for (size_t i = 0; i < facts->count; i++)
		TRY(apply(m, provider, &facts->facts[i], now));
	return OK;
}

/* ---- asking ---- */

static void run_deposit(void *context)
{
	struct job *job = context;
	const struct provider *p = job->provider;
	if (job->deposit.state == DEPOSIT_CREATED)
		job->result = p->start(job->m->pay, &job->deposit, &job->facts);
	else
		job->result = p->ask(job->m->pay, &job->deposit, job->now, &job->facts);
}

static void run_payout(void *context)
{
	struct job *job = context;
	job->result = job->provider->pay_out(job->m->pay, &job->payout, &job->facts);
}

/* What fails is asked again when it is due next. */
static void asked(void *context)
{
	static struct log_bucket bucket;
	struct job *job = context;
	struct market *m = job->m;
	err_t e = job->result;
	if (e && log_allowed(&bucket))
		log_warn("a payment provider did not answer as it should", "provider=%s error=%s", job->provider->name,
			 err_name(e));
	if (e == OK && job->facts.count) {
		e = store_begin(m->store);
		if (e == OK)
			e = apply_all(m, job->provider, &job->facts, job->now);
		if (e == OK)
			e = store_commit(m->store);
		if (e)
			store_rollback(m->store);
		market_store_failed(m, e, "noting what a payment provider says");
		market_wake(m);
	}
	job_free(job);
}

static void submit(struct market *m, struct job *job, work_fn *run)
{
	if (workers_submit(m->payers, run, asked, job) != OK)
		job_free(job);
}

static err_t sweep_deposits(struct market *m, wall_time now)
{
	AUTO_FREE struct deposit *rows = NULL;
	size_t count;
	TRY(store_deposit_due(m->store, now, m->settings->pay_interval_us, AT_ONCE, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		struct job *job = job_new(m, rows[i].provider);
		if (!job)
			continue;
		job->deposit = rows[i];
		submit(m, job, run_deposit);
	}
	return OK;
}

static err_t sweep_payouts(struct market *m, wall_time now)
{
	AUTO_FREE struct payout *rows = NULL;
	size_t count;
	TRY(store_payout_due(m->store, now, m->settings->pay_interval_us, AT_ONCE, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		struct job *job = job_new(m, rows[i].provider);
		if (!job)
			continue;
		job->payout = rows[i];
		submit(m, job, run_payout);
	}
	return OK;
}

static void on_sweep(void *context, mono_time now_mono)
{
	struct market *m = context;
	wall_time now = clock_wall();
	if (m->stopping || !m->database_up || !m->holds_book)
		return;
	err_t e = sweep_deposits(m, now);
	if (e == OK)
		e = sweep_payouts(m, now);
	if (e == OK && now_mono.us - m->debts_collected.us > COLLECT_US) {
		m->debts_collected = now_mono;
		e = store_debts_collect(m->store);
	}
	market_store_failed(m, e, "looking for payments that are due");
}

err_t payments_start(struct market *m)
{
	bool any = false;
	for (const struct provider *const *p = providers; *p; p++)
		any |= !(*p)->operator_confirms && provider_ready(*p, m->pay);
	TRY(workers_new(m->loop, THREADS, QUEUE, &m->payers));
	return !any || loop_timer_add(m->loop, SWEEP_US, on_sweep, m) ? OK : E_NOMEM;
}

void payments_stop(struct market *m)
{
	pay_stop(m->pay);
	workers_free(m->payers);
}

/* ---- hearing ---- */

static const char *header_of(const void *context, const char *name)
{
	const struct job *job = context;
	for (size_t i = 0; i < WEBHOOK_HEADERS; i++)
		if (!strcmp(webhook_headers[i], name))
			return job->headers[i];
	return NULL;
}

static void run_webhook(void *context)
{
	struct job *job = context;
	const struct webhook w = { header_of, job, job->r->body.data, job->r->body.len, job->now };
	job->result = job->provider->hear(job->m->pay, &w, &job->facts);
}

static err_t webhook_finish(struct request *r)
{
	struct job *job = r->job;
	if (job->result == E_AUTH)
		return refuse(r, REFUSE_BAD_REQUEST, NULL, "the signature does not hold");
	if (job->result == E_INVALID)
		return refuse(r, REFUSE_BAD_REQUEST, NULL, "its contents are not understood");
	TRY(job->result);
	err_t e = apply_all(job->m, job->provider, &job->facts, r->now);
	if (e && e != E_NOT_FOUND && e != E_CONFLICT)
		return e;
	if (e)
		return refuse(r, REFUSE_NOT_FOUND, NULL, "it is about nothing that is here");
	answer_empty(r);
	return OK;
}

static void heard(void *context)
{
	struct job *job = context;
	gate_finish(job->r, webhook_finish);
	job_free(job);
}

err_t payment_webhook(struct request *r)
{
	struct market *m = market_of(r);
	struct job *job = job_new(m, r->values.word);
	if (!job || !job->provider->hear) {
		if (job)
			job_free(job);
		return E_NOT_FOUND;
	}
	for (size_t i = 0; i < WEBHOOK_HEADERS; i++) {
		const char *value = request_header(r, webhook_headers[i]);
		job->headers[i] = value ? strdup(value) : NULL;
	}
	job->r = r;
	r->job = job;
	if (workers_submit(m->payers, run_webhook, heard, job) != OK) {
		job_free(job);
		return E_UNAVAILABLE;
	}
	request_wait(r);
	return OK;
}

/* The payer is back from the provider's page: whatever the address says, only asking the provider counts. */
err_t payment_return(struct request *r)
{
	static const char page[] = "<!doctype html><meta charset=\"utf-8\"><title>Thank you</title>"
				   "<p>Thank you. The balance shows the deposit as soon as the payment is confirmed.</p>"
				   "<p><a href=\"/\">Back to the market</a></p>\n";
	const char *text = request_query(r, "deposit");
	uuid id;
	if (text && uuid_parse(text, &id) == OK)
		TRY(store_deposit_hurry(market_of(r)->store, id, r->now));
	answer_fixed(r, 200, "text/html; charset=utf-8", page, sizeof page - 1);
	return OK;
}
