/* SPDX-License-Identifier: Apache-2.0
 * sparse.h - copies files that are mostly holes, such as a machine's memory
 */
#ifndef BASE_SPARSE_H
#define BASE_SPARSE_H

#include "crypto.h"
#include "err.h"

/* What is made of each block of 64 KiB that is not all zero: its offset, big-endian in 8 bytes, and what is in it; so that it does not depend
 * on where a file system has holes. Either may be NULL. */
struct sparse_digest {
	struct sha256_stream *hash;
	struct gmac *mac;
};

/* Makes the first `bytes` of to_fd, which is empty, the same as from_fd's; what is zero there is left a hole. E_CORRUPT where from_fd ends
 * before; E_LIMIT where more than max_bytes of it are in blocks that are not zero. */
MUST_CHECK err_t sparse_copy(int from_fd, int to_fd, uint64_t bytes, uint64_t max_bytes, const struct sparse_digest *digest);

#endif
