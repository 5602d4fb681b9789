/* SPDX-License-Identifier: Apache-2.0
 * manual.c - the payer pays in whatever way the operator says, and the operator confirms what came
 */
#include "bytes.h"
#include "pay.h"

static err_t start(const struct pay_config *config, struct deposit *d)
{
	TRY(text_copy(d->instructions, sizeof d->instructions, config->manual_instructions));
	d->state = DEPOSIT_PENDING;
	return OK;
}

const struct provider provider_manual = { .name = "manual", .start = start, .operator_confirms = true };
