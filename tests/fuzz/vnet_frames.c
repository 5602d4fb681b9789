/* SPDX-License-Identifier: Apache-2.0
 * vnet_frames.c - fuzz: what comes out of a TLS connection to or from a relay, in pieces; packets come out the same however it is cut
 */
#include <assert.h>
#include <string.h>
#include "tls_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t hash;
	size_t packets, bytes;
	err_t end;
};

static struct sum run(const uint8_t *data, size_t size, size_t piece)
{
	static struct frames f;
	struct sum s = { .end = E_AGAIN };
	f.used = f.taken = 0;
	while (size > 0 && s.end == E_AGAIN) {
		size_t room, len, n = piece < size ? piece : size;
		uint8_t *packet, *at = frames_room(&f, &room);
		assert(room >= FRAMES_RECORD && n <= room);
		memcpy(at, data, n);
		frames_add(&f, n);
		data += n, size -= n;
		while ((s.end = frames_next(&f, &packet, &len)) == OK) {
			assert(len >= FRAMES_MIN_PACKET && packet >= f.room && packet + len <= f.room + f.used);
			for (size_t i = 0; i < len; i++)
				s.hash = s.hash * 31 + packet[i];
			s.packets++;
			s.bytes += len;
		}
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct sum whole = run(data + 1, size - 1, FRAMES_RECORD), cut = run(data + 1, size - 1, 1u + data[0]);
	assert(whole.hash == cut.hash && whole.packets == cut.packets && whole.bytes == cut.bytes && whole.end == cut.end);
	return 0;
}
