/* SPDX-License-Identifier: Apache-2.0
 * attest.c - which machines are trusted
 */
#include "attest.h"
#include "bytes.h"
#include "credential.h"
#include "file.h"
#include "live.h"
#include "log.h"
#include "presence.h"
#include "proof.h"

#define POLL_US (2 * SECOND_US) /* for what an operator's command changed */
#define ACTIVATION_US MINUTE_US

/* A credential that waits for its proof: once, and not for long. */
struct pending {
	bool made, certified;
	uint8_t secret[CREDENTIAL_SECRET_BYTES], name[AK_NAME_BYTES];
	sha256 ek;
	char *identity; /* heap, JSON */
	mono_time at;
};

/* A machine with a TPM. */
struct attester {
	uuid machine;
	struct pending pending;
	bool enrolled, certified, revoked;
	struct attestation_key ak;
	struct tpm_identity identity;
	struct tpm_clock clock;

	bool asking;
	struct question question;
	mono_time asked_at;
	uint64_t seq;
	mono_time due; /* the next question to the machine itself */
	bool trusted;
};

/* A lease whose order wants trusted machines. */
struct lease_proof {
	uuid lease;
	mono_time due;
	bool proven;
	uint32_t resets; /* the TPM's, when it was proven first */
};

struct attest {
	struct authorities *authorities; /* NULL: none */
	struct policy policy;
	uint64_t version;
	struct uuid_map machines; /* struct attester */
	struct uuid_map leases;	  /* struct lease_proof */
	mono_time polled;
};

static void pending_clear(struct pending *p)
{
	free(p->identity);
	explicit_bzero(p, sizeof *p);
}

static void attester_free(struct attester *a)
{
	pending_clear(&a->pending);
	tpm_identity_clear(&a->identity);
	free(a);
}

err_t attest_new(const struct settings *settings, struct attest **ret, char *error)
{
	struct attest *a = calloc(1, sizeof *a);
	if (!a)
		return E_NOMEM;
	a->policy = policy_default();
	if (settings->authorities[0] && authorities_load(settings->authorities, &a->authorities) != OK) {
		snprintf(error, 256, "trust.authorities: %.180s is no PEM file of certificates", settings->authorities);
		free(a);
		return E_INVALID;
	}
	*ret = a;
	return OK;
}

void attest_free(struct attest *a)
{
	size_t count;
	if (!a)
		return;
	void **all = uuid_map_values(&a->machines, &count);
	for (size_t i = 0; i < count; i++)
		attester_free(all[i]);
	free(all);
	all = uuid_map_values(&a->leases, &count);
	for (size_t i = 0; i < count; i++)
		free(all[i]);
	free(all);
	uuid_map_clear(&a->machines);
	uuid_map_clear(&a->leases);
	policy_clear(&a->policy);
	authorities_free(a->authorities);
	free(a);
}

const struct policy *attest_policy(const struct market *m)
{
	return &m->attest->policy;
}

uint64_t attest_policy_version(const struct market *m)
{
	return m->attest->version;
}

static err_t attester_of(struct market *m, uuid machine, struct attester **ret)
{
	struct attester *a = uuid_map_get(&m->attest->machines, machine);
	if (!a) {
		a = calloc(1, sizeof *a);
		if (!a)
			return E_NOMEM;
		a->machine = machine;
		err_t e = uuid_map_put(&m->attest->machines, machine, a);
		if (e) {
			free(a);
			return e;
		}
	}
	*ret = a;
	return OK;
}

/* Its ask in the book says whether it is trusted. */
static void set_trusted(struct market *m, struct attester *a, bool trusted)
{
	if (a->trusted == trusted)
		return;
	a->trusted = trusted;
	market_touch_machine(m, a->machine);
}

bool attest_trusted(const struct market *m, uuid machine)
{
	const struct attester *a = uuid_map_get(&m->attest->machines, machine);
	return a && a->trusted;
}

bool attest_first_use(const struct market *m, uuid machine)
{
	const struct attester *a = uuid_map_get(&m->attest->machines, machine);
	return a && a->trusted && !a->certified;
}

/* ---- what is stored ---- */

static err_t identity_parse(const char *text, struct tpm_identity *ret)
{
	struct json_error error;
	AUTO_JSON json = NULL;
	TRY(json_parse(text, strlen(text), &json, &error));
	return tpm_identity_from_json(json, ret, &error);
}

static err_t take_key(struct market *m, const struct attestation_key_row *row)
{
	struct attester *a;
	struct tpm_identity identity = { .chain_count = 0 };
	TRY(attester_of(m, row->machine, &a));
	TRY(identity_parse(row->identity, &identity));
	tpm_identity_clear(&a->identity);
	a->identity = identity;
	a->enrolled = attestation_key_read(identity.ak_public.data, identity.ak_public.len, &a->ak) == FAULT_NONE;
	a->certified = row->certified;
	a->revoked = row->revoked;
	a->clock = (struct tpm_clock){ row->clocked, row->clock_ms, row->resets, row->restarts };
	return OK;
}

static err_t load_keys(struct market *m)
{
	struct attestation_key_row *rows = NULL;
	size_t count;
	TRY(store_attestation_key_list(m->store, &rows, &count));
	err_t e = OK;
	for (size_t i = 0; i < count && !e; i++)
		e = take_key(m, &rows[i]);
	attestation_key_rows_free(rows, count);
	return e;
}

static err_t load_policy(struct market *m)
{
	struct attest *a = m->attest;
	AUTO_FREE char *document = NULL;
	struct policy policy;
	struct json_error error;
	AUTO_JSON json = NULL;
	err_t e = store_policy_get(m->store, 0, &a->version, &document);
	if (e == E_NOT_FOUND)
		return OK; /* policy_default() holds, version 0 */
	TRY(e);
	TRY(json_parse(document, strlen(document), &json, &error));
	TRY(policy_from_json(json, &policy, &error));
	policy_clear(&a->policy);
	a->policy = policy;
	return OK;
}

/* Everybody is asked anew: what was proven was proven under another policy. */
static void ask_all(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->attest->machines, &count);
	for (size_t i = 0; i < count; i++) {
		struct attester *a = all[i];
		a->asking = false;
		a->due = (mono_time){ 0 };
		set_trusted(m, a, false);
	}
	free(all);
	all = uuid_map_values(&m->attest->leases, &count);
	for (size_t i = 0; i < count; i++)
		((struct lease_proof *)all[i])->due = (mono_time){ 0 };
	free(all);
}

err_t attest_load(struct market *m)
{
	TRY(load_policy(m));
	TRY(load_keys(m));
	ask_all(m);
	return OK;
}

/* ---- enrolment ---- */

static err_t make_credential(struct attester *a, const struct endorsement *ek, const struct attestation_key *ak,
			     const struct tpm_identity *identity, mono_time now, struct tpm_credential *ret)
{
	struct credential c;
	struct pending *p = &a->pending;
	AUTO_JSON json = tpm_identity_to_json(identity);
	pending_clear(p);
	random_fill(p->secret, sizeof p->secret);
	memcpy(p->name, ak->name, sizeof p->name);
	p->ek = ek->id;
	p->certified = ek->certified;
	p->identity = json_dumps(json, JSON_COMPACT);
	p->at = now;
	p->made = true;
	if (!p->identity)
		return E_NOMEM;
	TRY(credential_make(ek->key, ak->name, p->secret, &c));
	TRY(blob_set(&ret->blob, c.blob, c.blob_len));
	return blob_set(&ret->seed, c.seed, c.seed_len);
}

err_t attest_begin(struct market *m, uuid machine, const struct tpm_identity *identity, wall_time now, mono_time now_mono,
		   enum fault *ret_fault, struct tpm_credential *ret)
{
	__attribute__((cleanup(endorsement_clear))) struct endorsement ek = { .key = NULL };
	struct attestation_key ak;
	struct attester *a;
	*ret_fault = judge_identity(identity, m->attest->authorities, m->attest->policy.first_use, now, &ek, &ak);
	if (*ret_fault)
		return OK;
	TRY(attester_of(m, machine, &a));
	return make_credential(a, &ek, &ak, identity, now_mono, ret);
}

err_t attest_activate(struct market *m, uuid machine, sha256 proof, wall_time now, mono_time now_mono, enum fault *ret_fault)
{
	struct attester *a = uuid_map_get(&m->attest->machines, machine);
	struct pending *p = a ? &a->pending : NULL;
	*ret_fault = FAULT_CREDENTIAL_LATE;
	if (!p || !p->made || now_mono.us - p->at.us > ACTIVATION_US)
		return OK;
	struct attestation_key_row row = { .machine = machine, .ek = p->ek, .certified = p->certified, .identity = p->identity };
	bool right = sha256_equal(proof, activation_proof(p->secret, sizeof p->secret, machine, p->name));
	err_t e = right ? store_attestation_key_put(m->store, &row, now) : OK;
	if (!e && right)
		e = take_key(m, &row);
	pending_clear(p); /* one try */
	*ret_fault = !right ? FAULT_CREDENTIAL : e == E_EXISTS ? FAULT_EK_TAKEN : e == E_DENIED ? FAULT_EK_REVOKED : FAULT_NONE;
	if (*ret_fault)
		return OK;
	TRY(e);
	a->asking = false;
	a->due = (mono_time){ 0 };
	set_trusted(m, a, false);
	return OK;
}

/* ---- questions ---- */

/* Between half of the interval and one and a half: nobody can prepare for it. */
static mono_time next_time(const struct market *m, mono_time now)
{
	uint64_t random;
	random_fill(&random, sizeof random);
	int64_t interval = m->settings->attest_interval_us;
	return (mono_time){ now.us + interval / 2 + (int64_t)(random % (uint64_t)interval) };
}

static struct lease_proof *proof_of(struct market *m, uuid lease)
{
	struct lease_proof *p = uuid_map_get(&m->attest->leases, lease);
	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->lease = lease;
	if (uuid_map_put(&m->attest->leases, lease, p) == OK)
		return p;
	free(p);
	return NULL;
}

/* One that runs, has its place in its network, and whose order wants trust. */
static struct lease_proof *due_lease(struct market *m, const struct presence *p, mono_time now)
{
	for (const struct live *l = p->leases; l; l = l->next_of_machine) {
		if (l->row.trusted == TRUSTED_OFF || l->row.l.state != LEASE_RUNNING || l->row.desired == LEASE_ENDED ||
		    !l->has_peer || !l->peer.has_pin)
			continue;
		struct lease_proof *proof = proof_of(m, l->row.l.id);
		if (proof && proof->due.us <= now.us)
			return proof;
	}
	return NULL;
}

bool attest_question(struct market *m, struct presence *p, wall_time now, mono_time now_mono, struct question *ret)
{
	struct attester *a = uuid_map_get(&m->attest->machines, p->row.m.id);
	(void)now;
	if (!a || !a->enrolled || a->revoked)
		return false;
	if (!a->asking) {
		const struct lease_proof *lease = due_lease(m, p, now_mono);
		if (!lease && a->due.us > now_mono.us)
			return false;
		a->question =
			(struct question){ .seq = ++a->seq, .policy = m->attest->version, .registers = m->attest->policy.quoted };
		if (lease)
			a->question.lease = lease->lease;
		random_fill(&a->question.nonce, sizeof a->question.nonce);
		a->asking = true;
		a->asked_at = now_mono;
	}
	*ret = a->question;
	return true;
}

/* ---- answers ---- */

static err_t keep(struct market *m, const struct attester *a, const struct binding *binding, const struct attestation *answer,
		  const struct verdict *v, wall_time now)
{
	struct proof proof = { .verdict = { .first_use = !a->certified, .at = now },
			       .binding = *binding,
			       .identity = a->identity };
	if (answer)
		proof.answer = *answer; /* borrowed, as identity is */
	snprintf(proof.verdict.tier, sizeof proof.verdict.tier, "%s", tier_names[v->tier]);
	snprintf(proof.verdict.fault, sizeof proof.verdict.fault, "%s", fault_names[v->fault]);
	memcpy(proof.verdict.reference, v->reference, sizeof proof.verdict.reference);
	AUTO_JSON json = proof_to_json(&proof);
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	if (!text)
		return E_NOMEM;
	const struct attestation_row row = {
		a->machine, binding->question.lease, tier_names[v->tier], fault_names[v->fault], text, binding->question.policy,
		now
	};
	return store_attestation_put(m->store, &row);
}

static err_t keep_clock(struct market *m, struct attester *a, const struct verdict *v)
{
	if (v->tier == TIER_NONE)
		return OK;
	const struct attestation_key_row row = {
		.machine = a->machine, .clock_ms = v->clock.clock_ms, .resets = v->clock.resets, .restarts = v->clock.restarts
	};
	TRY(store_attestation_key_clock(m->store, &row));
	a->clock = v->clock;
	return OK;
}

/* A lease that requires trust ends without it; one that prefers it goes on, and what was found can be seen. */
static err_t judge_lease(struct market *m, struct live *l, struct lease_proof *proof, const struct verdict *v, wall_time now,
			 mono_time now_mono)
{
	if (v->fault == FAULT_NONE && !proof->proven) {
		proof->proven = true;
		proof->resets = v->clock.resets;
	}
	if (v->fault == FAULT_NONE || l->row.trusted != TRUSTED_REQUIRE || l->row.desired == LEASE_ENDED)
		return OK;
	return live_desire(m, l, LEASE_ENDED, END_ATTESTATION_FAILED, now, now_mono);
}

/* What follows from a verdict, and when the next question is due. l: of the lease in question, or NULL. */
static err_t conclude(struct market *m, struct attester *a, struct live *l, const struct binding *binding,
		      const struct attestation *answer, const struct verdict *v, wall_time now, mono_time now_mono)
{
	struct lease_proof *proof = l ? proof_of(m, l->row.l.id) : NULL;
	char machine[UUID_TEXT_SIZE];
	TRY(keep(m, a, binding, answer, v, now));
	TRY(keep_clock(m, a, v));
	a->asking = false;
	if (proof)
		proof->due = next_time(m, now_mono);
	else
		a->due = next_time(m, now_mono);
	if (v->fault)
		log_info("a machine's proof does not hold", "machine=%s fault=%s", uuid_format(a->machine, machine),
			 fault_names[v->fault]);
	if (v->fault || !l)
		set_trusted(m, a, v->fault == FAULT_NONE && binding->question.policy == m->attest->version);
	return proof ? judge_lease(m, l, proof, v, now, now_mono) : OK;
}

/* What the answer must be bound to, as we know it. */
static err_t binding_of(struct market *m, const struct attester *a, const struct presence *p, struct live *l, struct binding *ret)
{
	*ret = (struct binding){ .question = a->question, .machine = a->machine, .accel = p->row.m.accel };
	if (!l)
		return OK;
	struct order order;
	TRY(store_order_get(m->store, l->row.l.order, &order));
	ret->image = order.image;
	ret->pin = l->peer.pin;
	ret->accel = l->row.l.accel;
	return OK;
}

err_t attest_answer(struct market *m, uuid machine, const struct attestation *answer, wall_time now, mono_time now_mono,
		    struct verdict *ret)
{
	struct attester *a = uuid_map_get(&m->attest->machines, machine);
	const struct presence *p = presence_get(m, machine);
	struct binding binding;
	*ret = (struct verdict){ .fault = FAULT_QUOTE_LATE };
	if (!p)
		return E_UNAVAILABLE;
	if (!a || !a->enrolled || a->revoked) {
		ret->fault = a && a->revoked ? FAULT_AK_REVOKED : FAULT_AK_UNKNOWN;
		return OK;
	}
	if (!a->asking || !sha256_equal(a->question.nonce, answer->nonce) || !uuid_equal(a->question.lease, answer->lease))
		return OK;
	bool of_lease = !uuid_is_zero(a->question.lease);
	struct live *l = of_lease ? live_get(m, a->question.lease) : NULL;
	if (of_lease && (!l || l->ended.us)) {
		a->asking = false;
		return OK;
	}
	if (of_lease && (!l->has_peer || !sha256_equal(l->peer.pin, answer->pin)))
		return E_CONFLICT;
	TRY(binding_of(m, a, p, l, &binding));
	const struct lease_proof *proof = l ? proof_of(m, l->row.l.id) : NULL;
	if (!a->certified && !m->attest->policy.first_use)
		ret->fault = FAULT_EK_MISSING; /* the operator allows it no more */
	else
		*ret = judge_answer(&a->ak, &binding, answer, &m->attest->policy, a->clock,
				    proof && proof->proven ? &proof->resets : NULL);
	return conclude(m, a, l, &binding, answer, ret, now, now_mono);
}

/* ---- what is due without an answer ---- */

static err_t give_up(struct market *m, struct attester *a, wall_time now, mono_time now_mono)
{
	const struct verdict silent = { .fault = FAULT_SILENT };
	const struct presence *p = presence_get(m, a->machine);
	struct live *l = uuid_is_zero(a->question.lease) ? NULL : live_get(m, a->question.lease);
	struct binding binding;
	bool gone = !p || (!uuid_is_zero(a->question.lease) && (!l || l->ended.us));
	if (gone) {
		a->asking = false;
		return OK;
	}
	TRY(binding_of(m, a, p, l, &binding));
	return conclude(m, a, l, &binding, NULL, &silent, now, now_mono);
}

static void poll_policy(struct market *m, mono_time now_mono)
{
	uint64_t version;
	if (now_mono.us - m->attest->polled.us < POLL_US)
		return;
	m->attest->polled = now_mono;
	err_t e = store_policy_version(m->store, &version);
	if (!e && version != m->attest->version)
		e = attest_load(m);
	market_store_failed(m, e, "reading what is asked of trusted machines");
}

/* A lease that is over needs no proof. */
static void forget_leases(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->attest->leases, &count);
	for (size_t i = 0; i < count; i++) {
		struct lease_proof *proof = all[i];
		const struct live *l = live_get(m, proof->lease);
		if (l && !l->ended.us)
			continue;
		uuid_map_remove(&m->attest->leases, proof->lease);
		free(proof);
	}
	free(all);
}

/* The operator does not trust this TPM any more. */
static void end_leases(struct market *m, const struct attester *a, wall_time now, mono_time now_mono)
{
	const struct presence *p = presence_get(m, a->machine);
	for (struct live *l = p ? p->leases : NULL; l; l = l->next_of_machine)
		if (l->row.trusted == TRUSTED_REQUIRE && l->row.desired != LEASE_ENDED)
			market_store_failed(m, live_desire(m, l, LEASE_ENDED, END_ATTESTATION_FAILED, now, now_mono),
					    "ending a lease of a machine that was revoked");
}

void attest_sweep(struct market *m, wall_time now, mono_time now_mono)
{
	size_t count;
	poll_policy(m, now_mono);
	void **all = uuid_map_values(&m->attest->machines, &count);
	for (size_t i = 0; i < count; i++) {
		struct attester *a = all[i];
		if (a->asking && now_mono.us - a->asked_at.us > m->settings->attest_timeout_us)
			market_store_failed(m, give_up(m, a, now, now_mono), "noting that a machine does not prove itself");
		if (a->pending.made && now_mono.us - a->pending.at.us > ACTIVATION_US)
			pending_clear(&a->pending);
		if (a->revoked)
			end_leases(m, a, now, now_mono);
	}
	free(all);
	forget_leases(m);
}
