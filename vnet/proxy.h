/* SPDX-License-Identifier: Apache-2.0
 * proxy.h - asking an HTTP proxy for a connection (CONNECT, RFC 9110 section 9.3.6), and what it answers
 *
 * Pure: bytes in, bytes out.
 */
#ifndef VNET_PROXY_H
#define VNET_PROXY_H

#include "err.h"
#include <stddef.h>

#define PROXY_REQUEST_SIZE 1024
#define PROXY_ANSWER_MAX 8192 /* bytes of its head */
#define PROXY_LOGIN_SIZE 256  /* "user:password" */

/* to: numeric address and port. login: "" for none, else sent as basic credentials (RFC 7617). room has PROXY_REQUEST_SIZE bytes.
 * E_LIMIT; E_INVALID: a control character in login. */
MUST_CHECK err_t proxy_request(const char *to, const char *login, char *room, size_t *ret_len);
/* What came so far. OK: the connection is there, and nothing came behind the answer. E_AGAIN: not whole yet. E_AUTH: it wants (other)
 * credentials. E_DENIED: another answer than 2xx. E_INVALID: no HTTP, or bytes behind the answer, where nobody has spoken yet. E_LIMIT. */
MUST_CHECK err_t proxy_answer(const char *data, size_t len);

#endif
