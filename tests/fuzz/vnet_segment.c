/* SPDX-License-Identifier: Apache-2.0
 * vnet_segment.c - fuzz: what the kernel says of a super-frame; what is cut from it joins to the same again, and any two frames
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "port_tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENTS 8

static void cut_and_join(const struct super *s)
{
	static uint8_t pieces[SEGMENTS][SUPER_MAX_BYTES];
	struct run run = { .count = 0 };
	size_t each = s->offload.gso_size, count = super_count(s, each), payload = 0;
	for (size_t i = 0; i < count && i < SEGMENTS; i++) {
		struct offload o = s->offload;
		size_t len = super_cut(s, each, i, pieces[i]);
		o.index = (uint16_t)i;
		o.last = i == count - 1;
		assert(len > s->at.head_len && len <= s->at.head_len + each);
		/* Urgent data is cut but not joined, nor is what begins with CWR. */
		if (i == 0 ? !run_begin(&run, pieces[i], len, &o) : !run_join(&run, pieces[i], len, &o))
			return;
		payload += len - s->at.head_len;
	}
	run_finish(&run);
	assert(run.payload == payload);
	size_t at = s->at.head_len;
	for (int i = 0; i < run.count; i++) {
		size_t n = run.len[i] - run.at.head_len;
		assert(!memcmp(s->frame + at, run.frame[i] + run.at.head_len, n));
		at += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr h;
	struct offload o;
	struct super s;
	if (size < sizeof h + 1 || size > SUPER_MAX_BYTES)
		return 0;
	memcpy(&h, data, sizeof h);
	/* A heap block of just that size, so that the sanitizer sees a read beyond it. */
	size_t len = size - sizeof h, half = data[size - 1] % 2 ? len / 2 : len;
	uint8_t *frame = malloc(len);
	assert(frame);
	memcpy(frame, data + sizeof h, len);
	if (tap_header_read(&h, frame, len, &o) && o.gso && super_of(frame, len, &o, &s) == OK)
		cut_and_join(&s);
	/* As from a peer: two frames, said to be neighbours. */
	struct run run = { .count = 0 };
	struct offload first = { .partial_csum = true, .gso = (uint8_t)(h.gso_type & INNER_GSO_MASK), .gso_size = h.gso_size };
	struct offload second = first;
	second.index = 1;
	uint8_t *other = malloc(half ? half : 1);
	assert(other);
	memcpy(other, frame, half);
	if (run_begin(&run, frame, len, &first)) {
		(void)run_join(&run, other, half, &second);
		run_finish(&run);
	}
	free(other);
	free(frame);
	return 0;
}
