/* SPDX-License-Identifier: Apache-2.0
 * file.c - tests of whole files and whole folders
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "tap.h"

static char folder[] = "/tmp/cpushare-file-XXXXXX";

/* A path below the test's folder, in one of a few buffers. */
static const char *in(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static bool is_there(const char *name)
{
	struct stat st;
	return !lstat(in(name), &st);
}

static mode_t mode_of(const char *name)
{
	struct stat st;
	return stat(in(name), &st) ? 0 : st.st_mode & 07777;
}

static void test_files(void)
{
	AUTO_FREE char *data = NULL;
	size_t len = 99;
	is_int(file_read(in("none"), 10, &data, &len), E_NOT_FOUND, "no file");
	is_int(file_read(folder, 10, &data, &len), E_IO, "a folder");
	is_int(file_write(in("a"), "a\0b", 3, 0640), OK, "write");
	is_int(mode_of("a"), 0640, "its mode");
	is_int(file_read(in("a"), 2, &data, &len), E_LIMIT, "larger than the bound");
	ok(data == NULL && len == 99, "a refusal leaves the results alone");
	is_int(file_read(in("a"), 3, &data, &len), OK, "exactly the bound");
	ok(len == 3 && !memcmp(data, "a\0b", 4), "with a NUL behind it");
	free(data);
	data = NULL;
	is_int(file_write(in("a"), "", 0, 0600), OK, "write again");
	is_int(file_read(in("a"), 0, &data, &len), OK, "an empty file");
	is_int(len, 0, "is empty");
	is_int(mode_of("a"), 0600, "the new mode");
	free(data);
	data = NULL;
	is_int(file_read("/proc/self/status", 65536, &data, &len), OK, "a file that says it has no bytes");
	ok(len > 100 && !strncmp(data, "Name:", 5), "is read whole");
	is_int(file_write(in("none/a"), "x", 1, 0600), E_NOT_FOUND, "no folder");
	is_int(dir_make(in("d"), 0700), OK, "a folder");
	is_int(file_write(in("d"), "x", 1, 0600), E_IO, "a folder is not written over");
	is_int(rmdir(in("d")), 0, "and no temporary file stays in it");
	char big[100000];
	memset(big, 'x', sizeof big);
	free(data);
	data = NULL;
	ok(file_write(in("big"), big, sizeof big, 0600) == OK && file_read(in("big"), sizeof big, &data, &len) == OK &&
		   len == sizeof big && !memcmp(data, big, len),
	   "a large file");
}

static void test_folders(void)
{
	mode_t mask = umask(077);
	is_int(dir_make(in("p/q//r/"), 0755), OK, "make several");
	umask(mask);
	ok(mode_of("p") == 0755 && mode_of("p/q/r") == 0755, "with their mode in spite of the umask");
	is_int(chmod(in("p"), 0700), 0, "one that exists");
	is_int(dir_make(in("p/q/r"), 0755), OK, "again");
	is_int(mode_of("p"), 0700, "is left alone");
	is_int(dir_make(in("a/b"), 0700), E_IO, "a file in the way");
	is_int(errno, ENOTDIR, "errno says so");
	is_int(dir_make("", 0700), E_INVALID, "no name");

	is_int(dir_make(in("outside"), 0700), OK, "a folder outside");
	is_int(file_write(in("outside/keep"), "x", 1, 0600), OK, "with a file");
	is_int(symlink(in("outside"), in("p/link")), 0, "a link to it");
	is_int(symlink("nowhere", in("p/q/dangling")), 0, "a link to nothing");
	is_int(file_write(in("p/q/r/file"), "x", 1, 0400), OK, "a file");
	is_int(mkfifo(in("p/q/fifo"), 0600), 0, "a fifo");
	is_int(dir_remove(in("p")), OK, "remove all");
	ok(!is_there("p") && is_there("outside/keep"), "and nothing behind the link");
	is_int(dir_remove(in("p")), OK, "nothing to remove");
	is_int(symlink("outside", in("top")), 0, "a link");
	is_int(dir_remove(in("top")), OK, "is removed");
	ok(!is_there("top") && is_there("outside/keep"), "by itself");
	is_int(dir_remove(in("outside/keep")), OK, "a file too");
	ok(!is_there("outside/keep"), "is gone");
}

/* A tree deeper than we go down is refused, not followed until the stack ends. */
static void test_depth(void)
{
	char name[4096] = "deep";
	while (strlen(name) < 3 * 250)
		memcpy(name + strlen(name), "/dd", 4);
	char path[4200];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	is_int(dir_make(path, 0700), OK, "a deep tree");
	is_int(dir_remove(in("deep")), E_LIMIT, "is refused");
	for (char *slash; (slash = strrchr(path, '/')) && strlen(path) > strlen(folder); *slash = '\0')
		rmdir(path);
	ok(!is_there("deep"), "clean up");
}

static void test_descriptors(void)
{
	int ends[2];
	char data[8] = "";
	if (pipe2(ends, O_CLOEXEC))
		return;
	is_int(fd_write_all(ends[1], "hello", 5), OK, "write");
	is_int(fd_read_all(ends[0], data, 5), OK, "read");
	is_text(data, "hello", "the same");
	is_int(fd_write_all(ends[1], "hi", 2), OK, "too little");
	fd_close(&ends[1]);
	is_int(ends[1], -1, "closed is -1");
	fd_close(&ends[1]);
	is_int(fd_read_all(ends[0], data, 5), E_UNAVAILABLE, "and then the end");
	errno = 77;
	fd_close(&ends[0]);
	is_int(errno, 77, "closing leaves errno alone");
	is_int(fd_read_all(ends[0], data, 5), E_IO, "a descriptor that is none");
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(ends, O_CLOEXEC))
		return;
	fd_close(&ends[0]);
	is_int(fd_write_all(ends[1], "x", 1), E_UNAVAILABLE, "nobody reads");
	fd_close(&ends[1]);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_files();
	test_folders();
	test_depth();
	test_descriptors();
	is_int(dir_remove(folder), OK, "clean up");
	return done_testing();
}
