/* SPDX-License-Identifier: Apache-2.0
 * buf.c - a growing byte string with a bound and a sticky error
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buf.h"

/* And the NUL. */
bool buf_reserve(struct buf *b, size_t len)
{
	if (b->error)
		return false;
	if (len > SIZE_MAX / 4 - b->len || (b->max && len > b->max - b->len)) {
		b->error = E_LIMIT;
		return false;
	}
	size_t need = b->len + len + 1;
	if (need <= b->cap)
		return true;
	size_t cap = need > b->cap * 2 ? need : b->cap * 2;
	if (cap < 64)
		cap = 64;
	char *data = realloc(b->data, cap);
	if (!data) {
		b->error = E_NOMEM;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	if (len < 0) {
		if (!b->error)
			b->error = E_LIMIT;
	} else if (buf_reserve(b, (size_t)len)) {
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = OK;
	if (b->data)
		b->data[0] = '\0';
}

void buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

char *buf_take(struct buf *b)
{
	buf_append(b, "", 0); /* an empty text is a text too */
	err_t error = b->error;
	char *text = b->data;
	if (error) {
		free(text);
		text = NULL;
	}
	*b = (struct buf){ .max = b->max, .error = error };
	return text;
}
