/* SPDX-License-Identifier: Apache-2.0
 * blocks.h - serves a lease's image to its QEMU while it is still being fetched
 */
#ifndef VM_BLOCKS_H
#define VM_BLOCKS_H

#include <stdint.h>

/* One byte a piece in image.map; the daemon writes it once it has verified the piece. */
#define BLOCKS_PIECE_BYTES 1048576
enum blocks_piece { BLOCKS_MISSING, BLOCKS_THERE };

/* cpushare-vmrun --blocks LEASE_DIR UID, started by the daemon: until QEMU hangs up. Returns the exit status. */
int blocks_run(const char *lease_dir, uint32_t uid);

#endif
