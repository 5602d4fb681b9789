/* SPDX-License-Identifier: Apache-2.0
 * process.h - other programs: run to their end, or started
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <sys/types.h>
#include "err.h"

/* Runs argv (PATH is searched) with stdin and stdout on /dev/null, waits at most timeout_ms, then kills it: E_TIMEOUT. */
MUST_CHECK err_t process_run(char *const argv[], int timeout_ms, int *ret_status);

/* The same with its stdout on out_fd, which is the caller's. */
MUST_CHECK err_t process_run_to(char *const argv[], int out_fd, int timeout_ms, int *ret_status);

/* Starts argv in a session of its own, so that it outlives us; its output goes to log_path. Its parent is init, not we: its life is
 * seen through its socket. argv[0] is a path. */
MUST_CHECK err_t process_start(char *const argv[], const char *log_path);
/* The same, with given_fd as its descriptor 3. */
MUST_CHECK err_t process_start_with(char *const argv[], const char *log_path, int given_fd);

/* The program `name` beside our own executable, in the libexec/cpushare beside its bin/, or in PATH. E_NOT_FOUND. */
MUST_CHECK err_t process_sibling(const char *name, char *ret_path, size_t size);

#endif
