/* SPDX-License-Identifier: Apache-2.0
 * endorsement.h - which TPM it is: its endorsement key, and the certificate by which its maker vouches for it
 *
 * TCG EK Credential Profile 2.4. Keys of three of its templates are known: RSA 2048, P-256, P-384.
 */
#ifndef TRUST_ENDORSEMENT_H
#define TRUST_ENDORSEMENT_H

#include <openssl/x509.h>
#include "clock.h"
#include "crypto.h"
#include "fault.h"

#define EK_CERTIFICATE_MAX 4096
#define EK_CHAIN_MAX 4 /* certificates between it and the authority */

/* The authorities that an operator trusts: a PEM bundle. E_NOT_FOUND, E_INVALID. */
struct authorities;
MUST_CHECK err_t authorities_load(const char *path, struct authorities **ret);
void authorities_free(struct authorities *a);

struct der {
	const uint8_t *data;
	size_t len;
};

struct endorsement {
	EVP_PKEY *key;
	sha256 id; /* SHA-256 of its SubjectPublicKeyInfo: the same TPM under another certificate is the same */
	bool certified;
};
void endorsement_clear(struct endorsement *e);

/* A certificate and those above it, at now. authorities NULL: none is trusted. */
MUST_JUDGE enum fault endorsement_certified(struct der certificate, const struct der *chain, size_t chain_count,
					    const struct authorities *authorities, wall_time now, struct endorsement *ret);
/* A key that nobody vouches for, as a SubjectPublicKeyInfo: trust on first use. */
MUST_JUDGE enum fault endorsement_bare(struct der public_key, struct endorsement *ret);

/* Who the certificate says the TPM's maker is, in a few words of ASCII: "CN=…". text has size bytes. */
void endorsement_issuer(struct der certificate, char *text, size_t size);

#endif
