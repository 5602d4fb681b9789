/* SPDX-License-Identifier: Apache-2.0
 * console.c - drains the guest's serial port into a ring and into console.log
 *
 * How it works: QEMU connects its serial port to a socket of ours. What comes is appended to a ring of CONSOLE_KEEP_BYTES and
 * to console.log; when the file has grown to twice that, it is cut and the ring written anew, so that each byte is written
 * at most twice on average and never more is kept. A token bucket bounds how fast is read.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "console.h"
#include "file.h"

#define READ_BYTES 16384
#define REFILL_PERIOD_US (SECOND_US / 5)

struct console {
	struct loop *loop;
	int listen_fd, log_fd;
	int fd;	      /* QEMU's connection */
	bool waiting; /* for budget; fd is not watched */
	int timer;
	size_t budget_bytes;
	size_t log_bytes;
	console_peer_fn *fn;
	void *context;
	const char *line; /* that is waited for; NULL: none */
	size_t line_matched;
	console_line_fn *line_fn;
	uint64_t end, typed;
	char ring[CONSOLE_KEEP_BYTES]; /* byte n is at n % CONSOLE_KEEP_BYTES */
};

uint64_t console_end(const struct console *console)
{
	return console->end;
}

size_t console_read(const struct console *console, uint64_t from, size_t max, char *data, uint64_t *ret_from)
{
	uint64_t oldest = console->end > CONSOLE_KEEP_BYTES ? console->end - CONSOLE_KEEP_BYTES : 0;
	if (from < oldest)
		from = oldest;
	if (from > console->end)
		from = console->end;
	size_t len = console->end - from < max ? (size_t)(console->end - from) : max;
	size_t at = from % CONSOLE_KEEP_BYTES;
	size_t first = len < CONSOLE_KEEP_BYTES - at ? len : CONSOLE_KEEP_BYTES - at;
	memcpy(data, console->ring + at, first);
	memcpy(data + first, console->ring, len - first);
	*ret_from = from;
	return len;
}

uint64_t console_typed(const struct console *console)
{
	return console->typed;
}

void console_type(struct console *console, uint64_t from, const char *data, size_t len)
{
	if (from > console->typed)
		console->typed = from; /* what was between is gone: it was typed to another vmrun of this lease */
	uint64_t known = console->typed - from;
	if (known >= len || console->fd < 0)
		return;
	ssize_t taken = send(console->fd, data + known, len - known, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (taken > 0)
		console->typed += (uint64_t)taken;
}

/* A full disk costs the file and nothing else. */
static void log_write(struct console *console, const char *data, size_t len)
{
	if (console->log_fd < 0 || fd_write_all(console->log_fd, data, len) != OK)
		return;
	console->log_bytes += len;
	if (console->log_bytes < 2 * CONSOLE_KEEP_BYTES)
		return;
	size_t at = console->end % CONSOLE_KEEP_BYTES;
	if (ftruncate(console->log_fd, 0) || lseek(console->log_fd, 0, SEEK_SET))
		return;
	console->log_bytes = 0;
	if (fd_write_all(console->log_fd, console->ring + at, CONSOLE_KEEP_BYTES - at) == OK &&
	    fd_write_all(console->log_fd, console->ring, at) == OK)
		console->log_bytes = CONSOLE_KEEP_BYTES;
}

void console_add(struct console *console, const char *data, size_t len)
{
	while (len) {
		size_t at = console->end % CONSOLE_KEEP_BYTES;
		size_t part = len < CONSOLE_KEEP_BYTES - at ? len : CONSOLE_KEEP_BYTES - at;
		memcpy(console->ring + at, data, part);
		console->end += part;
		log_write(console, data, part);
		data += part;
		len -= part;
	}
}

void console_watch(struct console *console, const char *line, console_line_fn *fn)
{
	console->line = line;
	console->line_fn = fn;
	console->line_matched = 0;
}

/* A line matches from its start on, so that nothing but "\n" is to be begun again from. */
static void look_for_line(struct console *console, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\r')
			continue;
		if (console->line_matched != SIZE_MAX && data[i] == console->line[console->line_matched])
			console->line_matched++;
		else
			console->line_matched = data[i] == '\n' ? 0 : SIZE_MAX;
		if (console->line_matched != SIZE_MAX && !console->line[console->line_matched]) {
			console->line_matched = 0;
			console->line_fn(console->context);
		}
	}
}

bool console_push(struct console *console, const char *data, size_t len)
{
	return console->fd >= 0 && send(console->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

static void hang_up(struct console *console)
{
	loop_fd_remove(console->loop, console->fd);
	fd_close(&console->fd);
}

static void on_output(void *context, int fd, uint32_t events)
{
	struct console *console = context;
	char data[READ_BYTES];
	(void)events;
	size_t max = console->budget_bytes < sizeof data ? console->budget_bytes : sizeof data;
	if (max == 0) {
		loop_fd_remove(console->loop, fd);
		console->waiting = true;
		return;
	}
	ssize_t len = recv(fd, data, max, MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		hang_up(console);
		return;
	}
	console->budget_bytes -= (size_t)len;
	console_add(console, data, (size_t)len);
	if (console->line)
		look_for_line(console, data, (size_t)len);
}

static void on_refill(void *context, mono_time now)
{
	struct console *console = context;
	(void)now;
	console->budget_bytes += CONSOLE_RATE_BYTES_PER_S * REFILL_PERIOD_US / SECOND_US;
	if (console->budget_bytes > CONSOLE_BURST_BYTES)
		console->budget_bytes = CONSOLE_BURST_BYTES;
	if (console->waiting && console->fd >= 0)
		console->waiting = loop_fd_add(console->loop, console->fd, EPOLLIN, on_output, console) != OK;
}

static void on_connect(void *context, int listen_fd, uint32_t events)
{
	struct console *console = context;
	struct ucred peer;
	socklen_t size = sizeof peer;
	(void)events;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    loop_fd_add(console->loop, fd, EPOLLIN, on_output, console) != OK) {
		fd_close(&fd);
		return;
	}
	loop_fd_remove(console->loop, listen_fd);
	console->fd = fd;
	console->fn(console->context, peer.pid);
}

err_t console_new(struct loop *loop, int listen_fd, int log_fd, console_peer_fn *fn, void *context, struct console **ret_console)
{
	struct console *console = calloc(1, sizeof *console);
	if (!console)
		return E_NOMEM;
	console->loop = loop;
	console->listen_fd = listen_fd;
	console->log_fd = log_fd;
	console->fd = -1;
	console->budget_bytes = CONSOLE_BURST_BYTES;
	console->fn = fn;
	console->context = context;
	console->timer = loop_timer_add(loop, REFILL_PERIOD_US, on_refill, console);
	err_t e = console->timer ? OK : E_NOMEM;
	if (e == OK && listen_fd >= 0)
		e = loop_fd_add(loop, listen_fd, EPOLLIN, on_connect, console);
	if (e != OK) {
		console_free(console);
		return e;
	}
	*ret_console = console;
	return OK;
}

void console_free(struct console *console)
{
	if (!console)
		return;
	loop_fd_remove(console->loop, console->listen_fd);
	if (console->fd >= 0)
		hang_up(console);
	if (console->timer)
		loop_timer_remove(console->loop, console->timer);
	free(console);
}
