/* SPDX-License-Identifier: Apache-2.0
 * forwarded.h - whose a request is, by what a proxy or another market of ours says in its headers
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <stdbool.h>
#include "request.h"

/* The client's address by X-Forwarded-For's last line: the last one of it was written by our proxy, what stands before is hearsay. False, and
 * nothing, where it is none. ret_address: ADDRESS_SIZE. */
bool forwarded_client(const char *via, char *ret_address);

/* Headers of forward.h; NULL: not there. */
struct forwarded {
	const char *secret, *client, *id;
};
enum forwarded_by { FORWARDED_BY_NOBODY, FORWARDED_BY_MARKET, FORWARDED_BY_STRANGER };
/* ours: the secret that other markets know, NULL: none does. Of a market the client's address and the request's id (UUID_TEXT_SIZE) are taken
 * where they are some. Of a stranger nothing is: it takes us for another one, or lies. */
enum forwarded_by forwarded_read(const struct forwarded *f, const char *ours, char *ret_address, char *ret_id);

#endif
