/* SPDX-License-Identifier: Apache-2.0
 * sparse.c - copies files that are mostly holes
 */
#include "sparse.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"

#define BLOCK_BYTES (64 * 1024)

static bool is_zero(const uint8_t *data, size_t len)
{
	return !data[0] && !memcmp(data, data + 1, len - 1);
}

static err_t read_at(int fd, uint8_t *data, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pread(fd, data, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? err_from_errno(errno) : E_CORRUPT;
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return OK;
}

static void digest_block(const struct sparse_digest *digest, uint64_t at, const uint8_t *data, size_t len)
{
	uint8_t head[8];
	struct writer w = writer_of(head, sizeof head);
	write_u64(&w, at);
	if (digest->hash) {
		sha256_stream_add(digest->hash, head, sizeof head);
		sha256_stream_add(digest->hash, data, len);
	}
	if (digest->mac) {
		gmac_add(digest->mac, head, sizeof head);
		gmac_add(digest->mac, data, len);
	}
}

/* The block in which there is data at `at` or behind it; `bytes` where there is none. */
static uint64_t next_block(int fd, uint64_t at, uint64_t bytes)
{
	off_t data = lseek(fd, (off_t)at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? bytes : at;
	return (uint64_t)data < bytes ? (uint64_t)data / BLOCK_BYTES * BLOCK_BYTES : bytes;
}

err_t sparse_copy(int from_fd, int to_fd, uint64_t bytes, uint64_t max_bytes, const struct sparse_digest *digest)
{
	uint8_t block[BLOCK_BYTES];
	off_t have = lseek(from_fd, 0, SEEK_END);
	if (have < 0 || (uint64_t)have < bytes)
		return have < 0 ? err_from_errno(errno) : E_CORRUPT;
	if (ftruncate(to_fd, (off_t)bytes))
		return err_from_errno(errno);
	err_t e = OK;
	for (uint64_t at = next_block(from_fd, 0, bytes); !e && at < bytes; at = next_block(from_fd, at + BLOCK_BYTES, bytes)) {
		size_t len = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES;
		e = read_at(from_fd, block, len, (off_t)at);
		if (e || is_zero(block, len))
			continue;
		if (len > max_bytes) {
			e = E_LIMIT;
			continue;
		}
		max_bytes -= len;
		digest_block(digest, at, block, len);
		if (lseek(to_fd, (off_t)at, SEEK_SET) < 0)
			e = err_from_errno(errno);
		else
			e = fd_write_all(to_fd, block, len);
	}
	return e;
}
