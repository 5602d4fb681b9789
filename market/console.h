/* SPDX-License-Identifier: Apache-2.0
 * console.h - the last bytes of a guest's serial console, while somebody reads them; and what the buyer types into it
 *
 * How typing works: both ends count. What was typed waits here, from the offset that the machine said it has taken up to, and is in every
 * answer to the machine until it says that it has taken it; so a lost or repeated message types nothing twice. A market that started
 * anew knows no offset: the machine's next chunk gives it.
 */
#ifndef MARKET_CONSOLE_H
#define MARKET_CONSOLE_H

#include "machine.h"

#define CONSOLE_RING (64 * 1024)
#define CONSOLE_TYPING_US (20 * SECOND_US) /* behind the last key, more keys are likely */

/* Zero-initialised is empty. */
struct typing {
	struct console_input waits;
	bool counted; /* waits.from is the machine's */
	mono_time last;
};

/* Zero-initialised is empty and unwanted. */
struct console {
	char *ring;	     /* heap, made with the first byte */
	int64_t start, end;  /* offsets of the oldest byte kept and behind the newest */
	int64_t machine_end; /* what the machine says it has */
	mono_time wanted_until, asked, heard;
	struct typing typing;
};
void console_clear(struct console *c);
/* The buyer reads: the machine is asked to send for the next wanted_us. */
void console_want(struct console *c, mono_time now, int64_t wanted_us);
/* From where the machine should send, -1 where nobody reads. */
int64_t console_from(const struct console *c, mono_time now);
/* A chunk came. Bytes that are here already are skipped; a gap drops what was before it. E_NOMEM, E_INVALID: no chunk at all. */
MUST_CHECK err_t console_add(struct console *c, const struct console_chunk *chunk, mono_time now);
/* The buyer typed. E_LIMIT where not all of it can wait: nothing of it does then. */
MUST_CHECK err_t console_type(struct console *c, const struct console_input *typed, mono_time now);
bool console_is_typed(const struct console *c, mono_time now);
/* The machine has taken so much; what it should take next is in c->typing.waits. */
void console_taken(struct console *c, int64_t offset);
/* What there is from an offset on. */
void console_read(const struct console *c, int64_t from, struct console_chunk *ret);

#endif
