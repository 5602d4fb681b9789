/* SPDX-License-Identifier: Apache-2.0
 * certificate.h - the market's TLS key and certificate
 */
#ifndef MARKET_CERTIFICATE_H
#define MARKET_CERTIFICATE_H

#include "settings.h"

#define PIN_SIZE 64 /* "sha256//" and 44 characters of base64 */

struct certificate {
	char *key_pem, *certificate_pem; /* heap */
	char pin[PIN_SIZE];
};
/* The operator's files, else the self-signed pair under data_dir/tls, made once. error (256 bytes) tells. */
MUST_CHECK err_t certificate_load(const struct settings *settings, const char *data_dir, struct certificate *ret, char *error);
void certificate_clear(struct certificate *c);

#endif
