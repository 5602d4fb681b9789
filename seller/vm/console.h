/* SPDX-License-Identifier: Apache-2.0
 * console.h - the guest's serial console: the last part of it in memory and in console.log; and what is typed into it
 */
#ifndef VM_CONSOLE_H
#define VM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"
#include "loop.h"

/* What is kept. console.log holds at least as much, where the guest said so much, and at most twice as much. */
#define CONSOLE_KEEP_BYTES (256 * 1024)

/* A guest may print all day: beyond a burst it is read at this pace and no faster; QEMU then holds the guest's output back. */
#define CONSOLE_RATE_BYTES_PER_S (128 * 1024)
#define CONSOLE_BURST_BYTES (512 * 1024)

struct console;
/* The guest said a line that was waited for. */
typedef void console_line_fn(void *context);
/* Who connected: QEMU. */
typedef void console_peer_fn(void *context, pid_t pid);

/* Accepts one connection at listen_fd (borrowed), then never another. log_fd: borrowed, or -1. */
MUST_CHECK err_t console_new(struct loop *loop, int listen_fd, int log_fd, console_peer_fn *fn, void *context,
			     struct console **ret_console);
void console_free(struct console *console);

/* Calls fn each time that the guest has said this line (borrowed), which ends with a new-line character; "\r\n" counts as one. */
void console_watch(struct console *console, const char *line, console_line_fn *fn);
/* Types without counting it as the buyer's. False where QEMU did not take all of it now. */
bool console_push(struct console *console, const char *data, size_t len);

/* Bytes that the guest has printed so far. */
uint64_t console_end(const struct console *console);
/* Copies what there is from offset from on (or the oldest kept), at most max bytes. */
size_t console_read(const struct console *console, uint64_t from, size_t max, char *data, uint64_t *ret_from);

/* Bytes that QEMU has taken of what was typed. */
uint64_t console_typed(const struct console *console);
/* Types bytes from offset `from` on; those that were typed already are passed over, and what QEMU does not take now is left. */
void console_type(struct console *console, uint64_t from, const char *data, size_t len);

/* For tests and console.c itself: the guest printed this. */
void console_add(struct console *console, const char *data, size_t len);

#endif
