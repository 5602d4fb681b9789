/* SPDX-License-Identifier: Apache-2.0
 * attest.h - which machines are trusted: their TPMs, the questions they are asked, what follows from the answers
 *
 * How it works: a machine whose TPM was enrolled is asked at its first report, when the policy changes, and at random times from then on;
 * a lease whose order wants trusted machines is asked for when it runs, and again at random times. One question at a time stands in
 * the answers to a machine's reports until it is answered or too old. trust/judge.h judges. A lease that requires trust and fails
 * ends with attestation_failed; a machine that fails is not offered to such orders any more. What is here is made anew after a restart:
 * keys and clocks are stored, trust is not.
 */
#ifndef MARKET_ATTEST_H
#define MARKET_ATTEST_H

#include "attestations.h"
#include "judge.h"
#include "market.h"

struct attest;
struct live;
struct presence;

/* Reads the authorities' file. E_INVALID with a sentence in error (256 bytes). */
MUST_CHECK err_t attest_new(const struct settings *settings, struct attest **ret, char *error);
void attest_free(struct attest *a);
/* Policy and keys from the database: at the start, when the database is back, when an operator changed something. */
MUST_CHECK err_t attest_load(struct market *m);
const struct policy *attest_policy(const struct market *m);
uint64_t attest_policy_version(const struct market *m); /* 0: no operator made one yet */

/* ---- enrolment ---- */
/* Checks a TPM's keys and makes the credential that proves them; the answer must come within the answer timeout. */
MUST_CHECK err_t attest_begin(struct market *m, uuid machine, const struct tpm_identity *identity, wall_time now,
			      mono_time now_mono, enum fault *ret_fault, struct tpm_credential *ret);
/* Inside a transaction. What is stored counts when market_touch_machine() is caught up. */
MUST_CHECK err_t attest_activate(struct market *m, uuid machine, sha256 proof, wall_time now, mono_time now_mono,
				 enum fault *ret_fault);

/* ---- questions ---- */
/* What is asked of this machine now, if anything. */
bool attest_question(struct market *m, struct presence *p, wall_time now, mono_time now_mono, struct question *ret);
/* Its answer. FAULT_QUOTE_LATE changes nothing; E_CONFLICT: the lease's endpoint has another key by now, answer anew. */
MUST_CHECK err_t attest_answer(struct market *m, uuid machine, const struct attestation *answer, wall_time now,
			       mono_time now_mono, struct verdict *ret);
/* Whom nobody answered for; a policy that was changed. */
void attest_sweep(struct market *m, wall_time now, mono_time now_mono);
/* The last judgement of this machine was without fault, under the policy that holds. */
bool attest_trusted(const struct market *m, uuid machine);
/* It is trusted, by a TPM that nobody but the machine vouches for. */
bool attest_first_use(const struct market *m, uuid machine);

#endif
