/* SPDX-License-Identifier: Apache-2.0
 * port_stream.h - frames out of QEMU's "-netdev stream": each led by its length
 */
#ifndef VNET_PORT_STREAM_H
#define VNET_PORT_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

#define STREAM_LENGTH_BYTES 4
/* What QEMU itself takes from its peer (NET_BUFSIZE): no frame is longer, so what claims to be is no length. */
#define STREAM_MAX_BYTES (4096 + 65536)

/* Bytes as they came, in a room of the caller's. */
struct stream_reader {
	uint8_t *room;
	size_t first, end; /* of what was not read yet */
	size_t skip;	   /* bytes still to come of a frame that is dropped */
	size_t frame_max;
	uint64_t dropped;
};
/* The next frame; it stays where it is. E_AGAIN: not all of it is there. E_INVALID: no length; nothing after it can be read. */
MUST_CHECK err_t stream_next(struct stream_reader *r, uint8_t **ret_frame, size_t *ret_len);

#endif
