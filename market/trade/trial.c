/* SPDX-License-Identifier: Apache-2.0
 * trial.c - a machine whose leases failed gets fewer of them until it has shown that it works
 */
#include "trial.h"

#define DOUBLED_MAX 8

wall_time trial_until(uint32_t failures, wall_time failed_at, int64_t pause_us)
{
	if (failures < 2)
		return (wall_time){ 0 };
	uint32_t doubled = failures - 2 < DOUBLED_MAX ? failures - 2 : DOUBLED_MAX;

	return (wall_time){ failed_at.us + (pause_us << doubled) };
}
