/* SPDX-License-Identifier: Apache-2.0
 * vnet_proxy.c - fuzz: what an HTTP proxy answers to CONNECT; an answer is taken once it is whole and not before
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* of its own size, so that a read behind it shows */
	char login[PROXY_LOGIN_SIZE] = "", request[PROXY_REQUEST_SIZE];
	size_t len = 0;
	assert(copy);
	memcpy(copy, data, size);
	copy = realloc(copy, size ? size : 1);
	err_t e = proxy_answer(copy, size);
	if (e == OK) {
		assert(size >= 16 && memcmp(copy + size - 4, "\r\n\r\n", 4) == 0);
		assert(proxy_answer(copy, size - 1) == E_AGAIN);
	}
	if (size < sizeof login && !memchr(copy, 0, size)) {
		memcpy(login, copy, size);
		login[size] = 0;
		if (proxy_request("192.0.2.7:443", login, request, &len) == OK)
			assert(len == strlen(request) && strcmp(request + len - 4, "\r\n\r\n") == 0 &&
			       strstr(request, "\r\n\r\n") == request + len - 4);
	}
	free(copy);
	return 0;
}
