/* SPDX-License-Identifier: Apache-2.0
 * pay.h - ways to put money into the market: one struct, one file each
 *
 * A provider starts a deposit: it says what the payer does next. That money came is told by who may know it: of the provider "manual"
 * an operator. Crediting is the store's business and happens once, by deposit and by (provider, reference).
 */
#ifndef PAY_H
#define PAY_H

#include "account.h"

struct pay_config {
	const char *manual_instructions;
};

struct provider {
	const char *name;
	/* Fills state (created or pending) and instructions of a new deposit. */
	err_t (*start)(const struct pay_config *config, struct deposit *d);
	/* May an operator say that the money came, or will not come? */
	bool operator_confirms;
};

/* NULL where there is none of that name. */
const struct provider *provider_find(const char *name);
extern const struct provider *const providers[]; /* ends with NULL */
extern const struct provider provider_manual;

#endif
