/* SPDX-License-Identifier: Apache-2.0
 * vnet_stun.c - fuzz: the STUN messages that anybody may send; what is accepted is written and read again the same
 */
#include <assert.h>
#include <string.h>
#include "stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stun_message m, again;
	uint8_t packet[STUN_ANSWER_BYTES];
	if (stun_get(data, size, &m) != OK)
		return 0;
	assert(stun_is(data, size) && size <= STUN_MAX_BYTES);
	size_t len = m.kind == STUN_REQUEST ? stun_put_request(m.id, packet) : stun_put_answer(m.id, &m.mapped, packet);
	assert(stun_get(packet, len, &again) == OK && again.kind == m.kind && !memcmp(&again.id, &m.id, sizeof m.id));
	assert(m.kind == STUN_REQUEST || address_equal(&again.mapped, &m.mapped));
	return 0;
}
