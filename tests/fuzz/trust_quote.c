/* SPDX-License-Identifier: Apache-2.0
 * trust_quote.c - fuzz: what a TPM signs and with what: quotes, signatures, public areas
 *
 * The first byte says as what the rest is read.
 */
#include <assert.h>
#include <stdlib.h>
#include "quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const sha256 values[PCR_COUNT];
	static const struct asked asked = { .pcrs = 0xffff };
	struct attestation_key key = { .public.bytes = { 4 } };
	struct quote q;
	if (size == 0)
		return 0;
	const uint8_t *at = data + 1;
	size_t len = size - 1;
	switch (data[0] % 3) {
	case 0:
		if (quote_read(at, len, &q) == FAULT_NONE)
			assert(len <= QUOTE_MAX);
		break;
	case 1:
		if (attestation_key_read(at, len, &key) == FAULT_NONE)
			assert(len <= AK_PUBLIC_MAX && key.public.bytes[0] == 4);
		break;
	default:
		/* Nobody here has signed anything. */
		assert(quote_verify(at, len, at, len, &key, &asked, values, &q) != FAULT_NONE);
	}
	return 0;
}
