/* SPDX-License-Identifier: Apache-2.0
 * sparse.c - tests of copying files that are mostly holes
 */
#include "sparse.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "tap.h"

#define BYTES (1 << 20)

static int memory(void)
{
	return memfd_create("sparse", MFD_CLOEXEC);
}

/* "abc" in two blocks, and a block of zeros that were written. */
static int mostly_holes(void)
{
	static const char zeros[65536];
	int fd = memory();
	if (ftruncate(fd, BYTES) || pwrite(fd, "abc", 3, 70000) != 3 || pwrite(fd, "abc", 3, BYTES - 3) != 3 ||
	    pwrite(fd, zeros, sizeof zeros, 262144) != sizeof zeros)
		printf("Bail out! no file in memory\n");
	return fd;
}

static bool same(int a, int b)
{
	static char left[BYTES], right[BYTES];
	return pread(a, left, BYTES, 0) == BYTES && pread(b, right, BYTES, 0) == BYTES && !memcmp(left, right, BYTES);
}

static const uint8_t key[GMAC_KEY_BYTES] = { 1, 2, 3 };
static gmac_tag last_tag;

static err_t copy(int from, int to, uint64_t bytes, uint64_t max_bytes, sha256 *ret_hash)
{
	const struct sparse_digest digest = { sha256_stream_new(), gmac_new(key) };
	err_t e = sparse_copy(from, to, bytes, max_bytes, &digest);
	*ret_hash = sha256_stream_end(digest.hash);
	last_tag = gmac_end(digest.mac);
	return e;
}

int main(void)
{
	sha256 first = { 0 }, second = { 0 };
	struct stat st = { 0 };
	AUTO_FD from = mostly_holes();
	AUTO_FD to = memory();
	AUTO_FD again = memory();
	AUTO_FD moved = memory();
	is_int(copy(from, to, BYTES, BYTES, &first), OK, "copied");
	ok(same(from, to), "it is the same");
	is_int(fstat(to, &st), 0, "the copy");
	is_int(st.st_blocks * 512, 2 * 65536, "takes no more room than what is not zero");
	is_int(copy(to, again, BYTES, BYTES, &second), OK, "and copied again");
	ok(sha256_equal(first, second), "the hash does not depend on where the holes are");
	gmac_tag tag = last_tag;
	ok(pwrite(to, "x", 1, 5) == 1 && copy(to, moved, BYTES, BYTES, &second) == OK && !sha256_equal(first, second),
	   "but on each byte");
	ok(memcmp(&tag, &last_tag, sizeof tag), "and so does the tag");
	ok(copy(from, again, BYTES, BYTES, &second) == OK && !memcmp(&tag, &last_tag, sizeof tag),
	   "which is the same for the same bytes");
	AUTO_FD shifted = memory();
	ok(ftruncate(shifted, BYTES) == 0 && pwrite(shifted, "abc", 3, 70000 + 65536) == 3 &&
		   pwrite(shifted, "abc", 3, BYTES - 3) == 3 && copy(shifted, moved, BYTES, BYTES, &second) == OK &&
		   !sha256_equal(first, second),
	   "and on where it is");
	AUTO_FD small = memory();
	is_int(copy(from, small, BYTES, 2 * 65536, &second), OK, "what is not zero just fits");
	is_int(copy(from, small, BYTES, 2 * 65536 - 1, &second), E_LIMIT, "and does not, with a byte less");
	is_int(copy(from, again, BYTES + 1, BYTES, &second), E_CORRUPT, "a file that is too short");
	return done_testing();
}
