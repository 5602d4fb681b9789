/* SPDX-License-Identifier: Apache-2.0
 * head.h - a request's line and headers as they came, and what is in its query and its cookies
 *
 * Strict (RFC 9112): lines end with CR LF, a name is a token right before its colon, no line goes on in the next one, HTTP/1.1 names one Host.
 * Whatever two readers of the same bytes could understand differently is malformed, for one of them may be a proxy before us.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_BYTES (8 * 1024) /* request line and headers */
#define HEAD_FIELDS 64

struct field {
	const char *name, *value;
	size_t name_len;
};
struct head {
	const char *method, *target;
	bool old;   /* HTTP/1.0 */
	bool close; /* the client wants no other request on the connection */
	size_t field_count;
	struct field fields[HEAD_FIELDS];
};

enum head_result {
	HEAD_MORE, /* its end is not there yet; nothing was changed */
	HEAD_READ,
	HEAD_MALFORMED,
	HEAD_TOO_LARGE, /* more bytes or fields than we take */
};
/* text: what has come of a connection. It is written to: what ret_head points to lies in it. ret_len: where the body begins. */
enum head_result head_read(char *text, size_t len, struct head *ret_head, size_t *ret_len);
/* The first one's value, NULL: there is none. */
const char *head_find(const struct head *head, const char *name);

/* "a=1&b=x%20y+z": the value of name, decoded, heap. NULL: it is not there, has no "=", or no memory. A "%" that no two hex digits follow stands
 * for itself, as does "%00". */
char *query_value(const char *query, const char *name);
/* "a=1; b=2" of a Cookie header: the value, without the quotes around it, heap. */
char *cookie_value(const char *cookies, const char *name);

#endif
