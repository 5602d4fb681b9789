/* SPDX-License-Identifier: Apache-2.0
 * joiner.c - frames for a port whose machine takes super-frames: segments of one are joined again until one does not follow
 *
 * What the machine refuses (EINVAL: some kernels refuse super-frames that others take) is written again segment by segment, with
 * checksums completed where partial ones are refused too; after some refusals in a row no more are joined.
 */
#include <errno.h>
#include "fragment.h"
#include "frame.h"
#include "joiner.h"
#include "port_tap.h"

#define REFUSALS 8

static void write_complete(struct joiner *j, const uint8_t *frame, size_t len)
{
	uint8_t copy[FRAME_MAX_BYTES];
	struct virtio_net_hdr header = { 0 };
	struct iovec parts[2] = { { &header, sizeof header }, { copy, len } };
	if (len > sizeof copy || frame_copy_complete(copy, frame, len, true) != OK || j->put(j->context, parts, 2) != 0)
		(*j->dropped)++;
}

static void write_one(struct joiner *j, const uint8_t *frame, size_t len, bool partial_csum)
{
	struct virtio_net_hdr header = { 0 };
	struct iovec parts[2] = { { &header, sizeof header }, { (void *)(uintptr_t)frame, len } };
	struct frame f;
	size_t start = 0, offset = 0;
	if (partial_csum && !j->csum) {
		write_complete(j, frame, len);
		return;
	}
	if (partial_csum) {
		if (frame_parse((uint8_t *)(uintptr_t)frame, len, &f) != OK || frame_checksum_place(&f, &start, &offset) != OK) {
			(*j->dropped)++;
			return;
		}
		header = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						  .csum_start = (uint16_t)start,
						  .csum_offset = (uint16_t)offset };
	}
	int error = j->put(j->context, parts, 2);
	if (error == EINVAL && partial_csum)
		write_complete(j, frame, len);
	else if (error)
		(*j->dropped)++; /* the interface is down, or its queue full: an ethernet may lose frames */
}

static int write_joined(struct joiner *j)
{
	struct run *r = &j->run;
	struct iovec parts[RUN_MAX + 2];
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .hdr_len = r->at.head_len,
					 .gso_size = r->size,
					 .csum_start = r->at.transport,
					 .csum_offset = r->gso == INNER_GSO_UDP ? 6 : 16 };
	header.gso_type = r->gso == INNER_GSO_UDP    ? VIRTIO_NET_HDR_GSO_UDP_L4
			  : r->gso == INNER_GSO_TCP6 ? VIRTIO_NET_HDR_GSO_TCPV6
						     : VIRTIO_NET_HDR_GSO_TCPV4;
	run_finish(r);
	parts[0] = (struct iovec){ &header, sizeof header };
	parts[1] = (struct iovec){ r->head, r->at.head_len };
	for (int i = 0; i < r->count; i++)
		parts[i + 2] = (struct iovec){ (void *)(uintptr_t)(r->frame[i] + r->at.head_len), r->len[i] - r->at.head_len };
	return j->put(j->context, parts, r->count + 2);
}

void joiner_flush(struct joiner *j)
{
	struct run *r = &j->run;
	if (r->count == 0)
		return;
	int error = r->count > 1 ? write_joined(j) : EINVAL;
	if (r->count > 1 && error == EINVAL) {
		if (++j->refused >= REFUSALS)
			j->tcp4 = j->tcp6 = j->udp = false;
	} else if (r->count > 1) {
		j->refused = 0;
		*j->dropped += error ? (uint64_t)r->count : 0;
	}
	for (int i = 0; i < r->count && error == EINVAL; i++)
		write_one(j, r->frame[i], r->len[i], true);
	r->count = 0;
}

static bool joins(const struct joiner *j, uint8_t gso)
{
	return gso == INNER_GSO_TCP4 ? j->tcp4 : gso == INNER_GSO_TCP6 ? j->tcp6 : gso == INNER_GSO_UDP && j->udp;
}

bool joiner_join(struct joiner *j, const uint8_t *frame, size_t len, const struct offload *o)
{
	if (!run_join(&j->run, frame, len, o))
		return false;
	if (j->run.closed)
		joiner_flush(j);
	return true;
}

void joiner_write(struct joiner *j, const uint8_t *frame, size_t len, const struct offload *o)
{
	if (joiner_join(j, frame, len, o))
		return;
	joiner_flush(j); /* frames stay in their order */
	if (!joins(j, o->loose ? INNER_GSO_UDP : o->gso) || !run_begin(&j->run, frame, len, o))
		write_one(j, frame, len, o->partial_csum);
}
