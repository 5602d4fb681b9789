/* SPDX-License-Identifier: Apache-2.0
 * asks.h - what the control socket is asked about a vnet (lan.h has the list)
 */
#ifndef LAN_ASKS_H
#define LAN_ASKS_H

#include <jansson.h>
#include "vnet.h"

/* The answer, the caller's; NULL: no such question. */
json_t *asks_answer(struct vnet *v, const char *ask, json_t *request);

#endif
