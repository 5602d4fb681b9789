/* SPDX-License-Identifier: Apache-2.0
 * cache.h - buyers' images on the seller's disk: fetched by verified pieces, resumed, kept within a bound
 *
 * STATE/images/ID.iso is whole and verified; ID.part is being fetched; ID.order is in which order a boot read its pieces. One fetch at a
 * time in the process: a second lease of the same image waits and finds it. Least recently used images go first; one that a lease has
 * linked stays on disk with the lease.
 */
#ifndef SELLER_CACHE_H
#define SELLER_CACHE_H

#include "image.h"
#include "settings.h"

/* One lease's image on its way: a thread of its own. Links it to LEASE_DIR/image.iso. Where much is missing, that happens before it is
 * whole: LEASE_DIR/image.map then has a byte for each piece that is there, and whoever reads adds to LEASE_DIR/image.reads the number of
 * each piece (4 bytes, big-endian) when it reads it first; such pieces are fetched first. docs/SELLER.md, "Booting while fetching". */
struct image_fetch;
enum fetch_state {
	FETCH_WAITS,	/* nothing can be read yet */
	FETCH_READABLE, /* by way of image.map */
	FETCH_WHOLE,
	FETCH_FAILED,
};

/* The largest image that there is room for: within limits.cache, on the disk beside limits.disk_free with all dropped that no lease has, or as
 * large as one that is there. To five bits, so that not each file elsewhere changes it. */
uint32_t cache_offered_mib(const struct settings *s);

/* resume: a guest reads by image.map already. Settings and identity are borrowed. bytes_s: as client.h's most_bytes_s. wake_fd: an
 * eventfd, written at the end. */
MUST_CHECK err_t image_fetch_start(const struct settings *s, const struct identity *identity, const _Atomic int64_t *bytes_s,
				   int wake_fd, sha256 id, int64_t size_bytes, const char *lease_dir, bool resume,
				   struct image_fetch **ret_fetch);
enum fetch_state image_fetch_state(const struct image_fetch *f);
int image_fetch_permille(const struct image_fetch *f);
/* Of a failed one: E_CORRUPT: the market sent bytes that do not verify. E_LIMIT: larger than the cache may be. For the buyer: detail. */
err_t image_fetch_error(const struct image_fetch *f, const char **ret_detail);
/* Ends it within a second or so; what was fetched stays for the next one. NULL is fine. */
void image_fetch_free(struct image_fetch *f);

#endif
