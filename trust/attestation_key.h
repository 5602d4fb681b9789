/* SPDX-License-Identifier: Apache-2.0
 * attestation_key.h - a TPM's restricted signing key: its public area, as TPM 2.0 Part 2 section 12.2 lays it out
 */
#ifndef TRUST_ATTESTATION_KEY_H
#define TRUST_ATTESTATION_KEY_H

#include "crypto.h"
#include "fault.h"

#define AK_NAME_BYTES 34 /* the algorithm, and a SHA-256 (Part 1 section 16) */
#define AK_PUBLIC_MAX 256

struct attestation_key {
	p256_public public;
	uint8_t name[AK_NAME_BYTES];
};

/* data: a TPMT_PUBLIC. Only one kind is taken: P-256, ECDSA with SHA-256, restricted, signing, born in its TPM and bound to it. A
 * restricted key signs nothing that begins with TPM_GENERATED_VALUE unless the TPM made it (Part 1 section 25.3), which all else rests on. */
MUST_JUDGE enum fault attestation_key_read(const void *data, size_t len, struct attestation_key *ret);

#endif
