/* SPDX-License-Identifier: Apache-2.0
 * vnet_wire.c - fuzz: the parsers of packets between peers, and addresses; what is accepted is written again the same
 */
#include <assert.h>
#include <string.h>
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inner(const uint8_t *data, size_t size)
{
	struct inner in;
	uint8_t again[INNER_MAX_BYTES];
	size_t used;
	if (inner_get(data, size, &in, &used) != OK)
		return;
	assert(used <= size && inner_put(&in, again) == used && !memcmp(again, data, used));
}

static void carrier(const uint8_t *data, size_t size)
{
	struct carrier c;
	uint8_t again[CARRIER_PACKET_BYTES];
	if (carrier_get(data, size, &c) != OK)
		return;
	assert(c.dtls_len <= CARRIER_DTLS_MAX && size <= sizeof again);
	/* Padding may hold anything: all before it comes back. */
	size_t n = carrier_put(&c, again);
	assert(n <= size && !memcmp(again, data, CARRIER_HEAD_BYTES + c.dtls_len));
}

static void probe(const uint8_t *data, size_t size)
{
	struct probe p;
	uint8_t again[PROBE_BYTES];
	if (probe_get(data, size, &p) != OK)
		return;
	probe_put(&p, again);
	assert(!memcmp(again, data, sizeof again));
}

static void cookie(const uint8_t *data, size_t size)
{
	struct cookie_reply c;
	uint8_t again[COOKIE_PACKET_BYTES];
	if (cookie_get(data, size, &c) != OK)
		return;
	cookie_put(&c, again);
	assert(!memcmp(again, data, COOKIE_PACKET_BYTES - CARRIER_MAC_BYTES));
}

static void address(const uint8_t *data, size_t size)
{
	char text[128], back[ADDRESS_TEXT_SIZE];
	struct address a, b;
	if (size >= sizeof text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (address_parse(text, &a) != OK)
		return;
	assert(address_parse(address_format(&a, back), &b) == OK && address_equal(&a, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_header h;
	if (size == 0)
		return 0;
	if (wire_header_get(data + 1, size - 1, &h) == OK) {
		uint8_t again[WIRE_HEADER_BYTES];
		wire_header_put(&h, again);
		assert(!memcmp(again, data + 1, sizeof again));
	}
	void (*const parsers[])(const uint8_t *, size_t) = { inner, carrier, probe, cookie, address };
	parsers[data[0] % (sizeof parsers / sizeof *parsers)](data + 1, size - 1);
	return 0;
}
