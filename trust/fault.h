/* SPDX-License-Identifier: Apache-2.0
 * fault.h - what is wrong with a machine's proof: one typed reason, the same name in SQL, JSON, logs and pages
 */
#ifndef TRUST_FAULT_H
#define TRUST_FAULT_H

#include "err.h"

enum fault {
	FAULT_NONE,
	/* The endorsement key: which TPM it is. */
	FAULT_EK_CERTIFICATE, /* no X.509 certificate, or bytes behind it */
	FAULT_EK_CHAIN,	      /* it does not lead to an authority that the operator trusts */
	FAULT_EK_EXPIRED,     /* it, or one above it, is not valid now */
	FAULT_EK_USAGE,	      /* made for something else than endorsing a TPM */
	FAULT_EK_KEY,	      /* an algorithm that no template of the EK profile has */
	FAULT_EK_MISSING,     /* no certificate, and trust on first use is not allowed */
	FAULT_EK_TAKEN,	      /* another machine was enrolled with this TPM */
	FAULT_EK_REVOKED,     /* the operator does not trust this TPM any more */
	/* The attestation key: who signs. */
	FAULT_AK_FORMAT,     /* no TPMT_PUBLIC, or bytes behind it */
	FAULT_AK_ALGORITHM,  /* not ECDSA with SHA-256 on P-256 */
	FAULT_AK_ATTRIBUTES, /* a key that could sign what the TPM did not make, or that could leave it */
	FAULT_AK_POINT,	     /* no point of the curve */
	FAULT_AK_UNKNOWN,    /* no key was enrolled */
	FAULT_AK_REVOKED,
	FAULT_CREDENTIAL,      /* the secret was not recovered: this key is not in that TPM */
	FAULT_CREDENTIAL_LATE, /* nothing was asked, or too long ago */
	/* The signature, and what it is over. */
	FAULT_SIGNATURE_FORMAT,
	FAULT_SIGNATURE_ALGORITHM,
	FAULT_SIGNATURE,     /* not by this key over these bytes */
	FAULT_QUOTE_FORMAT,  /* no TPMS_ATTEST, or bytes behind it */
	FAULT_QUOTE_MAGIC,   /* not made inside a TPM */
	FAULT_QUOTE_TYPE,    /* the TPM attests something else */
	FAULT_QUOTE_BINDING, /* made for another question: another nonce, lease, image, network key, accelerator or policy */
	FAULT_QUOTE_LATE,    /* the question was not asked, or too long ago */
	/* What it tells. */
	FAULT_PCR_BANK,	     /* not the SHA-256 bank alone */
	FAULT_PCR_SELECTION, /* not exactly the registers that were asked for */
	FAULT_PCR_DIGEST,    /* the registers' values are not those that were signed */
	FAULT_CLOCK_BACK,    /* the TPM's time or counters went back: an older state, or another TPM */
	FAULT_REBOOTED,	     /* it was restarted while the lease ran */
	FAULT_FIRMWARE,	     /* a TPM firmware that the operator does not trust */
	FAULT_LOG_MISSING,
	FAULT_LOG_FORMAT,
	FAULT_LOG_ALGORITHM, /* without SHA-256 digests */
	FAULT_LOG_REPLAY,    /* what it says does not make the registers' values */
	FAULT_REFERENCE,     /* what was booted is not what the operator knows */
	FAULT_SILENT,	     /* no answer in time */
	FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];
extern const char *const fault_sentences[FAULT_COUNT];

#define MUST_JUDGE MUST_CHECK
/* Passes a fault up. */
#define JUDGE(call)                          \
	do {                                 \
		enum fault judged_ = (call); \
		if (judged_ != FAULT_NONE)   \
			return judged_;      \
	} while (0)

#endif
