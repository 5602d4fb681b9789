/* SPDX-License-Identifier: Apache-2.0
 * vm_nbd.c - fuzz: what a captured QEMU may say to the server of its image's blocks; the first byte says how much of it comes at a time
 */
#include <stdlib.h>
#include <string.h>
#include "nbd.h"

#define SIZE_BYTES 3000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nbd n;
	struct nbd_read read = { .len = 0 };
	size_t part = size ? 1 + data[0] : 1;
	nbd_init(&n, SIZE_BYTES);
	for (size_t at = 1; at < size;) {
		enum nbd_step step = nbd_next(&n, &read);
		if (step == NBD_ENDS)
			break;
		if (step == NBD_WANTS_READ) {
			if (!read.len || read.len > NBD_READ_MAX || read.offset >= SIZE_BYTES ||
			    read.len > SIZE_BYTES - read.offset)
				abort();
			nbd_answer(&n, &read, false);
			continue;
		}
		buf_reset(&n.out); /* sent */
		size_t room, len = size - at < part ? size - at : part;
		uint8_t *to = nbd_room(&n, &room);
		if (room == 0)
			abort(); /* it would wait for ever */
		len = len < room ? len : room;
		memcpy(to, data + at, len);
		nbd_added(&n, len);
		at += len;
	}
	nbd_clear(&n);
	return 0;
}
