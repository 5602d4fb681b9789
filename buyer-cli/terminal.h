/* SPDX-License-Identifier: Apache-2.0
 * terminal.h - asking at a terminal, and showing there what strangers wrote
 */
#ifndef BUYER_TERMINAL_H
#define BUYER_TERMINAL_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"

/* One line from standard input if that is a terminal, without echo where it is secret; Ctrl-C restores the echo first. False where
 * there is no terminal, or no line. */
bool terminal_ask(const char *prompt, bool secret, char *text, size_t size);

/* Standard input key by key, without echo, Ctrl-C among the keys; and back, also where a signal ends us. False where it is no terminal. */
bool terminal_raw(bool on);

/* A serial console's bytes become lines of text: escape sequences, control characters and what is no UTF-8 are taken out, so that a
 * guest cannot drive the terminal. Where the cursor is sent to another row, or the screen cleared, a new line begins. Sequences may
 * be cut anywhere between two calls. Zero-initialised is ready. */
struct terminal_filter {
	enum { FILTER_TEXT, FILTER_ESCAPE, FILTER_CSI, FILTER_STRING, FILTER_STRING_ESCAPE } state;
	unsigned row, number; /* of the cursor; the first parameter of the sequence so far */
	bool numbers_over;    /* that parameter has ended */
	bool in_line;	      /* something was written since the last newline */
	uint8_t rune[4];      /* a UTF-8 sequence so far */
	unsigned rune_len, rune_need;
};
void terminal_filter(struct terminal_filter *f, const uint8_t *data, size_t len, struct buf *out);

/* In place: control characters in a name or a sentence become '?'. */
void terminal_clean(char *text);

#endif
