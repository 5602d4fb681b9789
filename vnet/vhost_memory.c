/* SPDX-License-Identifier: Apache-2.0
 * vhost_memory.c - a guest's memory, mapped from the descriptors that its QEMU sends
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "vhost_memory.h"

err_t vhost_memory_add(struct vhost_memory *m, const struct vhost_region *at, int fd)
{
	struct stat st;
	uint64_t end, page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (m->count == VHOST_REGIONS)
		return E_LIMIT;
	if (at->size == 0 || at->size % page || at->offset % page || at->guest % page || at->user % page ||
	    __builtin_add_overflow(at->guest, at->size, &end) || __builtin_add_overflow(at->user, at->size, &end) ||
	    __builtin_add_overflow(at->offset, at->size, &end))
		return E_INVALID;
	/* A file that shrinks under a mapping kills who reads there (SIGBUS). The seal is looked at first: it can only be added. */
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 || st.st_size < 0 || end > (uint64_t)st.st_size)
		return E_INVALID;
	void *host = mmap(NULL, at->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)at->offset);
	if (host == MAP_FAILED)
		return err_from_errno(errno);
	(void)madvise(host, at->size, MADV_DONTDUMP);
	m->region[m->count].at = *at;
	m->region[m->count++].host = host;
	return OK;
}

void vhost_memory_clear(struct vhost_memory *m)
{
	for (size_t i = 0; i < m->count; i++)
		(void)munmap(m->region[i].host, m->region[i].at.size);
	m->count = 0;
}

uint8_t *vhost_memory_guest(const struct vhost_memory *m, uint64_t address, uint64_t *len)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct vhost_region *at = &m->region[i].at;
		if (address < at->guest || address - at->guest >= at->size)
			continue;
		uint64_t offset = address - at->guest, left = at->size - offset;
		if (*len > left)
			*len = left;
		return m->region[i].host + offset;
	}
	return NULL;
}

uint8_t *vhost_memory_user(const struct vhost_memory *m, uint64_t address, uint64_t len)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct vhost_region *at = &m->region[i].at;
		if (address < at->user || address - at->user >= at->size)
			continue;
		uint64_t offset = address - at->user;
		return len <= at->size - offset ? m->region[i].host + offset : NULL;
	}
	return NULL;
}
