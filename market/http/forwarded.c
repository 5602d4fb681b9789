/* SPDX-License-Identifier: Apache-2.0
 * forwarded.c - whose a request is, by what a proxy or another market of ours says in its headers
 */
#include "forwarded.h"

#include <arpa/inet.h>

#include "bytes.h"
#include "crypto.h"

static bool is_address(const char *text)
{
	struct in6_addr parsed;
	return inet_pton(AF_INET, text, &parsed) == 1 || inet_pton(AF_INET6, text, &parsed) == 1;
}

bool forwarded_client(const char *via, char *ret_address)
{
	const char *last = strrchr(via, ',');
	last = last ? last + 1 : via;
	last += strspn(last, " \t");
	return is_address(last) && text_copy(ret_address, ADDRESS_SIZE, last) == OK;
}

enum forwarded_by forwarded_read(const struct forwarded *f, const char *ours, char *ret_address, char *ret_id)
{
	char address[ADDRESS_SIZE];
	uuid id;
	if (!f->secret)
		return FORWARDED_BY_NOBODY;
	if (!ours || strlen(f->secret) != strlen(ours) || !constant_time_equal(f->secret, ours, strlen(ours)))
		return FORWARDED_BY_STRANGER;
	if (f->client && is_address(f->client) && text_copy(address, sizeof address, f->client) == OK)
		memcpy(ret_address, address, sizeof address);
	if (f->id && uuid_parse(f->id, &id) == OK)
		uuid_format(id, ret_id);
	return FORWARDED_BY_MARKET;
}
