/* SPDX-License-Identifier: Apache-2.0
 * origin.h - was a request sent by a page of our own?
 *
 * A browser adds its cookies to whatever a page sends, so a write that comes with a cookie has to prove that the page was ours. Three
 * things are asked for, each of which would do: the cookie itself is SameSite=Strict; a header that no form can send, and no page of
 * another origin either, because we answer no preflight (X-CPUShare); and what the browser says of the sender: Sec-Fetch-Site, or where
 * it is an old one, Origin.
 */
#ifndef HTTP_ORIGIN_H
#define HTTP_ORIGIN_H

#include <stdbool.h>

struct origin {
	const char *mark;	/* X-CPUShare */
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *origin;	/* Origin */
	const char *host;	/* Host; each is NULL where absent */
};
bool origin_is_ours(const struct origin *o);

#endif
