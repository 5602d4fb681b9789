/* SPDX-License-Identifier: Apache-2.0
 * cache.c - buyers' images on the seller's disk
 */
#include "cache.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "log.h"

static pthread_mutex_t one_fetch = PTHREAD_MUTEX_INITIALIZER;

struct fetch {
	const struct settings *settings;
	struct client *client;
	struct image_pieces list;
	char id_text[SHA256_TEXT_SIZE];
	atomic_int *progress;
	const atomic_bool *cancel;
	char *detail;
};

static bool whole_image(const char *name)
{
	size_t len = strlen(name);
	return len == 64 + 4 && !strcmp(name + 64, ".iso");
}

/* Removes the least recently used images until `need` more bytes fit. */
static err_t cache_make_room(const struct settings *s, int64_t need)
{
	char folder[PATH_SIZE], path[PATH_SIZE + 300];
	if (need > s->cache_bytes)
		return E_LIMIT;
	TRY(settings_path(s, "images", folder));
	for (;;) {
		DIR *dir = opendir(folder);
		if (!dir)
			return err_from_errno(errno);
		int64_t total = 0, oldest_ns = INT64_MAX;
		char oldest[300] = "";
		for (struct dirent *e; (e = readdir(dir));) {
			struct stat st;
			if (fstatat(dirfd(dir), e->d_name, &st, 0) || !S_ISREG(st.st_mode) || !whole_image(e->d_name))
				continue;
			total += st.st_size;
			int64_t used_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
			if (used_ns < oldest_ns) {
				oldest_ns = used_ns;
				snprintf(oldest, sizeof oldest, "%s", e->d_name);
			}
		}
		closedir(dir);
		if (total + need <= s->cache_bytes || !*oldest)
			return OK;
		snprintf(path, sizeof path, "%s/%s", folder, oldest);
		log_info("image dropped from the cache", "image=%.12s", oldest);
		if (unlink(path))
			return err_from_errno(errno);
	}
}

/* Is piece i of the half-fetched file what the list says? */
static bool piece_is_there(const struct fetch *f, int fd, size_t i, uint8_t *buffer)
{
	size_t len = image_piece_len(f->list.size_bytes, i);
	ssize_t n = pread(fd, buffer, len, (off_t)i * PIECE_BYTES);
	return n == (ssize_t)len && sha256_equal(sha256_of(buffer, len), f->list.pieces[i]);
}

static err_t fetch_piece(const struct fetch *f, int fd, size_t i, uint8_t *buffer)
{
	char path[160];
	size_t len = image_piece_len(f->list.size_bytes, i), got = 0;
	struct problem problem = { .status = 0 };
	snprintf(path, sizeof path, "/v1/images/%s/pieces/%zu", f->id_text, i);
	err_t e = client_get_bytes(f->client, path, buffer, PIECE_BYTES, &got, &problem);
	if (e) {
		snprintf(f->detail, DETAIL_SIZE, "piece %zu: %s", i, problem.title);
		return e;
	}
	if (got != len || !sha256_equal(sha256_of(buffer, len), f->list.pieces[i])) {
		snprintf(f->detail, DETAIL_SIZE, "piece %zu does not hash to what the image's list says", i);
		return E_CORRUPT;
	}
	if (pwrite(fd, buffer, len, (off_t)i * PIECE_BYTES) != (ssize_t)len) {
		snprintf(f->detail, DETAIL_SIZE, "the seller's disk: %s", strerror(errno));
		return err_from_errno(errno);
	}
	return OK;
}

/* Fetches what is missing of the .part file, and makes it the whole one. */
static err_t fetch_pieces(struct fetch *f, const char *part, const char *whole)
{
	AUTO_FREE uint8_t *buffer = malloc(PIECE_BYTES);
	AUTO_FD fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (!buffer)
		return E_NOMEM;
	if (fd < 0 || ftruncate(fd, f->list.size_bytes)) {
		snprintf(f->detail, DETAIL_SIZE, "the seller's disk: %s", strerror(errno));
		return err_from_errno(errno);
	}
	for (size_t i = 0; i < f->list.piece_count; i++) {
		if (atomic_load(f->cancel))
			return E_AGAIN;
		if (!piece_is_there(f, fd, i, buffer))
			TRY(fetch_piece(f, fd, i, buffer));
		atomic_store(f->progress, (int)((i + 1) * 1000 / f->list.piece_count));
	}
	if (fsync(fd) || rename(part, whole))
		return err_from_errno(errno);
	return OK;
}

static err_t fetch_image(struct fetch *f, sha256 id, int64_t size_bytes, const char *part, const char *whole)
{
	char path[160];
	AUTO_JSON json = NULL;
	struct problem problem = { .status = 0 };
	struct json_error error = { .what = "" };
	snprintf(path, sizeof path, "/v1/images/%s/pieces", f->id_text);
	err_t e = client_call(f->client, "GET", path, NULL, NULL, &json, &problem);
	if (e) {
		snprintf(f->detail, DETAIL_SIZE, "the list of pieces: %s", problem.title);
		return e;
	}
	e = image_pieces_from_json(json, &f->list, &error);
	if (!e && (!sha256_equal(f->list.id, id) || f->list.size_bytes != size_bytes))
		e = E_CORRUPT;
	if (e) {
		snprintf(f->detail, DETAIL_SIZE, "the list of pieces does not hash to the image's id");
		return e;
	}
	return fetch_pieces(f, part, whole);
}

static err_t cache_fetch_locked(struct fetch *f, sha256 id, int64_t size_bytes, const char *link_path)
{
	char folder[PATH_SIZE], part[PATH_SIZE + 80], whole[PATH_SIZE + 80];
	struct stat st;
	TRY(settings_path(f->settings, "images", folder));
	TRY(dir_make(folder, 0711));
	snprintf(part, sizeof part, "%s/%s.part", folder, f->id_text);
	snprintf(whole, sizeof whole, "%s/%s.iso", folder, f->id_text);
	if (stat(whole, &st) || st.st_size != size_bytes) {
		err_t e = cache_make_room(f->settings, size_bytes);
		if (e == E_LIMIT)
			snprintf(f->detail, DETAIL_SIZE, "the image is larger than the seller's image cache");
		TRY(e);
		e = fetch_image(f, id, size_bytes, part, whole);
		image_pieces_clear(&f->list);
		TRY(e);
	}
	(void)utimensat(AT_FDCWD, whole, NULL, 0); /* its time is when it was last used */
	if (unlink(link_path) && errno != ENOENT)
		return err_from_errno(errno);
	return link(whole, link_path) ? err_from_errno(errno) : OK;
}

err_t cache_fetch(const struct settings *s, struct client *client, sha256 id, int64_t size_bytes, const char *link_path,
		  atomic_int *progress_permille, const atomic_bool *cancel, char *detail)
{
	struct fetch f = { .settings = s, .client = client, .progress = progress_permille, .cancel = cancel, .detail = detail };
	sha256_format(id, f.id_text);
	*detail = 0;
	pthread_mutex_lock(&one_fetch);
	err_t e = cache_fetch_locked(&f, id, size_bytes, link_path);
	pthread_mutex_unlock(&one_fetch);
	if (e && !*detail)
		snprintf(detail, DETAIL_SIZE, "the image: %s", err_name(e));
	return e;
}
