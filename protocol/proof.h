/* SPDX-License-Identifier: Apache-2.0
 * proof.h - a machine's answer with all that is needed to judge it again, without the market
 */
#ifndef PROTOCOL_PROOF_H
#define PROTOCOL_PROOF_H

#include "attestation.h"

#define VERDICT_WORD_SIZE 32

/* What the market says of it. The words are trust/judge.h's and trust/fault.h's. */
struct verdict_view {
	char tier[VERDICT_WORD_SIZE], fault[VERDICT_WORD_SIZE], reference[NAME_SIZE]; /* fault, reference: "" where none */
	bool first_use; /* nobody but the machine itself vouches for its TPM */
	wall_time at;
};

/* GET /v1/leases/{id}/attestation, and of a machine itself GET /v1/machines/{id}/attestation. */
struct proof {
	struct verdict_view verdict;
	struct binding binding;
	struct tpm_identity identity;
	struct attestation answer; /* without quote: the machine did not answer */
	json_t *policy;		   /* the operator's, of the version in the binding; NULL where it is not there */
};
void proof_clear(struct proof *p);
json_t *proof_to_json(const struct proof *p);
MUST_CHECK err_t proof_from_json(json_t *json, struct proof *ret, struct json_error *error);

#endif
