/* SPDX-License-Identifier: Apache-2.0
 * pieces.c - the bytes of images: one file a piece, named by its SHA-256
 *
 * How it works: a file is written before the database knows that somebody has the piece, and deleted after nobody has it any more. The
 * time between the two is the file's age: keeping a piece makes its file young again, and only old ones are deleted. One lock
 * stands between the look at the age and what follows from it.
 */
#include "pieces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define SWEEP_MAX 1024 /* files of one folder at one time */

static pthread_mutex_t age_lock = PTHREAD_MUTEX_INITIALIZER;

err_t piece_path(const char *data_dir, sha256 hash, char *ret_path)
{
	char text[SHA256_TEXT_SIZE];
	sha256_format(hash, text);
	int len = snprintf(ret_path, PIECE_PATH_SIZE, "%s/pieces/%.2s/%s", data_dir, text, text);
	return len < 0 || len >= PIECE_PATH_SIZE ? E_LIMIT : OK;
}

/* Is the file there, whole? Then it is young again. */
static bool made_young(const char *path, size_t len)
{
	struct stat st;
	pthread_mutex_lock(&age_lock);
	bool there = !stat(path, &st) && (size_t)st.st_size == len && !utimensat(AT_FDCWD, path, NULL, 0);
	pthread_mutex_unlock(&age_lock);
	return there;
}

err_t piece_keep(const char *data_dir, sha256 hash, const void *data, size_t len)
{
	char path[PIECE_PATH_SIZE], folder[PIECE_PATH_SIZE];
	if (!sha256_equal(sha256_of(data, len), hash))
		return E_CORRUPT;
	TRY(piece_path(data_dir, hash, path));
	if (made_young(path, len))
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

/* ---- what nobody has ---- */

static bool is_old(const struct stat *st, wall_time now, int64_t older_us)
{
	return now.us - ((int64_t)st->st_mtim.tv_sec * SECOND_US + st->st_mtim.tv_nsec / 1000) > older_us;
}

static bool delete_old(int dir, const char *name, wall_time now, int64_t older_us)
{
	struct stat st;
	pthread_mutex_lock(&age_lock);
	bool deleted = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) && is_old(&st, now, older_us) &&
		       !unlinkat(dir, name, 0);
	pthread_mutex_unlock(&age_lock);
	return deleted;
}

/* The hashes of old files; what is named otherwise was being written when the market was killed, and goes. */
static size_t list_old(DIR *dir, wall_time now, int64_t older_us, sha256 *ret_hashes)
{
	size_t count = 0;
	for (struct dirent *entry; count < SWEEP_MAX && (entry = readdir(dir));) {
		struct stat st;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
		    !is_old(&st, now, older_us))
			continue;
		if (sha256_parse(entry->d_name, &ret_hashes[count]) == OK)
			count++;
		else
			delete_old(dirfd(dir), entry->d_name, now, older_us);
	}
	return count;
}

err_t pieces_sweep(const char *data_dir, unsigned folder, wall_time now, int64_t older_us, pieces_unused_fn *is_unused,
		   void *context, size_t *ret_deleted)
{
	char path[PIECE_PATH_SIZE], text[SHA256_TEXT_SIZE];
	AUTO_FREE sha256 *old = malloc(SWEEP_MAX * sizeof *old);
	AUTO_FREE sha256 *unused = NULL;
	size_t count = 0, deleted = 0;
	*ret_deleted = 0;
	if (!old || (size_t)snprintf(path, sizeof path, "%s/pieces/%02x", data_dir, folder % PIECE_FOLDERS) >= sizeof path)
		return E_NOMEM;
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? OK : err_from_errno(errno);
	size_t old_count = list_old(dir, now, older_us, old);
	err_t e = old_count ? is_unused(context, old, old_count, &unused, &count) : OK;
	for (size_t i = 0; i < count && !e; i++)
		deleted += delete_old(dirfd(dir), sha256_format(unused[i], text), now, older_us);
	closedir(dir);
	*ret_deleted = deleted;
	return e;
}
