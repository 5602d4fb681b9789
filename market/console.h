/* SPDX-License-Identifier: Apache-2.0
 * console.h - the last bytes of a guest's serial console, while somebody reads them
 */
#ifndef MARKET_CONSOLE_H
#define MARKET_CONSOLE_H

#include "machine.h"

#define CONSOLE_RING (64 * 1024)

/* Zero-initialised is empty and unwanted. */
struct console {
	char *ring;	     /* heap, made with the first byte */
	int64_t start, end;  /* offsets of the oldest byte kept and behind the newest */
	int64_t machine_end; /* what the machine says it has */
	mono_time wanted_until, asked, heard;
};
void console_clear(struct console *c);
/* The buyer reads: the machine is asked to send for the next wanted_us. */
void console_want(struct console *c, mono_time now, int64_t wanted_us);
/* From where the machine should send, -1 where nobody reads. */
int64_t console_from(const struct console *c, mono_time now);
/* A chunk came. Bytes that are here already are skipped; a gap drops what was before it. E_NOMEM, E_INVALID: no chunk at all. */
MUST_CHECK err_t console_add(struct console *c, const struct console_chunk *chunk, mono_time now);
/* What there is from an offset on. */
void console_read(const struct console *c, int64_t from, struct console_chunk *ret);

#endif
