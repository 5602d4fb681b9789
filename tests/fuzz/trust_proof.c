/* SPDX-License-Identifier: Apache-2.0
 * trust_proof.c - fuzz: every message about TPMs as JSON, and the judgement of a whole proof
 */
#include <assert.h>
#include <stdlib.h>
#include "judge.h"
#include "proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct proof *p)
{
	struct policy policy;
	struct json_error error;
	struct endorsement ek = { .key = NULL };
	struct attestation_key ak;
	if (!p->policy || policy_from_json(p->policy, &policy, &error))
		return;
	json_t *again = policy_to_json(&policy);
	struct policy second;
	assert(policy_from_json(again, &second, &error) == OK);
	json_decref(again);
	policy_clear(&second);
	if (judge_identity(&p->identity, NULL, true, (wall_time){ 1795255200000000 }, &ek, &ak) == FAULT_NONE)
		(void)judge_answer(&ak, &p->binding, &p->answer, &policy, (struct tpm_clock){ .known = true }, NULL);
	endorsement_clear(&ek);
	policy_clear(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_error error;
	struct proof proof;
	struct tpm_identity identity;
	struct tpm_credential credential;
	struct attestation answer;
	sha256 hash;
	json_t *json;
	if (json_parse((const char *)data, size, &json, &error))
		return 0;
	if (proof_from_json(json, &proof, &error) == OK) {
		json_t *again = proof_to_json(&proof);
		judge(&proof);
		json_decref(again);
		proof_clear(&proof);
	}
	if (tpm_identity_from_json(json, &identity, &error) == OK)
		tpm_identity_clear(&identity);
	if (tpm_credential_from_json(json, &credential, &error) == OK)
		tpm_credential_clear(&credential);
	if (attestation_from_json(json, &answer, &error) == OK)
		attestation_clear(&answer);
	if (activation_from_json(json, &hash, &error) == OK)
		(void)hash;
	json_decref(json);
	return 0;
}
