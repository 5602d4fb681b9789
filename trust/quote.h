/* SPDX-License-Identifier: Apache-2.0
 * quote.h - TPM2_Quote's answer, checked: who signed it, for which question, over which registers' values
 */
#ifndef TRUST_QUOTE_H
#define TRUST_QUOTE_H

#include "attestation_key.h"

#define QUOTE_MAX 512
#define QUOTE_SIGNATURE_MAX 256
/* Registers 16 to 23 can be reset without a restart (PC Client Platform TPM Profile section 4.6), so nothing rests on them. */
#define PCR_COUNT 16

struct quote {
	sha256 binding; /* its extraData */
	uint64_t clock_ms;
	uint32_t resets, restarts; /* TPM resets ever; restarts (after suspend to RAM) since the last of them */
	bool safe;		   /* the clock has not been behind since the last reset */
	uint64_t firmware;
	uint16_t pcrs; /* bit n: register n */
	sha256 pcr_digest;
};

/* A TPMS_ATTEST of type quote. Takes it apart, checks no more than that it is one. */
MUST_JUDGE enum fault quote_read(const void *data, size_t len, struct quote *ret);

struct asked {
	sha256 binding;
	uint16_t pcrs;
};
/* The order matters: nothing of the quote is believed before its signature (a TPMT_SIGNATURE) holds. values: of the registers in
 * question, ascending; as many as pcrs has bits. */
MUST_JUDGE enum fault quote_verify(const void *data, size_t len, const void *signature, size_t signature_len,
				   const struct attestation_key *key, const struct asked *asked, const sha256 *values,
				   struct quote *ret);

#endif
