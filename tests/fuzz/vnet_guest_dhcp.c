/* SPDX-License-Identifier: Apache-2.0
 * vnet_guest_dhcp.c - fuzz: what our images' guests read of a DHCP server's answers
 */
#include <assert.h>
#include <string.h>
#include "dhcp_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 1, 2, 3 };
	struct dhcp_answer a;
	if (!dhcp_answer_read(data, size, 0xdeadbeef, mac, &a))
		return 0;
	assert(a.server && a.dns_count <= DHCP_DNS_MAX && strlen(a.name) < DHCP_NAME_SIZE && strlen(a.domain) < DHCP_NAME_SIZE);
	assert(!strpbrk(a.name, " ;$`'\"\n/") && !strpbrk(a.domain, " ;$`'\"\n/") && (!a.mtu || a.mtu >= 576));
	assert(a.kind == DHCP_NAK || (a.ip >> 24 && (a.ip & ~a.mask) && (a.ip | a.mask) != UINT32_MAX));
	return 0;
}
