/* SPDX-License-Identifier: Apache-2.0
 * vnet_vhost.c - fuzz: QEMU's messages, then what a guest's rings say; whatever is taken lies inside of the guest's memory
 *
 * The input: messages (header, a byte that says how many descriptors, body) up to one that is none, then the first bytes of the
 * guest's memory.
 */
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "vhost_device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_BYTES (192 << 20) /* most of it is never touched */
#define KICK 12			 /* ..14: messages whose descriptors are eventfds */

static int memory_fd = -1, event_fd = -1;
static uint8_t *memory;

static void make_memory(void)
{
	if (memory_fd >= 0)
		return;
	memory_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert(memory_fd >= 0 && ftruncate(memory_fd, MEMORY_BYTES) == 0 && fcntl(memory_fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(memory != MAP_FAILED && event_fd >= 0);
}

/* Feeds messages; returns the bytes that were messages. */
static size_t feed(struct vhost_device *d, const uint8_t *data, size_t size)
{
	size_t at = 0;
	for (int n = 0; n < 64 && size - at > VHOST_HEADER_BYTES; n++) {
		struct vhost_message m = { .fd_count = 0 };
		struct vhost_reply r;
		if (vhost_header_read(data + at, &m) != OK || size - at - VHOST_HEADER_BYTES - 1 < m.size)
			break;
		int fds = data[at + VHOST_HEADER_BYTES] % (VHOST_FDS_MAX + 1);
		at += VHOST_HEADER_BYTES + 1;
		memcpy(m.body, data + at, m.size);
		at += m.size;
		for (; m.fd_count < fds; m.fd_count++)
			m.fds[m.fd_count] =
				fcntl(m.request >= KICK && m.request <= KICK + 2 ? event_fd : memory_fd, F_DUPFD_CLOEXEC, 3);
		err_t e = vhost_device_take(d, &m, &r);
		assert(r.len <= sizeof r.bytes);
		for (int i = 0; i < m.fd_count; i++)
			if (m.fds[i] >= 0)
				close(m.fds[i]);
		if (e != OK)
			break;
	}
	return at;
}

static bool inside(const struct vhost_memory *m, const struct iovec *part)
{
	const uint8_t *at = part->iov_base;
	for (size_t i = 0; i < m->count; i++)
		if (at >= m->region[i].host && part->iov_len <= m->region[i].at.size &&
		    (size_t)(at - m->region[i].host) <= m->region[i].at.size - part->iov_len)
			return true;
	return false;
}

static void pop_all(struct vhost_device *d, int queue)
{
	static struct iovec parts[VHOST_PARTS];
	struct vhost_queue *q = &d->queue[queue];
	for (int n = 0; n < 32 && vhost_queue_runs(q); n++) {
		struct vhost_chain chain;
		if (vhost_queue_pop(q, &d->memory, queue == VHOST_RX, parts, VHOST_PARTS, &chain) != OK) {
			(void)(q->broken || vhost_queue_want_kick(q));
			break;
		}
		size_t bytes = 0;
		assert(chain.count <= VHOST_PARTS);
		for (int i = 0; i < chain.count; i++) {
			assert(parts[i].iov_len > 0 && inside(&d->memory, &parts[i]));
			bytes += parts[i].iov_len;
		}
		assert(bytes == chain.bytes);
		vhost_queue_push(q, chain.head, 0);
		if (n % 3 == 0)
			vhost_queue_publish(q);
	}
	vhost_queue_publish(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vhost_device d;
	if (size > 65536)
		return 0;
	make_memory();
	memset(memory, 0, 65536);
	vhost_device_init(&d, true);
	size_t at = feed(&d, data, size);
	memcpy(memory, data + at, size - at);
	pop_all(&d, VHOST_TX);
	pop_all(&d, VHOST_RX);
	vhost_device_clear(&d);
	return 0;
}
