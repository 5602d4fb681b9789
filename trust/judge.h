/* SPDX-License-Identifier: Apache-2.0
 * judge.h - the whole proof: the same judgement at the market and in a buyer's hands, without a TPM, a network or a database
 */
#ifndef TRUST_JUDGE_H
#define TRUST_JUDGE_H

#include "attestation.h"
#include "endorsement.h"
#include "policy.h"
#include "quote.h"

/* What a proof shows, at most. */
enum tier {
	TIER_NONE,
	TIER_IDENTITY,	    /* one certain TPM, the same as always */
	TIER_MEASURED_BOOT, /* and it booted what the operator knows */
	TIER_CONFIDENTIAL,  /* and the guest's memory is closed to the machine's owner */
	TIER_COUNT
};
extern const char *const tier_names[TIER_COUNT];

/* An enrolled machine's keys: which TPM, and the key in it. */
MUST_JUDGE enum fault judge_identity(const struct tpm_identity *identity, const struct authorities *authorities, bool first_use,
				     wall_time now, struct endorsement *ret_ek, struct attestation_key *ret_ak);

/* The TPM's counters, as they were in the last quote that held. */
struct tpm_clock {
	bool known;
	uint64_t clock_ms;
	uint32_t resets, restarts;
};
struct verdict {
	enum fault fault;
	enum tier tier;		   /* with a fault, too: FAULT_REFERENCE leaves the identity */
	char reference[NAME_SIZE]; /* which boot it is, where measured; or "" */
	struct tpm_clock clock;	   /* to keep, where tier is not none */
	uint64_t firmware;
};
/* answer: to binding's question. before: of the quote before this one. resets: what the TPM must count still, as the lease began; or NULL. */
struct verdict judge_answer(const struct attestation_key *key, const struct binding *binding, const struct attestation *answer,
			    const struct policy *policy, struct tpm_clock before, const uint32_t *resets);

#endif
