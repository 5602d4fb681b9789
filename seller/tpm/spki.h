/* SPDX-License-Identifier: Apache-2.0
 * spki.h - a TPM's public key as others write one: a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)
 */
#ifndef SELLER_TPM_SPKI_H
#define SELLER_TPM_SPKI_H

#include "attestation.h"

/* The exponent is 65537, as all EK templates have it. */
MUST_CHECK err_t spki_of_rsa(const uint8_t *modulus, size_t len, struct blob *ret);
/* number_bytes: of a coordinate in this group. */
MUST_CHECK err_t spki_of_point(const char *group, size_t number_bytes, const uint8_t *x, size_t x_len, const uint8_t *y,
			       size_t y_len, struct blob *ret);

#endif
