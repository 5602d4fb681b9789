/* SPDX-License-Identifier: Apache-2.0
 * file.c - whole files and whole folders
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"

#define MAX_DEPTH 200 /* of folders that dir_remove() goes down; each holds a descriptor */

void fd_close(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void heap_free(void *pointer_to_pointer)
{
	void **pointer = pointer_to_pointer;
	free(*pointer);
	*pointer = NULL;
}

static err_t last_error(void)
{
	return err_from_errno(errno);
}

err_t file_read(const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		return last_error();
	/* The size is a hint only: files of /proc say 0, and a file may grow. */
	size_t cap = st.st_size > 0 && (size_t)st.st_size <= max ? (size_t)st.st_size + 1 : 4096, len = 0;
	AUTO_FREE char *data = malloc(cap + 1);
	while (data) {
		ssize_t got = read(fd, data + len, cap - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return last_error();
		len += (size_t)got;
		if (len > max)
			return E_LIMIT;
		if (got == 0) {
			data[len] = '\0';
			*ret_data = data;
			*ret_len = len;
			data = NULL;
			return OK;
		}
		if (len < cap)
			continue;
		char *more = realloc(data, cap * 2 + 1);
		if (!more)
			return E_NOMEM;
		data = more;
		cap *= 2;
	}
	return E_NOMEM;
}

/* The folder that path stands in, on the heap; NULL without memory. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static err_t write_and_rename(const char *temporary, int fd, const char *path, const void *data, size_t len, mode_t mode,
			      bool sync)
{
	if (fchmod(fd, mode))
		return last_error();
	TRY(fd_write_all(fd, data, len));
	if ((sync && fsync(fd)) || rename(temporary, path))
		return last_error();
	return OK;
}

static err_t replace(const char *path, const void *data, size_t len, mode_t mode, bool sync)
{
	AUTO_FREE char *temporary = NULL;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return E_NOMEM;
	}
	AUTO_FD fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return last_error();
	err_t e = write_and_rename(temporary, fd, path, data, len, mode, sync);
	if (e) {
		int saved = errno;
		unlink(temporary);
		errno = saved;
	}
	return e;
}

err_t file_write_now(const char *path, const void *data, size_t len, mode_t mode)
{
	return replace(path, data, len, mode, false);
}

err_t file_write(const char *path, const void *data, size_t len, mode_t mode)
{
	AUTO_FREE char *folder = folder_of(path);
	if (!folder)
		return E_NOMEM;
	TRY(replace(path, data, len, mode, true));
	AUTO_FD folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || fsync(folder_fd))
		return last_error();
	return OK;
}

static err_t make_one(const char *path, mode_t mode)
{
	struct stat st;
	/* chmod() because the umask cuts what mkdir() is told. */
	if (!mkdir(path, mode))
		return chmod(path, mode) ? last_error() : OK;
	if (errno != EEXIST)
		return last_error();
	if (stat(path, &st))
		return last_error();
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return E_IO;
	}
	return OK;
}

err_t dir_make(const char *path, mode_t mode)
{
	if (!*path)
		return E_INVALID;
	AUTO_FREE char *part = strdup(path);
	if (!part)
		return E_NOMEM;
	for (char *at = part; (at = strchr(at + 1, '/'));) {
		*at = '\0';
		TRY(make_one(part, mode));
		*at = '/';
		if (!at[strspn(at, "/")])
			return OK; /* slashes at the end */
	}
	return make_one(part, mode);
}

static err_t remove_entry(int folder, const char *name, int depth);

/* Empties the folder behind fd, which closedir() then closes. */
static err_t remove_entries(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		err_t e = last_error();
		fd_close(&fd);
		return e;
	}
	err_t e = OK;
	struct dirent *entry;
	while (!e && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			e = remove_entry(dirfd(dir), entry->d_name, depth);
	if (!e)
		e = last_error();
	int saved = errno;
	closedir(dir);
	errno = saved;
	return e;
}

/* Something may be mounted in the tree (an image, /proc of a jail): that is not ours to empty. */
static bool is_mount(int fd)
{
	struct statx stx;
	return !statx(fd, "", AT_EMPTY_PATH, 0, &stx) && stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static err_t remove_entry(int folder, const char *name, int depth)
{
	if (!unlinkat(folder, name, 0) || errno == ENOENT)
		return OK;
	/* Linux answers EISDIR, POSIX has EPERM. */
	if (errno != EISDIR && errno != EPERM)
		return last_error();
	if (depth == MAX_DEPTH)
		return E_LIMIT;
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? OK : last_error();
	if (depth > 0 && is_mount(fd)) {
		fd_close(&fd);
		errno = EBUSY;
		return E_IO;
	}
	TRY(remove_entries(fd, depth + 1));
	if (unlinkat(folder, name, AT_REMOVEDIR) && errno != ENOENT)
		return last_error();
	return OK;
}

err_t dir_remove(const char *path)
{
	return remove_entry(AT_FDCWD, path, 0);
}

err_t fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	while (len) {
		ssize_t put = write(fd, at, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno == EPIPE || errno == ECONNRESET ? E_UNAVAILABLE : last_error();
		at += put;
		len -= (size_t)put;
	}
	return OK;
}

err_t fd_read_all(int fd, void *data, size_t len)
{
	char *at = data;
	while (len) {
		ssize_t got = read(fd, at, len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == ECONNRESET ? E_UNAVAILABLE : last_error();
		if (got == 0)
			return E_UNAVAILABLE;
		at += got;
		len -= (size_t)got;
	}
	return OK;
}
