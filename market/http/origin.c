/* SPDX-License-Identifier: Apache-2.0
 * origin.c - was a request sent by a page of our own?
 */
#include "origin.h"

#include <string.h>
#include <strings.h>

bool origin_is_ours(const struct origin *o)
{
	static const char scheme[] = "https://";
	size_t len = strlen(scheme);
	if (!o->mark || !*o->mark)
		return false;
	/* Where a proxy changes Host, this still holds. "none" is typed by the user, and no user types a POST. */
	if (o->fetch_site)
		return !strcmp(o->fetch_site, "same-origin");
	return o->origin && o->host && *o->host && !strncmp(o->origin, scheme, len) && !strcasecmp(o->origin + len, o->host);
}
