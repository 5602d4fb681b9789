/* SPDX-License-Identifier: Apache-2.0
 * providers.c - the list of ways to pay
 */
#include "pay.h"

const struct provider *const providers[] = { &provider_manual, NULL };

const struct provider *provider_find(const char *name)
{
	for (const struct provider *const *p = providers; *p; p++)
		if (!strcmp((*p)->name, name))
			return *p;
	return NULL;
}
