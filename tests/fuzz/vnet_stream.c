/* SPDX-License-Identifier: Apache-2.0
 * vnet_stream.c - fuzz: bytes on QEMU's stream, in pieces of any size; the frames are the same as in one piece
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "port_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAME_MAX 1422

struct sum {
	size_t frames, bytes, dropped;
	err_t end;
};

/* The reader sees step bytes more each time; what it has read lies in a block of just that size. */
static struct sum read_all(const uint8_t *data, size_t size, size_t step)
{
	struct stream_reader r = { .frame_max = FRAME_MAX };
	struct sum sum = { .end = E_AGAIN };
	for (size_t end = 0; end <= size && sum.end == E_AGAIN; end += step) {
		uint8_t *frame;
		size_t len;
		r.room = malloc(end ? end : 1);
		assert(r.room);
		memcpy(r.room, data, end);
		r.end = end;
		while ((sum.end = stream_next(&r, &frame, &len)) == OK) {
			assert(len > 0 && len <= FRAME_MAX && frame >= r.room && frame + len <= r.room + end);
			assert(!memcmp(frame, data + (frame - r.room), len));
			sum.frames++;
			sum.bytes += len;
		}
		assert(r.first <= end);
		free(r.room);
	}
	sum.dropped = r.dropped;
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	struct sum whole = size ? read_all(data, size, size) : read_all(data, size, 1);
	for (size_t step = 1; step < size; step = step * 5 + 2) {
		if (size % step)
			continue; /* the last piece ends where the whole does */
		struct sum parts = read_all(data, size, step);
		assert(parts.frames == whole.frames && parts.bytes == whole.bytes && parts.dropped == whole.dropped &&
		       parts.end == whole.end);
	}
	return 0;
}
