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

int main(void)
{
	sha256 first = { 0 }, second = { 0 };
	struct stat st = { 0 };
	AUTO_FD from = mostly_holes();
	AUTO_FD to = memory();
	AUTO_FD again = memory();
	AUTO_FD moved = memory();
	is_int(sparse_copy(from, to, BYTES, BYTES, &first), OK, "copied");
	ok(same(from, to), "it is the same");
	is_int(fstat(to, &st), 0, "the copy");
	is_int(st.st_blocks * 512, 2 * 65536, "takes no more room than what is not zero");
	is_int(sparse_copy(to, again, BYTES, BYTES, &second), OK, "and copied again");
	ok(sha256_equal(first, second), "the hash does not depend on where the holes are");
	ok(pwrite(to, "x", 1, 5) == 1 && sparse_copy(to, moved, BYTES, BYTES, &second) == OK && !sha256_equal(first, second),
	   "but on each byte");
	AUTO_FD shifted = memory();
	ok(ftruncate(shifted, BYTES) == 0 && pwrite(shifted, "abc", 3, 70000 + 65536) == 3 &&
		   pwrite(shifted, "abc", 3, BYTES - 3) == 3 && sparse_copy(shifted, moved, BYTES, BYTES, &second) == OK &&
		   !sha256_equal(first, second),
	   "and on where it is");
	AUTO_FD small = memory();
	is_int(sparse_copy(from, small, BYTES, 2 * 65536, &second), OK, "what is not zero just fits");
	is_int(sparse_copy(from, small, BYTES, 2 * 65536 - 1, &second), E_LIMIT, "and does not, with a byte less");
	is_int(sparse_copy(from, again, BYTES + 1, BYTES, &second), E_CORRUPT, "a file that is too short");
	return done_testing();
}
