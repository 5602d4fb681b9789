/* SPDX-License-Identifier: Apache-2.0
 * resource.c - files that come with the program
 */
#include "resource.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TREE_DEPTH 5 /* from a build's bin/ up to the tree's top */

static err_t below(const char *folder, const char *part, char *ret_path, size_t size)
{
	int n = snprintf(ret_path, size, "%s/%s", folder, part);
	return n < 0 || (size_t)n >= size ? E_LIMIT : access(ret_path, R_OK) ? E_NOT_FOUND : OK;
}

err_t resource_find(const char *part, char *ret_path, size_t size)
{
	const char *given = getenv("CPUSHARE_RESOURCES");
	char self[PATH_MAX] = "", share[PATH_MAX + 16];
	if (given)
		return below(given, part, ret_path, size);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return E_IO;
	for (int i = 0; i < TREE_DEPTH; i++) {
		char *slash = strrchr(self, '/');
		if (!slash || slash == self)
			break;
		*slash = 0;
		snprintf(share, sizeof share, "%s/share/cpushare", self);
		if (below(self, part, ret_path, size) == OK || below(share, part, ret_path, size) == OK)
			return OK;
	}
	return below(CPUSHARE_PREFIX "/share/cpushare", part, ret_path, size);
}
