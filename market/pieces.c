/* SPDX-License-Identifier: Apache-2.0
 * pieces.c - the bytes of images: one file a piece, named by its SHA-256
 */
#include "pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "file.h"

err_t piece_path(const char *data_dir, sha256 hash, char *ret_path)
{
	char text[SHA256_TEXT_SIZE];
	sha256_format(hash, text);
	int len = snprintf(ret_path, PIECE_PATH_SIZE, "%s/pieces/%.2s/%s", data_dir, text, text);
	return len < 0 || len >= PIECE_PATH_SIZE ? E_LIMIT : OK;
}

err_t piece_keep(const char *data_dir, sha256 hash, const void *data, size_t len)
{
	char path[PIECE_PATH_SIZE], folder[PIECE_PATH_SIZE];
	struct stat st;
	if (!sha256_equal(sha256_of(data, len), hash))
		return E_CORRUPT;
	TRY(piece_path(data_dir, hash, path));
	if (!stat(path, &st) && (size_t)st.st_size == len)
		return OK;
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
	TRY(dir_make(folder, 0700));
	return file_write(path, data, len, 0600);
}

err_t piece_open(const char *data_dir, sha256 hash, size_t len, int *ret_fd)
{
	char path[PIECE_PATH_SIZE];
	struct stat st;
	TRY(piece_path(data_dir, hash, path));
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	if (fstat(fd, &st) || (size_t)st.st_size != len)
		return E_CORRUPT;
	*ret_fd = fd;
	fd = -1;
	return OK;
}
