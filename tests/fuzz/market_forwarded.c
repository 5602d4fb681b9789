/* SPDX-License-Identifier: Apache-2.0
 * market_forwarded.c - fuzz: headers of proxies and other markets, a line each: only an address is taken for one, and only with the secret
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include "forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "5ec0e7"

static void check_address(const char *address)
{
	struct in6_addr parsed;
	assert(strnlen(address, ADDRESS_SIZE) < ADDRESS_SIZE);
	assert(inet_pton(AF_INET, address, &parsed) == 1 || inet_pton(AF_INET6, address, &parsed) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "untouched";
	char address[ADDRESS_SIZE] = "untouched", id[UUID_TEXT_SIZE] = "untouched", *text = malloc(size + 1), *rest = text;
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	const char *via = strsep(&rest, "\n");
	struct forwarded f = { .secret = strsep(&rest, "\n"), .client = strsep(&rest, "\n"), .id = strsep(&rest, "\n") };
	if (forwarded_client(via, address))
		check_address(address);
	else
		assert(!strcmp(address, before));
	memcpy(address, before, sizeof before);
	enum forwarded_by by = forwarded_read(&f, SECRET, address, id);
	assert((by == FORWARDED_BY_NOBODY) == !f.secret);
	assert((by == FORWARDED_BY_MARKET) == (f.secret && !strcmp(f.secret, SECRET)));
	if (by == FORWARDED_BY_MARKET && strcmp(address, before))
		check_address(address);
	if (by == FORWARDED_BY_MARKET && strcmp(id, before)) {
		uuid parsed;
		if (uuid_parse(id, &parsed) != OK)
			abort();
	}
	assert(by == FORWARDED_BY_MARKET || (!strcmp(address, before) && !strcmp(id, before)));
	assert(forwarded_read(&f, NULL, address, id) != FORWARDED_BY_MARKET);
	free(text);
	return 0;
}
