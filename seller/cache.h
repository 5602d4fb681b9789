/* SPDX-License-Identifier: Apache-2.0
 * cache.h - buyers' images on the seller's disk: fetched by verified pieces, resumed, kept within a bound
 *
 * STATE/images/ID.iso is whole and verified; ID.part is being fetched. One fetch at a time in the process: a second lease of the
 * same image waits and finds it. Least recently used images go first; one that a lease has linked stays on disk with the lease.
 */
#ifndef SELLER_CACHE_H
#define SELLER_CACHE_H

#include <stdatomic.h>
#include "client.h"
#include "image.h"
#include "settings.h"

/* Makes sure that the image is there and links it to `link_path`. progress_permille is set while it works; *cancel ends it with
 * E_AGAIN. E_CORRUPT: the market sent bytes that do not verify. E_LIMIT: larger than the cache may be. detail (DETAIL_SIZE) says
 * what went wrong, for the buyer. */
MUST_CHECK err_t cache_fetch(const struct settings *s, struct client *client, sha256 id, int64_t size_bytes,
			     const char *link_path, atomic_int *progress_permille, const atomic_bool *cancel, char *detail);

#endif
