/* SPDX-License-Identifier: Apache-2.0
 * pin.h - certificates by their key: the pin is all, names, dates and issuers mean nothing
 */
#ifndef VNET_PIN_H
#define VNET_PIN_H

#include <openssl/ssl.h>
#include "crypto.h"

/* SHA-256 of the certificate's SubjectPublicKeyInfo. E_INVALID where its key is not on P-256. */
MUST_CHECK err_t pin_of(X509 *certificate, sha256 *ret_pin);
/* Makes every connection of the context ask for a certificate whose pin is what SSL_get_app_data() points to, and no other. */
void pin_require(SSL_CTX *context);
/* Key and certificate as certificate_make() gives them. E_INVALID where they do not fit each other or are no P-256. */
MUST_CHECK err_t pin_load(SSL_CTX *context, const char *key_pem, const char *cert_pem, sha256 *ret_pin);

#endif
