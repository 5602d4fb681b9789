/* SPDX-License-Identifier: Apache-2.0
 * attestations.c - the requests about TPMs: a machine enrols its own and answers questions; who may see what it proved
 */
#include "attest.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "live.h"
#include "proof.h"

static err_t itself(const struct request *r)
{
	return uuid_equal(r->caller.machine, r->values.id[0]) ? OK : E_NOT_FOUND;
}

/* "ek_chain: the endorsement certificate does not lead …" */
static err_t refuse_fault(struct request *r, enum fault fault)
{
	return refuse(r, REFUSE_ATTESTATION, NULL, "%s: %s", fault_names[fault], fault_sentences[fault]);
}

err_t attestation_key(struct request *r)
{
	__attribute__((cleanup(tpm_identity_clear))) struct tpm_identity identity = { .chain_count = 0 };
	__attribute__((cleanup(tpm_credential_clear))) struct tpm_credential credential = { .blob.data = NULL };
	struct json_error error = { 0 };
	enum fault fault;
	TRY(itself(r));
	if (tpm_identity_from_json(r->json, &identity, &error) != OK)
		return refuse_json(r, &error);
	TRY(attest_begin(market_of(r), r->caller.machine, &identity, r->now, r->now_mono, &fault, &credential));
	if (fault)
		return refuse_fault(r, fault);
	answer_json(r, 200, tpm_credential_to_json(&credential));
	return OK;
}

err_t attestation_activation(struct request *r)
{
	struct json_error error = { 0 };
	sha256 proof;
	enum fault fault;
	TRY(itself(r));
	if (activation_from_json(r->json, &proof, &error) != OK)
		return refuse_json(r, &error);
	TRY(attest_activate(market_of(r), r->caller.machine, proof, r->now, r->now_mono, &fault));
	if (fault)
		return refuse_fault(r, fault);
	answer_empty(r);
	return OK;
}

err_t attestation_take(struct request *r)
{
	__attribute__((cleanup(attestation_clear))) struct attestation answer = { .value_count = 0 };
	struct json_error error = { 0 };
	struct verdict v;
	TRY(itself(r));
	if (attestation_from_json(r->json, &answer, &error) != OK)
		return refuse_json(r, &error);
	TRY(attest_answer(market_of(r), r->caller.machine, &answer, r->now, r->now_mono, &v));
	/* Not judged at all, so nothing is stored. */
	if (v.fault == FAULT_QUOTE_LATE || v.fault == FAULT_AK_UNKNOWN || v.fault == FAULT_AK_REVOKED)
		return refuse_fault(r, v.fault);
	json_t *json = json_object();
	json_put_text(json, "tier", tier_names[v.tier]);
	field_put_text(json, "fault", fault_names[v.fault]);
	json_put_text(json, "detail", fault_sentences[v.fault]);
	answer_json(r, 200, json);
	return OK;
}

/* The policy that the proof was judged by, beside it. */
static err_t answer_proof(struct request *r, uuid machine, uuid lease)
{
	struct store *store = market_of(r)->store;
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *document = NULL;
	uint64_t version;
	TRY(store_attestation_get(store, machine, lease, &text, &version));
	AUTO_JSON json = json_loads(text, 0, NULL);
	if (!json)
		return E_INTERNAL;
	if (version) {
		TRY(store_policy_get(store, version, &version, &document));
		json_put(json, "policy", json_loads(document, 0, NULL));
	} else {
		const struct policy before_any = policy_default();
		json_put(json, "policy", policy_to_json(&before_any));
	}
	answer_json(r, 200, json_incref(json));
	return OK;
}

err_t machine_attestation(struct request *r)
{
	struct machine_row row;
	TRY(store_machine_get(market_of(r)->store, r->values.id[0], &row));
	bool itself_or_owner = uuid_is_zero(r->caller.machine) || uuid_equal(r->caller.machine, row.m.id);
	if (!uuid_equal(row.m.account, r->caller.account) || !itself_or_owner)
		return E_NOT_FOUND;
	return answer_proof(r, row.m.id, (uuid){ 0 });
}

err_t lease_attestation(struct request *r)
{
	struct lease_row row;
	TRY(gate_lease(r, &row));
	return answer_proof(r, row.l.machine, row.l.id);
}

err_t trust_policy_show(struct request *r)
{
	json_t *json = policy_to_json(attest_policy(market_of(r)));
	json_put_int(json, "version", (int64_t)attest_policy_version(market_of(r)));
	answer_json(r, 200, json);
	return OK;
}
