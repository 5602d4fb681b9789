/* SPDX-License-Identifier: Apache-2.0
 * judge.c - the whole proof
 *
 * How it works: in the order in which things become credible. Sizes, the signature, the structure, the question (nonce, lease and all
 * that is bound), the selection, the registers' values; from then on the TPM itself speaks: its clock, its firmware. Then the log must
 * lead to the values, and the values or the log's digests must be those of a reference.
 */
#include "judge.h"
#include <assert.h>
#include "event_log.h"

const char *const tier_names[] = { "none", "identity", "measured_boot", "confidential" };
static_assert(sizeof tier_names / sizeof *tier_names == TIER_COUNT, "every tier has a name");

enum fault judge_identity(const struct tpm_identity *identity, const struct authorities *authorities, bool first_use,
			  wall_time now, struct endorsement *ret_ek, struct attestation_key *ret_ak)
{
	struct der chain[ATTESTATION_CHAIN];
	struct attestation_key ak;
	JUDGE(attestation_key_read(identity->ak_public.data, identity->ak_public.len, &ak));
	for (size_t i = 0; i < identity->chain_count; i++)
		chain[i] = (struct der){ identity->chain[i].data, identity->chain[i].len };
	if (identity->ek_certificate.data) {
		JUDGE(endorsement_certified((struct der){ identity->ek_certificate.data, identity->ek_certificate.len }, chain,
					    identity->chain_count, authorities, now, ret_ek));
	} else if (!first_use || !identity->ek_public.data) {
		return FAULT_EK_MISSING;
	} else {
		JUDGE(endorsement_bare((struct der){ identity->ek_public.data, identity->ek_public.len }, ret_ek));
	}
	*ret_ak = ak;
	return FAULT_NONE;
}

static enum fault clock_check(const struct quote *q, struct tpm_clock before, const uint32_t *resets)
{
	if (resets && q->resets > *resets)
		return FAULT_REBOOTED;
	if (!before.known || q->resets > before.resets)
		return FAULT_NONE;
	/* An unsafe clock may be behind by what it had not yet written when the power failed (Part 1 section 36.3). */
	if (q->resets < before.resets || q->restarts < before.restarts || (q->safe && q->clock_ms < before.clock_ms))
		return FAULT_CLOCK_BACK;
	return FAULT_NONE;
}

static enum fault firmware_check(const struct policy *policy, uint64_t firmware)
{
	for (size_t i = 0; i < policy->denied_count; i++)
		if (policy->denied_firmware[i] == firmware)
			return FAULT_FIRMWARE;
	return FAULT_NONE;
}

static sha256 value_of(const struct attestation *a, uint16_t registers, unsigned int pcr)
{
	return a->values[__builtin_popcount(registers & ((1u << pcr) - 1))];
}

static enum fault log_check(const struct attestation *a, const struct policy *policy)
{
	struct replay replay;
	if (!a->log.data)
		return policy->log_required ? FAULT_LOG_MISSING : FAULT_NONE;
	JUDGE(event_log_replay(a->log.data, a->log.len, &replay));
	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
		if (policy->replayed & 1u << pcr && !sha256_equal(replay.values[pcr], value_of(a, policy->quoted, pcr)))
			return FAULT_LOG_REPLAY;
	return FAULT_NONE;
}

static bool among(const sha256 *list, size_t count, sha256 digest)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(&list[i], &digest, sizeof digest))
			return true;
	return false;
}

/* Only where the log is proven to lead to the register's value do its events say anything. */
static bool events_known(const struct attestation *a, const struct policy *policy, const struct expectation *expected)
{
	struct event_log log;
	struct event e;
	bool any = false;
	if (!a->log.data || !(policy->replayed & 1u << expected->pcr) || event_log_open(a->log.data, a->log.len, &log))
		return false;
	while (event_log_next(&log, &e)) {
		if (e.pcr != expected->pcr || !event_extends(&e))
			continue;
		if (!among(expected->events, expected->event_count, e.digest))
			return false;
		any = true;
	}
	return any && log.fault == FAULT_NONE;
}

static bool fits(const struct attestation *a, const struct policy *policy, const struct reference *r)
{
	for (size_t i = 0; i < r->expectation_count; i++) {
		const struct expectation *e = &r->expectations[i];
		if (e->value_count && !among(e->values, e->value_count, value_of(a, policy->quoted, e->pcr)))
			return false;
		if (e->event_count && !events_known(a, policy, e))
			return false;
	}
	return r->expectation_count > 0;
}

static const struct reference *reference_for(const struct attestation *a, const struct policy *policy)
{
	for (size_t i = 0; i < policy->reference_count; i++)
		if (fits(a, policy, &policy->references[i]))
			return &policy->references[i];
	return NULL;
}

static enum fault quote_check(const struct attestation_key *key, const struct binding *binding, const struct attestation *a,
			      const struct policy *policy, struct quote *ret)
{
	const struct asked asked = { binding_hash(binding), binding->question.registers };
	if (a->value_count != (size_t)__builtin_popcount(asked.pcrs) || asked.pcrs != policy->quoted)
		return FAULT_PCR_SELECTION;
	return quote_verify(a->quote.data, a->quote.len, a->signature.data, a->signature.len, key, &asked, a->values, ret);
}

struct verdict judge_answer(const struct attestation_key *key, const struct binding *binding, const struct attestation *answer,
			    const struct policy *policy, struct tpm_clock before, const uint32_t *resets)
{
	struct verdict v = { .tier = TIER_NONE, .clock = before };
	struct quote q;
	v.fault = quote_check(key, binding, answer, policy, &q);
	if (v.fault)
		return v;
	v.firmware = q.firmware;
	v.fault = clock_check(&q, before, resets);
	if (!v.fault)
		v.fault = firmware_check(policy, q.firmware);
	if (v.fault)
		return v;
	v.tier = TIER_IDENTITY;
	v.clock = (struct tpm_clock){ true, q.clock_ms, q.resets, q.restarts };
	v.fault = log_check(answer, policy);
	if (v.fault)
		return v;
	const struct reference *found = reference_for(answer, policy);
	if (!found) {
		v.fault = FAULT_REFERENCE;
		return v;
	}
	v.tier = TIER_MEASURED_BOOT;
	memcpy(v.reference, found->name, sizeof v.reference);
	return v;
}
