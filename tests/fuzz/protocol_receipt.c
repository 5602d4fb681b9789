/* SPDX-License-Identifier: Apache-2.0
 * protocol_receipt.c - fuzzer: any bytes as a receipt, as they are and signed anew, so that more than the signature is looked at
 */
#include <assert.h>
#include <stdlib.h>
#include "receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct receipt_check check;
	static struct ed25519_key *key;
	struct json_error error;
	AUTO_JSON receipt = NULL;

	if (!key && ed25519_new(&key))
		abort();
	if (json_parse((const char *)data, size, &receipt, &error) || !json_is_object(receipt))
		return 0;
	if (receipt_verify(receipt, &check, &error))
		assert(*error.what);
	if (receipt_sign(receipt, key))
		abort();
	if (receipt_verify(receipt, &check, &error))
		assert(*error.what);
	else
		assert(check.charged.micro >= 0 && check.count <= ORDER_MAX_COUNT);
	return 0;
}
