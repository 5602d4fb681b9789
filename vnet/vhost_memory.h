/* SPDX-License-Identifier: Apache-2.0
 * vhost_memory.h - a guest's memory, mapped from the descriptors that its QEMU sends
 *
 * Addresses come from a hostile guest and tables from a QEMU that it may have captured: nothing is reached but by these two functions,
 * and they give out only what lies inside a region. Files must be sealed against shrinking, so that what is mapped stays there.
 */
#ifndef VNET_VHOST_MEMORY_H
#define VNET_VHOST_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

#define VHOST_REGIONS 8 /* of one table: the protocol's limit */

struct vhost_region {
	uint64_t guest; /* the guest's physical address */
	uint64_t size;
	uint64_t user;	 /* QEMU's own address, in which the rings' places are told */
	uint64_t offset; /* in the file */
};
struct vhost_memory {
	struct {
		struct vhost_region at;
		uint8_t *host;
	} region[VHOST_REGIONS];
	size_t count;
};

/* Maps one more region; fd stays the caller's. E_INVALID: sizes that wrap around, go beyond the file or are not of whole pages; a file
 * that may shrink. E_LIMIT. */
MUST_CHECK err_t vhost_memory_add(struct vhost_memory *m, const struct vhost_region *at, int fd);
void vhost_memory_clear(struct vhost_memory *m);
/* Where len bytes from the guest's address on begin; *len becomes how many of them lie there in one piece. NULL: none. */
uint8_t *vhost_memory_guest(const struct vhost_memory *m, uint64_t address, uint64_t *len);
/* All of len bytes from QEMU's address on; NULL. */
uint8_t *vhost_memory_user(const struct vhost_memory *m, uint64_t address, uint64_t len);

#endif
