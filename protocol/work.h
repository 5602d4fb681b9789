/* SPDX-License-Identifier: Apache-2.0
 * work.h - the known-answer work of a calibration (docs/CALIBRATION.md): done by a guest, checked by the market, tried by a seller's daemon
 *
 * A chain of SHA-256 compressions for each core. Every step takes in a word of memory at a place that the chain's state decides, and a few
 * operations on doubles. A chain is cut into chunks; each can be done again from the digest before it, without the memory. Portable C without OpenSSL: the
 * same instructions everywhere, and small in a guest.
 */
#ifndef PROTOCOL_WORK_H
#define PROTOCOL_WORK_H

#include "crypto.h"

#define WORK_CHUNKS 32 /* of each core */
#define WORK_CORES 64
#define WORK_SEED_SIZE 64 /* a DNS label and a NUL */
#define WORK_STEP_BYTES 64
#define WORK_STEPS_MAX 1000000000 /* of a chunk */
#define WORK_LINE_SIZE 96

struct work {
	char seed[WORK_SEED_SIZE];
	uint32_t cores, memory_mib, steps; /* steps of one chunk */
};
/* Words of the memory. */
static inline size_t work_words(const struct work *w)
{
	return (size_t)w->memory_mib << 17;
}
/* Makes the words of part (of parts) of the memory. */
void work_fill(const struct work *w, uint32_t part, uint32_t parts, uint64_t *memory);
/* What a core's first chunk begins with. */
sha256 work_begin(const struct work *w, uint32_t core);
/* The digest of the chunk that follows. memory NULL: each word is made when it is needed, which is slower. */
sha256 work_chunk(const struct work *w, sha256 before, const uint64_t *memory);

/* Steps of a chunk so that the whole takes so long on a core of that score (MiB/s). */
uint32_t work_steps_for(uint32_t score, int64_t time_us);
/* The score of the whole, done in that time. */
uint32_t work_score(const struct work *w, int64_t took_us);

/* "w CORE CHUNK DIGEST\n" */
char *work_line_write(uint32_t core, uint32_t chunk, sha256 digest, char text[WORK_LINE_SIZE]);
/* Without its end of line. E_INVALID: any other text. */
MUST_CHECK err_t work_line_read(const char *text, size_t len, uint32_t *ret_core, uint32_t *ret_chunk, sha256 *ret_digest);

#endif
