/* SPDX-License-Identifier: Apache-2.0
 * nbd.h - a read-only server's side of the NBD protocol: bytes in, bytes out, reads to be answered
 *
 * The subset that QEMU's client needs (NBD's doc/proto.md): fixed newstyle handshake, one export, simple replies. Whoever has the socket
 * moves the bytes; nothing in here blocks, and what is held of the client's is bounded.
 */
#ifndef VM_NBD_H
#define VM_NBD_H

#include <stdbool.h>
#include <stdint.h>
#include "buf.h"

#define NBD_EXPORT "image"
/* The longest read; QEMU splits longer ones by what the handshake says. */
#define NBD_READ_MAX (32U << 20)
#define NBD_IN_BYTES 8192

enum nbd_phase { NBD_CLIENT_FLAGS, NBD_OPTIONS, NBD_TRANSMISSION, NBD_OVER };

struct nbd {
	enum nbd_phase phase;
	uint64_t size_bytes; /* of the export */
	bool no_zeroes;	     /* the client wants no padding */
	uint32_t skip;	     /* bytes of a refused write that are still to come */
	struct buf out;	     /* to be sent before anything else */
	size_t len;
	uint8_t in[NBD_IN_BYTES];
};

/* Within the export, at least one byte. */
struct nbd_read {
	uint64_t cookie, offset;
	uint32_t len;
};

enum nbd_step {
	NBD_WANTS_BYTES, /* of the client's */
	NBD_WANTS_READ,	 /* *ret_read is to be answered */
	NBD_ENDS,	 /* the client is done, or broke the protocol; what is in `out` may still be sent */
};

void nbd_init(struct nbd *n, uint64_t size_bytes); /* the greeting is in `out` */
void nbd_clear(struct nbd *n);
/* Where received bytes go: at most *ret_room of them, which is 0 only while nbd_next() has not been called; then nbd_added(). */
uint8_t *nbd_room(struct nbd *n, size_t *ret_room);
void nbd_added(struct nbd *n, size_t len);
enum nbd_step nbd_next(struct nbd *n, struct nbd_read *ret_read);
/* Puts the answer's header into `out`; where failed is false, the read's bytes must follow it. */
void nbd_answer(struct nbd *n, const struct nbd_read *read, bool failed);

#endif
