/* SPDX-License-Identifier: Apache-2.0
 * vhost_queue.c - one split virtqueue (virtio 1.2, section 2.7), from the device's side
 */
#include <assert.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "file.h"
#include "vhost_queue.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little-endian, and read as they are");

void vhost_queue_init(struct vhost_queue *q)
{
	*q = (struct vhost_queue){ .kick_fd = -1, .call_fd = -1 };
}

void vhost_queue_clear(struct vhost_queue *q)
{
	fd_close(&q->kick_fd);
	fd_close(&q->call_fd);
	vhost_queue_init(q);
}

bool vhost_queue_runs(const struct vhost_queue *q)
{
	return q->started && q->enabled && !q->broken;
}

err_t vhost_queue_place(struct vhost_queue *q, const struct vhost_memory *m)
{
	size_t n = q->num;
	q->broken = true;
	if (n == 0 || !q->has_addresses || q->desc_user % 16 || q->avail_user % 2 || q->used_user % 4)
		return E_INVALID;
	/* Each ring ends with the other side's event index. */
	q->desc = (void *)vhost_memory_user(m, q->desc_user, n * sizeof *q->desc);
	q->avail = (void *)vhost_memory_user(m, q->avail_user, sizeof *q->avail + (n + 1) * sizeof *q->avail->ring);
	q->used = (void *)vhost_memory_user(m, q->used_user, sizeof *q->used + n * sizeof *q->used->ring + 2);
	if (!q->desc || !q->avail || !q->used)
		return E_INVALID;
	q->broken = false;
	return OK;
}

/* What the driver may change at any time is read once. */
static uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static struct vring_desc fetch(const void *p)
{
	struct vring_desc d;
	memcpy(&d, p, sizeof d);
	__asm__ volatile("" : : "r"(&d) : "memory"); /* not again from there */
	return d;
}

static err_t broken(struct vhost_queue *q)
{
	q->broken = true;
	return E_INVALID;
}

/* Adds one buffer's pieces to the chain. */
static bool add_buffer(const struct vhost_memory *m, const struct vring_desc *d, struct iovec *parts, int max,
		       struct vhost_chain *chain)
{
	uint64_t address = d->addr, left = d->len, end;
	if (__builtin_add_overflow(address, left, &end))
		return false;
	while (left > 0) {
		uint64_t len = left;
		uint8_t *host = vhost_memory_guest(m, address, &len);
		if (!host || chain->count == max)
			return false;
		parts[chain->count++] = (struct iovec){ host, len };
		address += len;
		left -= len;
	}
	chain->bytes += d->len;
	return true;
}

/* An indirect table: descriptors elsewhere in the guest's memory, in one piece. */
static const uint8_t *indirect_table(const struct vhost_memory *m, const struct vring_desc *d, uint32_t *ret_count)
{
	uint64_t len = d->len;
	if (len == 0 || len % sizeof *d || len / sizeof *d > VHOST_QUEUE_MAX)
		return NULL;
	const uint8_t *table = vhost_memory_guest(m, d->addr, &len);
	*ret_count = d->len / sizeof *d;
	return len == d->len ? table : NULL;
}

err_t vhost_queue_pop(struct vhost_queue *q, const struct vhost_memory *m, bool writable, struct iovec *parts, int max,
		      struct vhost_chain *ret_chain)
{
	uint16_t waiting = (uint16_t)(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) - q->next_avail);
	if (waiting == 0)
		return E_AGAIN;
	struct vhost_chain chain = { .head = load16(&q->avail->ring[q->next_avail & (q->num - 1)]) };
	const uint8_t *table = (const uint8_t *)q->desc;
	uint32_t count = q->num, at = chain.head;
	bool indirect = false;
	if (waiting > q->num)
		return broken(q);
	/* A chain longer than its table goes in a circle. */
	for (uint32_t steps = 0;; steps++) {
		if (steps == count || at >= count)
			return broken(q);
		struct vring_desc d = fetch(table + at * sizeof d);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (indirect || (d.flags & VRING_DESC_F_NEXT) || !(table = indirect_table(m, &d, &count)))
				return broken(q);
			indirect = true;
			at = 0;
			steps = UINT32_MAX; /* 0 in the next round */
			continue;
		}
		if (!(d.flags & VRING_DESC_F_WRITE) == writable || !add_buffer(m, &d, parts, max, &chain))
			return broken(q);
		if (!(d.flags & VRING_DESC_F_NEXT))
			break;
		at = d.next;
	}
	q->next_avail++;
	*ret_chain = chain;
	return OK;
}

void vhost_queue_unpop(struct vhost_queue *q, int chains)
{
	q->next_avail = (uint16_t)(q->next_avail - chains);
}

void vhost_queue_push(struct vhost_queue *q, uint16_t head, uint32_t bytes)
{
	struct vring_used_elem *e = &q->used->ring[q->next_used++ & (q->num - 1)];
	e->id = head;
	e->len = bytes;
}

void vhost_queue_publish(struct vhost_queue *q)
{
	uint16_t before = q->published;
	if (q->next_used == before || !vhost_queue_runs(q))
		return;
	__atomic_store_n(&q->used->idx, q->next_used, __ATOMIC_RELEASE);
	q->published = q->next_used;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the index is seen before the wish is read */
	bool wanted = q->event_idx ? vring_need_event(load16(&q->avail->ring[q->num]), q->next_used, before)
				   : !(load16(&q->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (wanted && q->call_fd >= 0)
		(void)eventfd_write(q->call_fd, 1);
}

static uint16_t *avail_event(struct vhost_queue *q)
{
	return (uint16_t *)(void *)&q->used->ring[q->num];
}

bool vhost_queue_want_kick(struct vhost_queue *q)
{
	if (q->event_idx)
		__atomic_store_n(avail_event(q), q->next_avail, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&q->used->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the wish is seen before the index is read */
	return load16(&q->avail->idx) != q->next_avail;
}

void vhost_queue_want_no_kick(struct vhost_queue *q)
{
	/* With event indexes the old one lies behind and asks for nothing. */
	if (!q->event_idx)
		__atomic_store_n(&q->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}
