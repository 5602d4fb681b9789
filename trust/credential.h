/* SPDX-License-Identifier: Apache-2.0
 * credential.h - TPM2_MakeCredential without a TPM: a secret that only the TPM with an endorsement key opens, and only if it also holds
 * the key of a given name (TPM 2.0 Part 1 section 24)
 */
#ifndef TRUST_CREDENTIAL_H
#define TRUST_CREDENTIAL_H

#include "attestation_key.h"
#include "endorsement.h"

#define CREDENTIAL_SECRET_BYTES 32

struct credential {
	size_t blob_len, seed_len;
	uint8_t blob[128]; /* what TPM2B_ID_OBJECT holds: the HMAC, and the secret encrypted */
	uint8_t seed[256]; /* what TPM2B_ENCRYPTED_SECRET holds: RSA-OAEP of the seed, or an ephemeral point */
};

/* The algorithms are those of the key's template: SHA-256 and AES-128; with P-384 SHA-384 and AES-256. E_UNSUPPORTED, E_NOMEM. */
MUST_CHECK err_t credential_make(EVP_PKEY *endorsement_key, const uint8_t name[AK_NAME_BYTES],
				 const uint8_t secret[CREDENTIAL_SECRET_BYTES], struct credential *ret);

#endif
