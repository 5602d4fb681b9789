/* SPDX-License-Identifier: Apache-2.0
 * dns.h - names and addresses of the network's members (RFC 1035), for our machine only
 */
#ifndef VNET_DNS_H
#define VNET_DNS_H

#include "ipv6.h"

#define DNS_PORT 53
#define DNS_QUESTION_BYTES 1232 /* that is handed on to a gateway */
#define DNS_REPLY_BYTES 512
#define DNS_DOMAIN "lan"
#define DNS_TTL_S 30

/* Who is who. name: lower case, one label. */
struct dns_zone {
	void *context;
	bool (*ip_of)(void *context, const char *name, uint32_t *ret_ip);
	const char *(*name_of)(void *context, uint32_t ip); /* NULL: nobody */
	/* of the network's IPv6 prefix; where no address of a member is known it has none */
	bool (*ip6_of)(void *context, const char *name, struct ip6 *ret_ip);
	const char *(*name_of6)(void *context, struct ip6 ip);
	uint32_t subnet, netmask;
	uint64_t prefix;
};
/* A question (UDP payload) to a reply of at most DNS_REPLY_BYTES. E_INVALID: not a question, no answer. */
/* *ret_foreign: it is of the world, and the reply a refusal. */
MUST_CHECK err_t dns_answer(const struct dns_zone *z, const uint8_t *question, size_t len, uint8_t *reply, size_t *ret_len,
			    bool *ret_foreign);
/* A label of letters, digits and inner hyphens (RFC 1123 section 2.1), lower case. */
bool dns_is_label(const char *text);

#endif
