/* SPDX-License-Identifier: Apache-2.0
 * attestations.h - machines' TPMs, what they proved last, and what the operator asks of them
 */
#ifndef STORE_ATTESTATIONS_H
#define STORE_ATTESTATIONS_H

#include "store.h"

struct attestation_key_row {
	uuid machine;
	sha256 ek;
	bool certified, revoked;
	char *identity; /* heap: JSON of struct tpm_identity */
	bool clocked;	/* a quote held: */
	uint64_t clock_ms;
	uint32_t resets, restarts;
};
void attestation_key_rows_free(struct attestation_key_row *rows, size_t count);
/* Of machines that are not retired. */
MUST_CHECK err_t store_attestation_key_list(struct store *s, struct attestation_key_row **ret_rows, size_t *ret_count);
/* Replaces the machine's own, unless that was revoked (E_DENIED). E_EXISTS: another machine that is not retired has this TPM; E_DENIED:
 * it had, and was revoked. Inside a transaction. */
MUST_CHECK err_t store_attestation_key_put(struct store *s, const struct attestation_key_row *row, wall_time now);
MUST_CHECK err_t store_attestation_key_clock(struct store *s, const struct attestation_key_row *row);
MUST_CHECK err_t store_attestation_key_revoke(struct store *s, uuid machine, const char *reason, wall_time now); /* E_NOT_FOUND */

struct attestation_row {
	uuid machine, lease; /* lease zero: of the machine itself */
	const char *tier, *fault, *proof;
	uint64_t policy;
	wall_time at;
};
MUST_CHECK err_t store_attestation_put(struct store *s, const struct attestation_row *row);
/* The last proof, heap, and the version of its policy. lease zero: the machine's own; else machine is not looked at. */
MUST_CHECK err_t store_attestation_get(struct store *s, uuid machine, uuid lease, char **ret_proof, uint64_t *ret_policy);

/* The document is heap. version 0: the newest. E_NOT_FOUND: there is none. */
MUST_CHECK err_t store_policy_get(struct store *s, uint64_t version, uint64_t *ret_version, char **ret_document);
MUST_CHECK err_t store_policy_version(struct store *s, uint64_t *ret_version); /* 0: there is none */
/* The next version. E_EXISTS: somebody else just made it. */
MUST_CHECK err_t store_policy_add(struct store *s, uint64_t version, const char *document, const char *by, wall_time now);

#endif
