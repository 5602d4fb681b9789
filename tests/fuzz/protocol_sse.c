/* SPDX-License-Identifier: Apache-2.0
 * protocol_sse.c - fuzzer: a stream of events says the same in one piece and in pieces of any size
 */
#include <assert.h>
#include <stdint.h>
#include "sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *context, const char *event, const char *id, const char *data, size_t len)
{
	struct buf *heard = context;
	assert(strlen(event) < SSE_NAME_SIZE && *event && strlen(id) < SSE_ID_SIZE && data[len] == 0);
	buf_puts(heard, event);
	buf_append(heard, "\0", 1);
	buf_puts(heard, id);
	buf_append(heard, "\0", 1);
	buf_append(heard, data, len);
	buf_append(heard, "\0", 1);
	return true;
}

/* Each piece in a block of its own, so that a read past it is seen. */
static err_t feed(const uint8_t *data, size_t size, size_t step, struct buf *heard)
{
	struct sse s;
	err_t e = OK;
	bool stopped = false;
	sse_init(&s);
	for (size_t at = 0; at < size && e == OK; at += step) {
		size_t len = size - at < step ? size - at : step;
		uint8_t *piece = malloc(len);
		if (!piece)
			abort();
		memcpy(piece, data + at, len);
		e = sse_feed(&s, piece, len, note, heard, &stopped);
		free(piece);
	}
	sse_clear(&s);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };
	if (size < 2)
		return 0;
	size_t step = data[0] % 16 + 1;
	err_t e1 = feed(data + 1, size - 1, size - 1, &whole);
	err_t e2 = feed(data + 1, size - 1, step, &pieces);
	assert(e1 == e2 && whole.len == pieces.len);
	assert(!whole.len || !memcmp(whole.data, pieces.data, whole.len));
	buf_clear(&whole);
	buf_clear(&pieces);
	return 0;
}
