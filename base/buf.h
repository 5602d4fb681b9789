/* SPDX-License-Identifier: Apache-2.0
 * buf.h - a growing byte string with a bound and a sticky error
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include "err.h"

/* Zero-initialised is empty and unbounded. data is always NUL-terminated once anything was appended; len excludes the NUL. */
struct buf {
	char *data;
	size_t len, cap;
	size_t max;  /* refuse to grow beyond, 0: no bound */
	err_t error; /* the first failure: E_NOMEM, E_LIMIT; later appends do nothing */
};

/* Room for len more bytes, for who knows how long it will be; false, and an error, where there is none. */
bool buf_reserve(struct buf *b, size_t len);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
void buf_reset(struct buf *b); /* empty again, keeps its memory and bound */
void buf_clear(struct buf *b); /* frees */
/* Hands out the text (heap, caller frees) and leaves b empty. NULL where b has an error. */
char *buf_take(struct buf *b);

#define AUTO_BUF __attribute__((cleanup(buf_clear))) struct buf

#endif
