/* SPDX-License-Identifier: Apache-2.0
 * router.c - which route of the table a request is for
 *
 * How it works: the table is gone through in its order, of it only what has as many slashes as the path. A pattern is looked at only where the path
 * begins and ends as it does: its bytes up to its first value, and those behind its last one, as far as they fit into words, are compared as
 * these, so that the many others cost a nanosecond each.
 */
#include "router.h"

#include <stdlib.h>

#include "bytes.h"

#define SLASHES_MAX 8

enum fit { FIT_NO, FIT_BAD_VALUE, FIT_YES };

/* The first 16 bytes of a text, zeros behind it, and its last 8, zeros before it. */
struct ends {
	uint64_t words[3];
};
struct entry {
	const struct route *route;
	struct ends ends, mask; /* mask: all ones where the pattern says what byte it has to be */
};
struct router {
	const struct route *rest; /* "*", NULL: there is none */
	size_t from[SLASHES_MAX + 2];
	struct entry entries[];
};

static size_t slashes(const char *path)
{
	size_t count = 0;
	for (; *path; path++)
		count += *path == '/';
	return count;
}

static struct ends ends_of(const char *text, size_t len)
{
	struct ends e = { { 0 } };
	size_t tail = len < 8 ? len : 8;
	memcpy(e.words, text, len < 16 ? len : 16);
	memcpy((char *)&e.words[2] + 8 - tail, text + len - tail, tail);
	return e;
}

static struct entry entry_of(const struct route *route)
{
	const char *pattern = route->pattern, *last = strrchr(pattern, '}');
	size_t len = strlen(pattern), head = strcspn(pattern, "{"), tail = last ? strlen(last + 1) : len;
	struct entry e = { route, ends_of(pattern, len), { { 0 } } };
	head = head < 16 ? head : 16;
	tail = tail < 8 ? tail : 8;
	memset(e.mask.words, 0xff, head);
	memset((char *)&e.mask.words[2] + 8 - tail, 0xff, tail);
	for (int i = 0; i < 3; i++)
		e.ends.words[i] &= e.mask.words[i];
	return e;
}

err_t router_new(const struct route *table, struct router **ret_router)
{
	size_t count = 0;
	while (table[count].method)
		count++;
	struct router *router = calloc(1, sizeof *router + count * sizeof *router->entries);
	if (!router)
		return E_NOMEM;
	size_t at = 0;
	for (size_t n = 0; n <= SLASHES_MAX; n++) {
		router->from[n] = at;
		for (const struct route *route = table; route->method; route++)
			if (slashes(route->pattern) == n && strcmp(route->pattern, "*"))
				router->entries[at++] = entry_of(route);
	}
	router->from[SLASHES_MAX + 1] = at;
	for (const struct route *route = table; route->method; route++)
		if (!strcmp(route->pattern, "*"))
			router->rest = route;
	*ret_router = router;
	return OK;
}

void router_free(struct router *router)
{
	free(router);
}

static bool ends_fit(const struct entry *e, const struct ends *path)
{
	return !(((path->words[0] & e->mask.words[0]) ^ e->ends.words[0]) |
		 ((path->words[1] & e->mask.words[1]) ^ e->ends.words[1]) |
		 ((path->words[2] & e->mask.words[2]) ^ e->ends.words[2]));
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
	const struct route *rest = router->rest;
	const struct ends ends = ends_of(path, strlen(path));
	size_t n = slashes(path), end = n <= SLASHES_MAX ? router->from[n + 1] : 0;
	for (size_t i = n <= SLASHES_MAX ? router->from[n] : 0; i < end; i++) {
		const struct route *route = router->entries[i].route;
		if (!ends_fit(&router->entries[i], &ends))
			continue;
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
