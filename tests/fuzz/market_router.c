/* SPDX-License-Identifier: Apache-2.0
 * market_router.c - fuzz: methods and paths against a table of routes; a path that is taken can be written from its values again
 */
#include <assert.h>
#include <stdlib.h>
#include "router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t nothing(struct request *r)
{
	(void)r;
	return OK;
}

static const struct route table[] = {
	{ "GET", "/v1/orders", nothing, 0, 0, 0, "0" },
	{ "POST", "/v1/orders", nothing, 0, 0, 0, "1" },
	{ "GET", "/v1/orders/{id}", nothing, 0, 0, 0, "2" },
	{ "DELETE", "/v1/orders/{id}/peers/{id}", nothing, 0, 0, 0, "3" },
	{ "GET", "/v1/images/{hash}/pieces/{n}", nothing, 0, 0, 0, "4" },
	{ "PUT", "/v1/images/{hash}/pieces/{n}", nothing, 0, 0, 0, "5" },
	{ "GET", "/pay/{word}", nothing, 0, 0, 0, "6" },
	{ "GET", "*", nothing, 0, 0, 0, "7" },
	{ .method = NULL },
};

static void check_again(const struct route *route, const struct route_values *v, const char *path)
{
	char again[256], id[2][UUID_TEXT_SIZE], hash[SHA256_TEXT_SIZE];
	uuid_format(v->id[0], id[0]);
	uuid_format(v->id[1], id[1]);
	sha256_format(v->hash, hash);
	switch (route->what[0]) {
	case '2':
		snprintf(again, sizeof again, "/v1/orders/%s", id[0]);
		break;
	case '3':
		snprintf(again, sizeof again, "/v1/orders/%s/peers/%s", id[0], id[1]);
		break;
	case '4':
	case '5':
		snprintf(again, sizeof again, "/v1/images/%s/pieces/", hash); /* the number may have zeros before it */
		assert(!strncasecmp(path, again, strlen(again)));
		return;
	case '6':
		snprintf(again, sizeof again, "/pay/%s", v->word);
		break;
	default:
		return;
	}
	assert(!strcasecmp(path, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "", "get" };
	char path[512], allow[ROUTE_ALLOW_SIZE] = "";
	const struct route *route = NULL;
	struct route_values values;
	static struct router *router;
	if (!router && router_new(table, &router) != OK)
		abort();
	if (size < 1 || size > sizeof path)
		return 0;
	memcpy(path, data + 1, size - 1);
	path[size - 1] = 0;
	switch (route_find(router, methods[data[0] % 8], path, &route, &values, allow)) {
	case ROUTE_FOUND:
		check_again(route, &values, path);
		break;
	case ROUTE_METHOD:
		assert(allow[0]);
		break;
	case ROUTE_NONE:
	case ROUTE_VALUE:
		assert(!route);
	}
	return 0;
}
