/* SPDX-License-Identifier: Apache-2.0
 * router.c - which route of the table a request is for
 *
 * How it works: the table is gone through in its order. A pattern is looked at only where the path begins as it does: its first HEAD_BYTES, up
 * to its first value, are compared as two words, so that the many others cost a nanosecond each.
 */
#include "router.h"

#include <stdlib.h>

#include "bytes.h"

#define HEAD_BYTES 16

enum fit { FIT_NO, FIT_BAD_VALUE, FIT_YES };

/* mask: all ones where the pattern says what byte it has to be. */
struct head {
	uint64_t bytes[2], mask[2];
};
struct router {
	const struct route *table;
	struct head heads[];
};

err_t router_new(const struct route *table, struct router **ret_router)
{
	size_t count = 0;
	while (table[count].method)
		count++;
	struct router *router = calloc(1, sizeof *router + count * sizeof *router->heads);
	if (!router)
		return E_NOMEM;
	router->table = table;
	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(table[i].pattern, "{*");
		memcpy(router->heads[i].bytes, table[i].pattern, len < HEAD_BYTES ? len : HEAD_BYTES);
		memset(router->heads[i].mask, 0xff, len < HEAD_BYTES ? len : HEAD_BYTES);
	}
	*ret_router = router;
	return OK;
}

void router_free(struct router *router)
{
	free(router);
}

static struct head head_of(const char *path)
{
	struct head h = { 0 };
	memcpy(h.bytes, path, strnlen(path, HEAD_BYTES));
	return h;
}

static bool head_fits(const struct head *pattern, const struct head *path)
{
	return (path->bytes[0] & pattern->mask[0]) == pattern->bytes[0] &&
	       (path->bytes[1] & pattern->mask[1]) == pattern->bytes[1];
}

static bool is_word(const char *text, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	return strspn(text, plain) >= len;
}

/* One "{name}" against one segment. */
static bool take_value(const char *name, size_t name_len, const char *segment, size_t len, size_t *ids, struct route_values *ret)
{
	char text[SHA256_TEXT_SIZE];
	if (len == 0 || len >= sizeof text)
		return false;
	memcpy(text, segment, len);
	text[len] = 0;
	if (name_len == 4 && !memcmp(name, "{id}", 4))
		return *ids < 2 && uuid_parse(text, &ret->id[(*ids)++]) == OK;
	if (name_len == 6 && !memcmp(name, "{hash}", 6))
		return sha256_parse(text, &ret->hash) == OK;
	if (name_len == 6 && !memcmp(name, "{word}", 6))
		return is_word(text, len) && text_copy(ret->word, sizeof ret->word, text) == OK;
	int64_t n = 0;
	if (int_parse(text, &n) != OK || n < 0 || n > INT32_MAX)
		return false;
	ret->n = (uint32_t)n;
	return true;
}

static size_t segment_len(const char *segment)
{
	return (size_t)(strchrnul(segment, '/') - segment);
}

/* As many segments, and the same words where the pattern has one: what most patterns fail at, before any value is read. */
static bool shape_fits(const char *pattern, const char *path)
{
	while (*pattern == '/' && *path == '/') {
		size_t want = segment_len(++pattern), have = segment_len(++path);
		if (pattern[0] != '{' && (want != have || memcmp(pattern, path, want) != 0))
			return false;
		pattern += want;
		path += have;
	}
	return !*pattern && !*path;
}

static enum fit pattern_fits(const char *pattern, const char *path, struct route_values *ret)
{
	size_t ids = 0;
	if (!shape_fits(pattern, path))
		return FIT_NO;
	for (enum fit fit = FIT_YES;;) {
		if (!*pattern)
			return fit;
		size_t want = segment_len(++pattern), have = segment_len(++path);
		if (pattern[0] == '{' && !take_value(pattern, want, path, have, &ids, ret))
			fit = FIT_BAD_VALUE;
		pattern += want;
		path += have;
	}
}

static void allow_add(char *allow, const char *method)
{
	size_t len = strlen(allow);
	snprintf(allow + len, ROUTE_ALLOW_SIZE - len, "%s%s%s", len ? ", " : "", method, strcmp(method, "GET") ? "" : ", HEAD");
}

enum route_result route_find(const struct router *router, const char *method, const char *path, const struct route **ret_route,
			     struct route_values *ret_values, char *ret_allow)
{
	const char *wanted = strcmp(method, "HEAD") ? method : "GET";
	bool bad_value = false;
	char allow[ROUTE_ALLOW_SIZE] = "";
	const struct route *rest = NULL;
	const struct head head = head_of(path);
	for (const struct route *route = router->table; route->method; route++) {
		if (!head_fits(&router->heads[route - router->table], &head))
			continue;
		if (!strcmp(route->pattern, "*")) {
			rest = route;
			continue;
		}
		struct route_values values = { 0 };
		enum fit fit = pattern_fits(route->pattern, path, &values);
		if (fit == FIT_NO)
			continue;
		if (strcmp(route->method, wanted)) {
			allow_add(allow, route->method);
		} else if (fit == FIT_BAD_VALUE) {
			bad_value = true;
		} else {
			*ret_route = route;
			*ret_values = values;
			return ROUTE_FOUND;
		}
	}
	if (bad_value)
		return ROUTE_VALUE;
	if (allow[0]) {
		memcpy(ret_allow, allow, sizeof allow);
		return ROUTE_METHOD;
	}
	if (rest && !strcmp(rest->method, wanted)) {
		*ret_route = rest;
		*ret_values = (struct route_values){ 0 };
		return ROUTE_FOUND;
	}
	return ROUTE_NONE;
}
