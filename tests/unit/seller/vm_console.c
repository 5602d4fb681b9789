/* SPDX-License-Identifier: Apache-2.0
 * vm_console.c - the console's ring, its file, its one connection and its pace
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "console.h"
#include "file.h"
#include "tap.h"

static char data[CONSOLE_KEEP_BYTES * 2];

/* Byte n of what the guest prints here. */
static char byte_at(uint64_t n)
{
	return (char)('a' + n % 23);
}

static void print(struct console *console, size_t len)
{
	uint64_t at = console_end(console);
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(at + i);
	console_add(console, data, len);
}

static bool right(uint64_t from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != byte_at(from + i))
			return false;
	return true;
}

static off_t size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) ? -1 : st.st_size;
}

static void ring(struct loop *loop)
{
	char path[] = "/tmp/vm_console.XXXXXX";
	AUTO_FD log_fd = mkostemp(path, O_CLOEXEC);
	struct console *console = NULL;
	uint64_t from;

	unlink(path);
	is_int(console_new(loop, -1, log_fd, NULL, NULL, &console), OK, "a console");
	is_int(console_read(console, 0, sizeof data, data, &from), 0, "is empty");
	print(console, 1000);
	is_int(console_read(console, 0, sizeof data, data, &from), 1000, "all of a little");
	ok(from == 0 && right(0, 1000), "as it was printed");
	is_int(console_read(console, 990, 5, data, &from), 5, "a part");
	ok(from == 990 && right(990, 5), "of the right place");
	is_int(console_read(console, 5000, 5, data, &from), 0, "nothing from the future");
	is_int(from, 1000, "which begins here");
	for (int i = 0; i < 100; i++)
		print(console, 7919);
	is_int(console_end(console), 1000 + 100 * 7919, "all is counted");
	size_t len = console_read(console, 0, sizeof data, data, &from);
	is_int(len, CONSOLE_KEEP_BYTES, "the ring's worth is kept");
	ok(from == console_end(console) - CONSOLE_KEEP_BYTES && right(from, len), "and it is the last");
	ok(size_of(log_fd) >= CONSOLE_KEEP_BYTES && size_of(log_fd) < 2 * CONSOLE_KEEP_BYTES, "the file is bounded");
	off_t size = size_of(log_fd);
	is_int(pread(log_fd, data, sizeof data, 0), size, "the file can be read");
	ok(right(console_end(console) - (uint64_t)size, (size_t)size), "and has the same");
	console_free(console);
}

static pid_t peer_pid;
static void on_peer(void *context, pid_t pid)
{
	(void)context;
	peer_pid = pid;
}

static void run_for(struct loop *loop, int64_t us)
{
	int64_t end_us = clock_mono().us + us;
	while (clock_mono().us < end_us)
		(void)!loop_once(loop, 20000);
}

static int listen_at(struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof *address) || listen(fd, 1))
		return -1;
	return fd;
}

static int connect_to(struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)address, sizeof *address))
		fd_close(&fd);
	return fd;
}

static int lines;
static void on_line(void *context)
{
	(void)context;
	lines++;
}

/* Sends, and returns how often the line was seen. */
static int seen(struct loop *loop, int guest, const char *text)
{
	lines = 0;
	ok(send(guest, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "the guest says something");
	run_for(loop, 50000);
	return lines;
}

static void watched(struct loop *loop, struct console *console, int guest)
{
	console_watch(console, "may go\n", on_line);
	is_int(seen(loop, guest, "may go\n"), 1, "a line that is waited for");
	is_int(seen(loop, guest, "\r\nmay go\r\nmay go\r\n"), 2, "each time, with the serial line's ends");
	is_int(seen(loop, guest, "it may go\nmay gone\nmay  go\n\n"), 0, "not a part of one");
	is_int(seen(loop, guest, "ma"), 0, "in two");
	is_int(seen(loop, guest, "y go\n"), 1, "parts");
	is_int(seen(loop, guest, "may go"), 0, "not before it ends");
	is_int(seen(loop, guest, "\n"), 1, "but then");
	char said[8];
	ok(console_push(console, "\ngo\n", 4) && recv(guest, said, sizeof said, 0) == 4, "it is answered");
	is_int(console_typed(console), 0, "which the buyer did not type");
}

static void flood(struct loop *loop)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct console *console = NULL;
	size_t sent = 0;

	snprintf(address.sun_path, sizeof address.sun_path, "/tmp/vm_console.%d.sock", (int)getpid());
	AUTO_FD listen_fd = listen_at(&address);
	is_int(console_new(loop, listen_fd, -1, on_peer, NULL, &console), OK, "a listening console");
	AUTO_FD guest = connect_to(&address);
	run_for(loop, 50000);
	is_int(peer_pid, getpid(), "who connected is told");
	peer_pid = 0;
	AUTO_FD second = connect_to(&address);
	ok(second >= 0, "a second one knocks");
	run_for(loop, 50000);
	is_int(peer_pid, 0, "nobody else is let in");
	watched(loop, console, guest);

	char keys[16] = "";
	console_type(console, 0, "abc", 3);
	is_int(recv(guest, keys, sizeof keys, 0), 3, "what is typed reaches it");
	console_type(console, 1, "bcd", 3);
	is_int(console_typed(console), 4, "what it has is not typed again");
	ok(recv(guest, keys, sizeof keys, 0) == 1 && keys[0] == 'd', "the rest is");
	console_type(console, 9, "z", 1);
	ok(console_typed(console) == 10 && recv(guest, keys, sizeof keys, 0) == 1 && keys[0] == 'z', "behind a gap it goes on");
	for (int i = 0; i < 1000; i++)
		console_type(console, console_typed(console), data, 4096);
	ok(console_typed(console) < 1000 * 4096, "a guest that reads nothing takes no more than a socket's worth");

	int64_t end_us = clock_mono().us + SECOND_US;
	memset(data, 'z', sizeof data);
	while (clock_mono().us < end_us) {
		ssize_t len = send(guest, data, sizeof data, MSG_NOSIGNAL);
		sent += len > 0 ? (size_t)len : 0;
		run_for(loop, 5000);
	}
	ok(console_end(console) >= CONSOLE_BURST_BYTES, "a burst is read at once");
	ok(console_end(console) <= CONSOLE_BURST_BYTES + 2 * CONSOLE_RATE_BYTES_PER_S, "a flood is read at its pace");
	ok(sent < 16 * 1024 * 1024, "and held back");
	fd_close(&guest);
	run_for(loop, 10000);
	console_free(console);
	unlink(address.sun_path);
}

int main(void)
{
	struct loop *loop = NULL;
	is_int(loop_new(&loop), OK, "a loop");
	ring(loop);
	flood(loop);
	loop_free(loop);
	return done_testing();
}
