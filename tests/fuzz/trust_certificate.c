/* SPDX-License-Identifier: Apache-2.0
 * trust_certificate.c - fuzz: endorsement certificates and bare keys, and the credential that is made for them
 */
#include <assert.h>
#include <stdlib.h>
#include "credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t name[AK_NAME_BYTES], secret[CREDENTIAL_SECRET_BYTES];
	const struct der whole = { data, size };
	struct endorsement ek = { .key = NULL };
	struct credential c;
	char text[64];
	endorsement_issuer(whole, text, sizeof text);
	assert(endorsement_certified(whole, &whole, 1, NULL, (wall_time){ 1795255200000000 }, &ek) != FAULT_NONE);
	if (endorsement_bare(whole, &ek) == FAULT_NONE) {
		if (credential_make(ek.key, name, secret, &c) == OK)
			assert(c.blob_len <= sizeof c.blob && c.seed_len <= sizeof c.seed);
		endorsement_clear(&ek);
	}
	return 0;
}
