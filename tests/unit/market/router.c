/* SPDX-License-Identifier: Apache-2.0
 * router.c - tests of which route a request is for
 */
#include "router.h"
#include "tap.h"

static err_t list(struct request *r)
{
	(void)r;
	return OK;
}

#define ID "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
#define ID2 "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c"
#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct route table[] = {
	{ "GET", "/v1/orders", list, 0, 0, 0, "list" },
	{ "POST", "/v1/orders", list, 0, 0, 1, "create" },
	{ "POST", "/v1/orders/quote", list, 0, 0, 1, "quote" },
	{ "GET", "/v1/orders/{id}", list, 0, 0, 0, "show" },
	{ "DELETE", "/v1/orders/{id}/peers/{id}", list, 0, 0, 0, "leave" },
	{ "GET", "/v1/images/{hash}/pieces/{n}", list, 0, 0, 0, "piece" },
	{ "PUT", "/v1/images/{hash}/pieces/{n}", list, 0, 0, 1, "put piece" },
	{ "GET", "/pay/{word}", list, 0, 0, 0, "word" },
	{ "GET", "*", list, 0, 0, 0, "pages" },
	{ .method = NULL },
};

static const struct {
	const char *method, *path;
	enum route_result result;
	const char *what; /* of the route, or the methods allowed */
} cases[] = {
	{ "GET", "/v1/orders", ROUTE_FOUND, "list" },
	{ "HEAD", "/v1/orders", ROUTE_FOUND, "list" },
	{ "POST", "/v1/orders", ROUTE_FOUND, "create" },
	{ "POST", "/v1/orders/quote", ROUTE_FOUND, "quote" },
	{ "GET", "/v1/orders/" ID, ROUTE_FOUND, "show" },
	{ "GET", "/v1/orders/0193A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B", ROUTE_FOUND, "show" },
	{ "DELETE", "/v1/orders/" ID "/peers/" ID2, ROUTE_FOUND, "leave" },
	{ "GET", "/v1/images/" HASH "/pieces/0", ROUTE_FOUND, "piece" },
	{ "PUT", "/v1/images/" HASH "/pieces/16383", ROUTE_FOUND, "put piece" },
	{ "GET", "/pay/manual", ROUTE_FOUND, "word" },
	{ "GET", "/", ROUTE_FOUND, "pages" },
	{ "GET", "/v1/nothing", ROUTE_FOUND, "pages" },
	{ "HEAD", "/help.html", ROUTE_FOUND, "pages" },
	{ "GET", "/v1/orders/", ROUTE_VALUE, NULL },
	{ "GET", "/v1/orders/1", ROUTE_VALUE, NULL },
	{ "GET", "/v1/orders/" ID "0", ROUTE_VALUE, NULL },
	{ "GET", "/v1/orders/..", ROUTE_VALUE, NULL },
	{ "GET", "/v1/images/" HASH "/pieces/-1", ROUTE_VALUE, NULL },
	{ "GET", "/v1/images/" HASH "/pieces/2147483648", ROUTE_VALUE, NULL },
	{ "GET", "/v1/images/" HASH "/pieces/1x", ROUTE_VALUE, NULL },
	{ "GET", "/v1/images/" HASH "/pieces/", ROUTE_VALUE, NULL },
	{ "GET", "/v1/images/short/pieces/1", ROUTE_VALUE, NULL },
	{ "GET", "/pay/a%2fb", ROUTE_VALUE, NULL },
	{ "PATCH", "/v1/orders", ROUTE_METHOD, "GET, HEAD, POST" },
	{ "GET", "/v1/orders/quote", ROUTE_VALUE, NULL },
	{ "DELETE", "/v1/orders/" ID, ROUTE_METHOD, "GET, HEAD" },
	{ "POST", "/v1/images/" HASH "/pieces/1", ROUTE_METHOD, "GET, HEAD, PUT" },
	{ "POST", "/v1/nothing", ROUTE_NONE, NULL },
	{ "POST", "/v1/orders//quote", ROUTE_NONE, NULL },
	{ "POST", "//v1/orders", ROUTE_NONE, NULL },
	{ "POST", "http://host/v1/orders", ROUTE_NONE, NULL },
	{ "POST", "*", ROUTE_NONE, NULL },
	{ "POST", "", ROUTE_NONE, NULL },
};

int main(void)
{
	struct router *router;
	if (router_new(table, &router) != OK)
		return 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct route *route = NULL;
		struct route_values values = { 0 };
		char allow[ROUTE_ALLOW_SIZE] = "";
		enum route_result result = route_find(router, cases[i].method, cases[i].path, &route, &values, allow);
		is_int(result, cases[i].result, "%s %s", cases[i].method, cases[i].path);
		if (result == ROUTE_FOUND)
			is_text(route->what, cases[i].what, "its route");
		if (result == ROUTE_METHOD)
			is_text(allow, cases[i].what, "what is allowed");
	}

	const struct route *route;
	struct route_values v;
	char allow[ROUTE_ALLOW_SIZE], text[UUID_TEXT_SIZE];
	route_find(router, "DELETE", "/v1/orders/" ID "/peers/" ID2, &route, &v, allow);
	is_text(uuid_format(v.id[0], text), ID, "the first id");
	is_text(uuid_format(v.id[1], text), ID2, "the second id");
	route_find(router, "PUT", "/v1/images/" HASH "/pieces/4711", &route, &v, allow);
	is_int(v.n, 4711, "the number");
	is_int(v.hash.bytes[0], 0xe3, "the hash");
	router_free(router);
	return done_testing();
}
