/* SPDX-License-Identifier: Apache-2.0
 * share.c - what each guest gets of the line that the owner lets all of them have
 */
#include "share.h"

static int64_t part_of(int64_t all_bytes_s, size_t parts)
{
	if (all_bytes_s == 0)
		return 0;
	int64_t part = all_bytes_s / (int64_t)(parts ? parts : 1);
	return part < SHARE_LEAST_BYTES_S ? SHARE_LEAST_BYTES_S : part;
}

uint32_t share_told_kbit_s(int64_t offered_mbit_s, int64_t limit_bits_s)
{
	int64_t offered = offered_mbit_s * 1000, limit = limit_bits_s / 1000;
	return (uint32_t)(limit && (!offered || limit < offered) ? limit : offered);
}

struct share share_of(const struct vnet_rates *all, size_t leases, size_t moving, bool fetching)
{
	/* A lease that waits for its image moves no frames: its part is the image's. Where none waits, the image needs one more. */
	size_t parts = leases + (fetching && moving == leases);
	return (struct share){ .guest = { part_of(all->up_bytes_s, leases), part_of(all->down_bytes_s, parts) },
			       .image_bytes_s = part_of(all->down_bytes_s, moving + 1) };
}
