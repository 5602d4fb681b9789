/* SPDX-License-Identifier: Apache-2.0
 * rates.h - struct vnet_rates in JSON: "up_bytes_s", "down_bytes_s"
 */
#ifndef LAN_RATES_H
#define LAN_RATES_H

#include "json.h"
#include "vnet.h"

void rates_put(json_t *object, const struct vnet_rates *rates);
void rates_take(struct json_reader *r, struct vnet_rates *ret_rates);

#endif
