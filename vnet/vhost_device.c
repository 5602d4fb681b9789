/* SPDX-License-Identifier: Apache-2.0
 * vhost_device.c - vhost-user's messages, from the back end's side: a virtio-net device of one pair of queues
 *
 * How it works: QEMU asks for features, tells the ones agreed on, sends the table of the guest's memory with a descriptor for each region,
 * and then for each queue its size, first index, addresses and eventfds. The kick descriptor starts a queue, GET_VRING_BASE stops it.
 * A queue that runs cannot be changed in size; its memory may be replaced, its places are looked up anew then.
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "vhost_device.h"

/* Linux 6.2, not in every header */
#define F_GUEST_USO4 54
#define F_GUEST_USO6 55
#define F_HOST_USO 56

#define F_PROTOCOL_FEATURES 30
#define PROTOCOL_REPLY_ACK 3

#define FLAGS_VERSION 1
#define FLAGS_VERSION_MASK 3
#define FLAGS_REPLY 4
#define FLAGS_NEED_REPLY 8
#define VRING_NO_FD 0x100
#define VRING_INDEX_MASK 0xff

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	RESET_OWNER = 4,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_VRING_ERR = 14,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

/* ---- life ---- */
void vhost_device_init(struct vhost_device *d, bool super_frames)
{
	*d = (struct vhost_device){ .offered = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ANY_LAYOUT |
					       1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX |
					       1ULL << F_PROTOCOL_FEATURES | 1ULL << VIRTIO_NET_F_MRG_RXBUF |
					       1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM };
	if (super_frames)
		d->offered |= 1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | 1ULL << F_HOST_USO |
			      1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << F_GUEST_USO4 |
			      1ULL << F_GUEST_USO6;
	for (int i = 0; i < VHOST_QUEUES; i++)
		vhost_queue_init(&d->queue[i]);
}

void vhost_device_clear(struct vhost_device *d)
{
	for (int i = 0; i < VHOST_QUEUES; i++)
		vhost_queue_clear(&d->queue[i]);
	vhost_memory_clear(&d->memory);
	d->features = d->protocol_features = 0;
}

bool vhost_device_has(const struct vhost_device *d, unsigned feature)
{
	return d->features >> feature & 1;
}

size_t vhost_device_header_bytes(const struct vhost_device *d)
{
	bool with_count = vhost_device_has(d, VIRTIO_F_VERSION_1) || vhost_device_has(d, VIRTIO_NET_F_MRG_RXBUF);
	return with_count ? sizeof(struct virtio_net_hdr_v1) : sizeof(struct virtio_net_hdr);
}

/* ---- reading ---- */
static uint32_t get32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v); /* the protocol is in the machine's own order */
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

err_t vhost_header_read(const uint8_t *bytes, struct vhost_message *ret_message)
{
	uint32_t flags = get32(bytes + 4), size = get32(bytes + 8);
	if ((flags & FLAGS_VERSION_MASK) != FLAGS_VERSION || (flags & FLAGS_REPLY) || size > VHOST_BODY_MAX)
		return E_INVALID;
	ret_message->request = get32(bytes);
	ret_message->flags = flags;
	ret_message->size = size;
	return OK;
}

static err_t reply_with(struct vhost_reply *r, const struct vhost_message *m, const void *body, uint32_t size)
{
	const uint32_t header[3] = { m->request, FLAGS_VERSION | FLAGS_REPLY, size };
	memcpy(r->bytes, header, sizeof header);
	memcpy(r->bytes + sizeof header, body, size);
	r->len = sizeof header + size;
	return OK;
}

static err_t reply_u64(struct vhost_reply *r, const struct vhost_message *m, uint64_t value)
{
	return reply_with(r, m, &value, sizeof value);
}

/* ---- what messages say ---- */
static err_t set_features(struct vhost_device *d, uint64_t features)
{
	if (features & ~d->offered)
		return E_INVALID;
	d->features = features;
	for (int i = 0; i < VHOST_QUEUES; i++) {
		d->queue[i].event_idx = vhost_device_has(d, VIRTIO_RING_F_EVENT_IDX);
		/* Without the protocol's features nobody enables queues. */
		if (!vhost_device_has(d, F_PROTOCOL_FEATURES))
			d->queue[i].enabled = true;
	}
	return OK;
}

static err_t set_memory(struct vhost_device *d, const struct vhost_message *m)
{
	uint32_t count = m->size >= 8 ? get32(m->body) : 0;
	if (count == 0 || count > VHOST_REGIONS || m->fd_count != (int)count || m->size != 8 + count * 32)
		return E_INVALID;
	vhost_memory_clear(&d->memory);
	err_t e = OK;
	for (uint32_t i = 0; i < count && e == OK; i++) {
		const uint8_t *at = m->body + 8 + i * 32;
		struct vhost_region region = { get64(at), get64(at + 8), get64(at + 16), get64(at + 24) };
		e = vhost_memory_add(&d->memory, &region, m->fds[i]);
	}
	for (int i = 0; i < VHOST_QUEUES; i++)
		if (d->queue[i].started && vhost_queue_place(&d->queue[i], &d->memory) != OK)
			e = E_INVALID;
	return e;
}

/* The queue that a message is about, and what it says of it. */
static err_t state_of(struct vhost_device *d, const struct vhost_message *m, struct vhost_queue **ret_queue, uint32_t *ret_value)
{
	if (get32(m->body) >= VHOST_QUEUES)
		return E_INVALID;
	*ret_queue = &d->queue[get32(m->body)];
	*ret_value = get32(m->body + 4);
	return OK;
}

static err_t set_state(struct vhost_device *d, const struct vhost_message *m)
{
	struct vhost_queue *q;
	uint32_t value;
	TRY(state_of(d, m, &q, &value));
	if (m->request == SET_VRING_ENABLE) {
		q->enabled = value;
	} else if (q->started || value > UINT16_MAX) {
		return E_INVALID;
	} else if (m->request == SET_VRING_BASE) {
		q->next_avail = (uint16_t)value;
	} else if (value == 0 || value > VHOST_QUEUE_MAX || (value & (value - 1))) {
		return E_INVALID;
	} else {
		q->num = (uint16_t)value;
	}
	return OK;
}

static err_t get_base(struct vhost_device *d, const struct vhost_message *m, struct vhost_reply *r)
{
	struct vhost_queue *q;
	uint32_t value;
	TRY(state_of(d, m, &q, &value));
	const uint32_t state[2] = { get32(m->body), q->next_avail };
	q->started = false;
	fd_close(&q->kick_fd);
	return reply_with(r, m, state, sizeof state);
}

static err_t set_addresses(struct vhost_device *d, const struct vhost_message *m)
{
	if (get32(m->body) >= VHOST_QUEUES || get32(m->body + 4) != 0)
		return E_INVALID;
	struct vhost_queue *q = &d->queue[get32(m->body)];
	q->desc_user = get64(m->body + 8);
	q->used_user = get64(m->body + 16);
	q->avail_user = get64(m->body + 24);
	q->has_addresses = true;
	return q->started ? vhost_queue_place(q, &d->memory) : OK;
}

/* Reads and writes of it must not block, nor be of anything else. */
static bool is_eventfd(int fd)
{
	char path[32], target[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, target, sizeof target - 1);
	int flags = fcntl(fd, F_GETFL);
	if (n < 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return false;
	target[n] = 0;
	return !strcmp(target, "anon_inode:[eventfd]");
}

static err_t start(struct vhost_device *d, struct vhost_queue *q)
{
	if (q->started)
		return OK;
	TRY(vhost_queue_place(q, &d->memory));
	q->next_used = q->published = __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
	q->started = true;
	return OK;
}

static err_t set_eventfd(struct vhost_device *d, struct vhost_message *m)
{
	uint64_t value = get64(m->body);
	bool without = value & VRING_NO_FD;
	if ((value & ~(uint64_t)VRING_NO_FD) >= VHOST_QUEUES || m->fd_count != !without)
		return E_INVALID;
	struct vhost_queue *q = &d->queue[value & VRING_INDEX_MASK];
	if (!without && !is_eventfd(m->fds[0]))
		return E_INVALID;
	if (m->request == SET_VRING_ERR)
		return OK; /* we have nothing to tell by it */
	int *fd = m->request == SET_VRING_KICK ? &q->kick_fd : &q->call_fd;
	fd_close(fd);
	if (!without) {
		*fd = m->fds[0];
		m->fds[0] = -1;
	}
	if (m->request == SET_VRING_CALL)
		return OK;
	return start(d, q);
}

/* Has it the length and the descriptors of its kind? SET_MEM_TABLE and the eventfds' messages say themselves how many. */
static bool is_sound(const struct vhost_message *m)
{
	switch (m->request) {
	case SET_MEM_TABLE:
		return true;
	case SET_VRING_KICK:
	case SET_VRING_CALL:
	case SET_VRING_ERR:
		return m->size == 8;
	case GET_FEATURES:
	case GET_PROTOCOL_FEATURES:
	case SET_OWNER:
	case RESET_OWNER:
		return m->size == 0 && m->fd_count == 0;
	case SET_VRING_ADDR:
		return m->size == 40 && m->fd_count == 0;
	default:
		return m->size == 8 && m->fd_count == 0;
	}
}

static err_t take(struct vhost_device *d, struct vhost_message *m, struct vhost_reply *r)
{
	if (!is_sound(m))
		return E_INVALID;
	switch (m->request) {
	case GET_FEATURES:
		return reply_u64(r, m, d->offered);
	case GET_PROTOCOL_FEATURES:
		return reply_u64(r, m, 1 << PROTOCOL_REPLY_ACK);
	case SET_FEATURES:
		return set_features(d, get64(m->body));
	case SET_PROTOCOL_FEATURES:
		if (get64(m->body) & ~(1ULL << PROTOCOL_REPLY_ACK))
			return E_INVALID;
		d->protocol_features = get64(m->body);
		return OK;
	case SET_OWNER:
	case RESET_OWNER:
		return OK;
	case SET_MEM_TABLE:
		return set_memory(d, m);
	case SET_VRING_NUM:
	case SET_VRING_BASE:
	case SET_VRING_ENABLE:
		return set_state(d, m);
	case GET_VRING_BASE:
		return get_base(d, m, r);
	case SET_VRING_ADDR:
		return set_addresses(d, m);
	case SET_VRING_KICK:
	case SET_VRING_CALL:
	case SET_VRING_ERR:
		return set_eventfd(d, m);
	default:
		return E_INVALID;
	}
}

err_t vhost_device_take(struct vhost_device *d, struct vhost_message *m, struct vhost_reply *ret_reply)
{
	bool acknowledge = d->protocol_features >> PROTOCOL_REPLY_ACK & m->flags / FLAGS_NEED_REPLY & 1;
	ret_reply->len = 0;
	err_t e = take(d, m, ret_reply);
	if (!acknowledge || ret_reply->len > 0)
		return e;
	return reply_u64(ret_reply, m, e != OK);
}
