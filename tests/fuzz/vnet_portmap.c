/* SPDX-License-Identifier: Apache-2.0
 * vnet_portmap.c - fuzz: gateways' answers; the first byte says how many requests went out before, the next is a row of answers
 * with a length each
 */
#include <assert.h>
#include <string.h>
#include "portmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct portmap m;
	struct address gateway, to, list[GATEWAY_MAX];
	uint8_t packet[PORTMAP_REQUEST_BYTES];
	mono_time now = { SECOND_US };
	size_t len;
	bool changed;
	assert(address_parse("192.168.1.1:5351", &gateway) == OK);
	portmap_init(&m, 5000);
	portmap_set(&m, &gateway, 1, now);
	memset(m.gateways[0].nonce, 0xaa, sizeof m.gateways[0].nonce);
	for (unsigned i = 0; size > 0 && i < data[0] % 16u; i++, now.us += SECOND_US)
		while (portmap_next(&m, now, packet, &len, &to))
			assert(len <= sizeof packet);
	for (size_t at = 1; at < size; now.us += SECOND_US / 10) {
		size_t n = data[at++];
		n = n < size - at ? n : size - at;
		bool taken = portmap_take(&m, data + at, n, &gateway, now, &changed);
		assert(taken || !changed);
		at += n;
		while (portmap_next(&m, now, packet, &len, &to))
			assert(len <= sizeof packet);
	}
	/* Whatever it said: it is asked again, not at once for ever, and what it maps can be sent to. */
	assert(portmap_due_us(&m) <= now.us + 86400 * SECOND_US);
	for (size_t i = portmap_addresses(&m, list); i-- > 0;)
		assert(address_is_unicast(&list[i]));
	return 0;
}
