/* SPDX-License-Identifier: Apache-2.0
 * manual.c - money comes and goes in whatever way the operator says, and the operator confirms what came and went
 */
#include "pay.h"

const struct provider provider_manual = { .name = "manual", .operator_confirms = true, .pays_out = true };
