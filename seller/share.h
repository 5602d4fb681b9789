/* SPDX-License-Identifier: Apache-2.0
 * share.h - what each guest gets of the line that the owner lets all of them have (limits.up, limits.down)
 *
 * Equal parts, one for each lease that is not over: guests that idle keep theirs. Images are fetched one at a time; that gets
 * one part beside the guests that run. All together never exceed the bound, but for SHARE_LEAST_BYTES_S.
 */
#ifndef SELLER_SHARE_H
#define SELLER_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include "vnet.h"

#define SHARE_LEAST_BYTES_S 4096 /* of one: with less a piece of an image would not come within its request's time */

struct share {
	struct vnet_rates guest; /* each of them; 0: any */
	int64_t image_bytes_s;	 /* of the image that is fetched; 0: any */
};
/* all: bytes a second, 0: any. leases: that are not over; moving: those of them that do not wait for their image. fetching: one is on its
 * way, for one that waits or for one whose guest began to read it. */
struct share share_of(const struct vnet_rates *all, size_t leases, size_t moving, bool fetching);
/* What buyers are told of the line at most: what the owner says, and no more than guests may use. 0: what is measured. */
uint32_t share_told_kbit_s(int64_t offered_mbit_s, int64_t limit_bits_s);

#endif
