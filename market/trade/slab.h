/* SPDX-License-Identifier: Apache-2.0
 * slab.h - very many things of one size, on huge pages where the kernel has some
 *
 * Finding an ask among a million touches memory all over the book. With pages of 4 KiB most of these touches also miss the TLB; with 2 MiB
 * a thousand pages are all there is.
 */
#ifndef TRADE_SLAB_H
#define TRADE_SLAB_H

#include <stddef.h>

/* Zero-initialised but for size (of one thing) is empty. */
struct slab {
	size_t size;
	void **chunks;
	size_t count, cap;
	void *unused; /* a list of what was given back, or never taken */
};

/* Its bytes are those of whoever had it before; aligned to a cache line. NULL without memory. */
void *slab_take(struct slab *slab);
void slab_give(struct slab *slab, void *thing); /* NULL is fine */
void slab_clear(struct slab *slab);		/* all things are gone */

#endif
