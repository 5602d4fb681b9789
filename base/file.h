/* SPDX-License-Identifier: Apache-2.0
 * file.h - whole files, and directories
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "err.h"

/* Reads a file of at most max bytes into the heap (caller frees); a NUL is put behind it. E_LIMIT where it is larger. */
MUST_CHECK err_t file_read(const char *path, size_t max, char **ret_data, size_t *ret_len);
/* Writes to a temporary name beside path, fsync, rename, fsync of the folder: after a crash the old or the new, whole. */
MUST_CHECK err_t file_write(const char *path, const void *data, size_t len, mode_t mode);
/* The same without waiting for the disk, for what a crash of this machine makes worthless: after one it may be empty. */
MUST_CHECK err_t file_write_now(const char *path, const void *data, size_t len, mode_t mode);
/* mkdir -p. Folders that it makes get mode; ones that exist are left alone. */
MUST_CHECK err_t dir_make(const char *path, mode_t mode);
/* rm -r, without following links and without leaving the file system entry's tree. E_NOT_FOUND is OK. */
MUST_CHECK err_t dir_remove(const char *path);
/* All of it, through EINTR and short counts. E_UNAVAILABLE where the other end closed before len bytes came. */
MUST_CHECK err_t fd_write_all(int fd, const void *data, size_t len);
MUST_CHECK err_t fd_read_all(int fd, void *data, size_t len);

void fd_close(int *fd); /* closes and sets -1; -1 is fine; for the cleanup attribute */
#define AUTO_FD __attribute__((cleanup(fd_close))) int
void heap_free(void *pointer_to_pointer);
#define AUTO_FREE __attribute__((cleanup(heap_free)))

#endif
