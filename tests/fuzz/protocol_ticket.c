/* SPDX-License-Identifier: Apache-2.0
 * protocol_ticket.c - fuzz: relay tickets; what is read is written the same, and none holds that was not signed
 */
#include <assert.h>
#include <string.h>
#include "ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ed25519_key *key;
	uint8_t bytes[TICKET_BYTES], again[TICKET_BYTES];
	struct ticket t;
	if (!key)
		assert(ed25519_new(&key) == OK);
	if (size < sizeof bytes)
		return 0;
	memcpy(bytes, data, sizeof bytes);
	if (ticket_read(bytes, &t) != OK)
		return 0;
	assert(ticket_check(bytes, ed25519_public_of(key), (wall_time){ 0 }) != OK);
	ticket_sign(&t, key, again);
	assert(memcmp(bytes, again, sizeof bytes - sizeof(ed25519_signature)) == 0);
	err_t e = ticket_check(again, ed25519_public_of(key), (wall_time){ 0 });
	assert(e == (t.expires.us > 0 ? OK : E_TIMEOUT));
	return 0;
}
