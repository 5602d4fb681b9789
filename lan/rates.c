/* SPDX-License-Identifier: Apache-2.0
 * rates.c - struct vnet_rates in JSON
 */
#include "rates.h"

void rates_put(json_t *object, const struct vnet_rates *rates)
{
	json_put_int(object, "up_bytes_s", rates->up_bytes_s);
	json_put_int(object, "down_bytes_s", rates->down_bytes_s);
}

void rates_take(struct json_reader *r, struct vnet_rates *ret_rates)
{
	json_take_int(r, "up_bytes_s", 0, VNET_RATE_MAX_BYTES_S, &ret_rates->up_bytes_s);
	json_take_int(r, "down_bytes_s", 0, VNET_RATE_MAX_BYTES_S, &ret_rates->down_bytes_s);
}
