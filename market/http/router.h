/* SPDX-License-Identifier: Apache-2.0
 * router.h - a table of routes, and which of them a request is for
 *
 * A pattern is matched segment by segment. "{id}" is a UUID, "{hash}" 64 hex digits, "{n}" a decimal number below 2^31, "{word}" a
 * plain word; the pattern "*" takes every GET that no other pattern takes. Nothing is percent-decoded: all of our addresses are
 * made of unreserved characters (RFC 3986 section 2.3), so an encoded one is simply no address of ours.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdint.h>
#include "crypto.h"
#include "err.h"
#include "uuid.h"

struct request;
/* Answers, or refuses, or waits (request.h); what it returns beside OK is turned into a refusal. */
typedef err_t route_fn(struct request *r);

enum route_flag {
	ROUTE_TX = 1,	  /* runs in a transaction, which is rolled back where the answer is a refusal */
	ROUTE_KEY = 2,	  /* needs an Idempotency-Key; without ROUTE_TX the handler's own batch stores the answer under it */
	ROUTE_SECRET = 4, /* the answer holds a secret: never stored under a key */
	ROUTE_BYTES = 8,  /* the body is application/octet-stream, not JSON */
	ROUTE_BODY_OPTIONAL = 16, /* no body is fine too */
	ROUTE_LIMITED = 64,	  /* counts against the address's allowance of sign-ups and log-ins */
	ROUTE_QUIET = 128,	  /* logged at debug level: often, and of no news */
	ROUTE_TEXT = 512,	  /* takes JSON, which the handler reads by itself from the body */
	ROUTE_BOOK = 256,	  /* needs what the book's holder has in memory: any other market hands it on */
	ROUTE_TOKEN = 1024,	  /* its batch looks at the token again itself: before, one that is remembered will do */
};

struct route {
	const char *method; /* NULL ends the table */
	const char *pattern;
	route_fn *fn;
	uint32_t scopes;   /* any of these bits of enum scope; 0: public */
	unsigned flags;	   /* enum route_flag */
	uint32_t body_max; /* bytes; 0: takes no body */
	const char *what;  /* one line for people */
};

struct route_values {
	uuid id[2]; /* in the order of the pattern */
	sha256 hash;
	uint32_t n;
	char word[32];
};

enum route_result {
	ROUTE_FOUND,
	ROUTE_NONE,   /* no pattern takes the path */
	ROUTE_METHOD, /* a pattern does, not with this method: ret_allow (ROUTE_ALLOW_SIZE) names those that it takes */
	ROUTE_VALUE,  /* a value in the path has the wrong form: there is no such thing */
};
#define ROUTE_ALLOW_SIZE 64
struct router;
/* table outlives it. */
MUST_CHECK err_t router_new(const struct route *table, struct router **ret_router);
void router_free(struct router *router);
/* HEAD finds GET's route. path is the raw path, without the query. */
enum route_result route_find(const struct router *router, const char *method, const char *path, const struct route **ret_route,
			     struct route_values *ret_values, char *ret_allow);

#endif
