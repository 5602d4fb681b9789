/* SPDX-License-Identifier: Apache-2.0
 * slab.c - very many things of one size, on huge pages where the kernel has some
 */
#include "slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (2UL << 20)	  /* a huge page */
#define FIRST_BYTES (128UL << 10) /* of the first chunk; each next one has twice as much, up to a huge page */
#define LINE_BYTES 64UL

static size_t stride_of(const struct slab *slab)
{
	return (slab->size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

void slab_give(struct slab *slab, void *thing)
{
	if (!thing)
		return;
	memcpy(thing, &slab->unused, sizeof slab->unused);
	slab->unused = thing;
}

static void grow(struct slab *slab)
{
	size_t stride = stride_of(slab);

	if (slab->count == slab->cap) {
		size_t cap = slab->cap ? 2 * slab->cap : 16;
		void **chunks = reallocarray(slab->chunks, cap, sizeof *chunks);

		if (!chunks)
			return;
		slab->chunks = chunks;
		slab->cap = cap;
	}
	size_t bytes = slab->count < 4 ? FIRST_BYTES << slab->count : HUGE_BYTES;
	while (bytes < stride)
		bytes *= 2;
	char *chunk = aligned_alloc(bytes < HUGE_BYTES ? LINE_BYTES : HUGE_BYTES, bytes);
	if (!chunk)
		return;
	if (bytes >= HUGE_BYTES)
		(void)madvise(chunk, bytes, MADV_HUGEPAGE); /* small pages do, too */
	slab->chunks[slab->count++] = chunk;
	for (size_t i = bytes / stride; i-- > 0;)
		slab_give(slab, chunk + i * stride);
}

void *slab_take(struct slab *slab)
{
	if (!slab->unused)
		grow(slab);
	void *thing = slab->unused;
	if (thing)
		memcpy(&slab->unused, thing, sizeof slab->unused);
	return thing;
}

void slab_clear(struct slab *slab)
{
	for (size_t i = 0; i < slab->count; i++)
		free(slab->chunks[i]);
	free(slab->chunks);
	*slab = (struct slab){ .size = slab->size };
}
