/* SPDX-License-Identifier: Apache-2.0
 * peer_super.c - a super-frame to a peer: cut, sealed and queued in one go
 */
#include "peer.h"

/* UDP's datagrams keep their size: where one does not fit the path's datagram it goes as any frame of that size. */
static bool send_singly(struct peer *p, const struct super *s, mono_time now)
{
	uint8_t room[MESH_HEADROOM + FRAME_MAX_BYTES];
	struct offload plain = { .partial_csum = true };
	bool sent = true;
	for (size_t i = 0; i < super_count(s, s->offload.gso_size) && sent; i++) {
		size_t len = super_cut(s, s->offload.gso_size, i, room + MESH_HEADROOM);
		sent = peer_send(p, room + MESH_HEADROOM, len, &plain, now);
	}
	return sent;
}

static bool send_segment(struct peer *p, const struct super *s, size_t size, struct inner *in, const struct address *to)
{
	struct mesh_io *io = &p->mesh->io;
	uint8_t *packet = io->reserve(io->context, s->at.head_len + size + INNER_MAX_BYTES + WIRE_SEAL_BYTES);
	uint8_t *plain = packet + WIRE_HEADER_BYTES;
	inner_put(in, plain);
	size_t frame_len = super_cut(s, size, in->segment.index, plain + INNER_MAX_BYTES);
	size_t len = INNER_MAX_BYTES + frame_len;
	bool sealed = session_seal(p->current, WIRE_DATA, packet, len) == OK;
	io->commit(io->context, p, to, sealed ? len + WIRE_SEAL_BYTES : 0);
	if (sealed) {
		p->tx_frames++;
		p->tx_bytes += frame_len;
	}
	return sealed;
}

bool peer_send_super(struct peer *p, const uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	struct super s;
	if (!peer_may_send(p, now))
		return false;
	if (super_of(frame, len, o, &s) != OK) {
		p->dropped++;
		return false;
	}
	const struct path *path = &p->paths.path[p->paths.active];
	size_t room = path->datagram_bytes - WIRE_SEAL_BYTES - INNER_MAX_BYTES;
	if (room > p->mesh->frame_max)
		room = p->mesh->frame_max;
	/* TCP does not mind where it is cut: what fits the path needs no fragments. */
	size_t size = o->gso_size < room - s.at.head_len ? o->gso_size : room - s.at.head_len;
	if (super_count(&s, size) > SUPER_MAX_SEGMENTS ||
	    (o->gso == INNER_GSO_UDP && s.at.head_len + o->gso_size > p->mesh->frame_max)) {
		p->dropped++;
		return false;
	}
	if (o->gso == INNER_GSO_UDP && size < o->gso_size)
		return send_singly(p, &s, now);
	struct inner in = { .kind = INNER_SEGMENT, .flags = (uint8_t)(INNER_PARTIAL_CSUM | o->gso) };
	in.segment.super_id = p->super_id++;
	in.segment.gso_size = (uint16_t)size;
	in.segment.csum_start = s.at.transport;
	size_t count = super_count(&s, size);
	bool sent = true;
	for (size_t i = 0; i < count && sent; i++) {
		in.segment.index = (uint16_t)i;
		if (i == count - 1)
			in.flags |= INNER_LAST;
		sent = send_segment(p, &s, size, &in, &path->to);
	}
	if (!sent)
		p->dropped++;
	else
		peer_used(p, now);
	return sent;
}
