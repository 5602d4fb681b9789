/* SPDX-License-Identifier: Apache-2.0
 * resource.h - files that come with the program
 */
#ifndef BUYER_RESOURCE_H
#define BUYER_RESOURCE_H

#include <stddef.h>
#include "err.h"

/* Where `part` is ("examples", "images/tiny"): below CPUSHARE_RESOURCES where that is set; else in the tree that this program was built in, in
 * share/cpushare beside its bin/, or where it is installed. E_NOT_FOUND. */
MUST_CHECK err_t resource_find(const char *part, char *ret_path, size_t size);

#endif
