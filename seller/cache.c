/* SPDX-License-Identifier: Apache-2.0
 * cache.c - buyers' images on the seller's disk
 *
 * How it works: a fetch's thread waits for its turn, and where the image is not there it gets the list of pieces, which hashes to the image's
 * id. Pieces that a fetch before it left in ID.part are verified again. Then one piece after the other: first what a guest waits for, then
 * what a boot of this image read last time in that order, here or, as the market tells, elsewhere, then what lies behind the guest's last
 * read. ID.part becomes ID.iso by a rename, so that a lease that links it has the whole image without another step.
 */
#include "cache.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "bytes.h"
#include "client.h"
#include "clock.h"
#include "file.h"
#include "log.h"

/* A guest that reads what is not there yet waits; so long may the market be away meanwhile. */
#define PATIENCE_US (2 * MINUTE_US)
#define OFFERED_STEPS 32
#define ORDER_KEPT_S (30 * 24 * 3600)
enum { TURN_MS = 20, AGAIN_MS = 1000, TELL_MS = 3000 };

static pthread_mutex_t one_fetch = PTHREAD_MUTEX_INITIALIZER;

struct image_fetch {
	const struct settings *settings;
	const struct identity *identity;
	struct client *client;
	sha256 id;
	int64_t size_bytes;
	bool resume;
	char lease_dir[PATH_SIZE], id_text[SHA256_TEXT_SIZE];
	struct image_pieces list;
	bool *there;	 /* by piece */
	uint32_t *order; /* of a boot before this one */
	size_t order_count, order_next;
	size_t next; /* piece: behind the last that was read */
	off_t heard; /* bytes of image.reads that were taken */
	int part_fd, map_fd, reads_fd, wake_fd;

	pthread_t thread;
	bool runs;
	atomic_bool cancel;
	atomic_int state, permille; /* enum fetch_state */
	err_t error;
	char detail[DETAIL_SIZE];
};

/* ---- files ---- */

static err_t image_file(const struct image_fetch *f, const char *ending, char *ret_path)
{
	char part[SHA256_TEXT_SIZE + 32];
	(void)snprintf(part, sizeof part, "images/%s.%s", f->id_text, ending);
	return settings_path(f->settings, part, ret_path);
}

static err_t lease_file(const struct image_fetch *f, const char *name, char *ret_path)
{
	int n = snprintf(ret_path, PATH_SIZE, "%s/%s", f->lease_dir, name);
	return n < 0 || n >= PATH_SIZE ? E_LIMIT : OK;
}

static bool same_file(const char *a, const char *b)
{
	struct stat first, second;
	return !stat(a, &first) && !stat(b, &second) && first.st_ino == second.st_ino && first.st_dev == second.st_dev;
}

static bool named(const char *name, const char *ending)
{
	size_t len = strlen(name);
	return len == 64 + strlen(ending) && !strcmp(name + 64, ending);
}

/* The orders of images that nobody has booted for long are forgotten. */
static void forget_order(int folder_fd, const char *name, const struct stat *st)
{
	if (named(name, ".order") && clock_wall().us / SECOND_US - st->st_mtim.tv_sec > ORDER_KEPT_S &&
	    unlinkat(folder_fd, name, 0))
		log_warn("an old file stays", "name=%s", name);
}

/* What of the folder could be dropped, least recently used first; the one that is fetched is not among it. */
struct cache_sum {
	int64_t total_bytes;   /* of all images, and of what is there of half ones */
	int64_t gain_bytes;    /* on the disk, with all of them dropped: what no lease has a link to */
	int64_t largest_bytes; /* of one, when it is whole */
	char oldest[300];
};

/* id_text: of the image that is fetched; "": none is. */
static err_t cache_sum(const char *folder, const char *id_text, struct cache_sum *ret)
{
	int64_t oldest_ns = INT64_MAX;
	DIR *dir = opendir(folder);
	if (!dir)
		return err_from_errno(errno);
	*ret = (struct cache_sum){ 0 };
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;
		if (fstatat(dirfd(dir), e->d_name, &st, 0) || !S_ISREG(st.st_mode))
			continue;
		forget_order(dirfd(dir), e->d_name, &st);
		if ((!named(e->d_name, ".iso") && !named(e->d_name, ".part")) ||
		    (*id_text && !strncmp(e->d_name, id_text, strlen(id_text))))
			continue;
		int64_t here_bytes = st.st_blocks * 512, used_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
		ret->total_bytes += here_bytes;
		ret->largest_bytes = st.st_size > ret->largest_bytes ? st.st_size : ret->largest_bytes;
		ret->gain_bytes += st.st_nlink == 1 ? here_bytes : 0;
		if (used_ns < oldest_ns) {
			oldest_ns = used_ns;
			snprintf(ret->oldest, sizeof ret->oldest, "%s", e->d_name);
		}
	}
	closedir(dir);
	return OK;
}

/* Beside what the owner keeps free; below 0 where that is gone. */
static err_t disk_room(const struct settings *s, const char *folder, int64_t *ret_bytes)
{
	struct statvfs disk;
	if (statvfs(folder, &disk))
		return err_from_errno(errno);
	*ret_bytes = (int64_t)(disk.f_bavail * disk.f_frsize) - s->limits.disk_free_bytes;
	return OK;
}

uint32_t cache_offered_mib(const struct settings *s)
{
	char folder[PATH_SIZE];
	struct cache_sum sum = { 0 };
	int64_t room_bytes = 0, unit = 1;
	if (settings_path(s, "images", folder) || disk_room(s, s->state, &room_bytes))
		return 0;
	(void)!cache_sum(folder, "", &sum); /* before the first image there is no folder */
	room_bytes += sum.gain_bytes;
	int64_t mib = (room_bytes < s->cache_bytes ? room_bytes : s->cache_bytes) >> 20;
	while (mib >= OFFERED_STEPS * unit)
		unit *= 2;
	int64_t there_mib = (sum.largest_bytes + (1 << 20) - 1) >> 20;
	mib = mib > 0 ? mib / unit * unit : 0;
	mib = there_mib > mib ? there_mib : mib;
	return mib < UINT32_MAX ? (uint32_t)mib : UINT32_MAX;
}

/* Drops the least recently used images until this one fits into the cache, and onto the disk beside what the owner keeps free there.
 * Where it never would, nothing is dropped. */
static err_t cache_make_room(struct image_fetch *f, const char *part)
{
	const struct settings *s = f->settings;
	char folder[PATH_SIZE], path[PATH_SIZE + 300];
	struct cache_sum sum;
	int64_t room_bytes = 0;
	struct stat st;
	TRY(settings_path(s, "images", folder));
	int64_t here_bytes = stat(part, &st) ? 0 : st.st_blocks * 512;
	int64_t missing_bytes = here_bytes < f->size_bytes ? f->size_bytes - here_bytes : 0;
	if (f->size_bytes > s->cache_bytes) {
		snprintf(f->detail, sizeof f->detail, "the image is larger than the seller's image cache");
		return E_LIMIT;
	}
	for (;;) {
		TRY(cache_sum(folder, f->id_text, &sum));
		TRY(disk_room(s, folder, &room_bytes));
		if (room_bytes + sum.gain_bytes < missing_bytes) {
			snprintf(f->detail, sizeof f->detail, "the seller's disk has no room for the image: %lld of %lld MiB",
				 (long long)(room_bytes > 0 ? room_bytes >> 20 : 0), (long long)(missing_bytes >> 20));
			return E_LIMIT;
		}
		if ((room_bytes >= missing_bytes && sum.total_bytes + f->size_bytes <= s->cache_bytes) || !*sum.oldest)
			return OK;
		snprintf(path, sizeof path, "%s/%s", folder, sum.oldest);
		log_info("image dropped from the cache", "image=%.12s", sum.oldest);
		if (unlink(path))
			return err_from_errno(errno);
	}
}

static err_t link_for_lease(const struct image_fetch *f, const char *image)
{
	char path[PATH_SIZE];
	TRY(lease_file(f, "image.iso", path));
	if (same_file(image, path))
		return OK;
	if (f->resume)
		return E_CORRUPT; /* a guest has another file open */
	if (unlink(path) && errno != ENOENT)
		return err_from_errno(errno);
	return link(image, path) ? err_from_errno(errno) : OK;
}

/* ---- which piece is next ---- */

static bool missing(const struct image_fetch *f, size_t i)
{
	return i < f->list.piece_count && !f->there[i];
}

/* Of what was read, the first that is not there. What is written there is a captured process's word: numbers, no more of them than pieces. */
static bool next_wanted(struct image_fetch *f, size_t *ret_piece)
{
	uint32_t index;
	while (f->reads_fd >= 0 && f->heard < (off_t)(f->list.piece_count * sizeof index) &&
	       pread(f->reads_fd, &index, sizeof index, f->heard) == sizeof index) {
		if (missing(f, be32toh(index))) {
			*ret_piece = be32toh(index);
			return true;
		}
		f->next = be32toh(index) + 1;
		f->heard += sizeof index;
	}
	return false;
}

/* E_NOT_FOUND: all are there. */
static err_t next_piece(struct image_fetch *f, size_t *ret_piece)
{
	if (next_wanted(f, ret_piece))
		return OK;
	for (; f->order_next < f->order_count; f->order_next++)
		if (missing(f, f->order[f->order_next])) {
			*ret_piece = f->order[f->order_next];
			return OK;
		}
	for (size_t n = 0; n < f->list.piece_count; n++) {
		size_t i = (f->next + n) % f->list.piece_count;
		if (!f->there[i]) {
			*ret_piece = i;
			return OK;
		}
	}
	return E_NOT_FOUND;
}

static void order_load(struct image_fetch *f)
{
	char path[PATH_SIZE], *data = NULL;
	size_t len;
	if (image_file(f, "order", path) || file_read(path, f->list.piece_count * sizeof *f->order, &data, &len)) {
		f->order = f->list.order; /* of somebody else's boot */
		f->order_count = f->list.order_count;
		f->list.order = NULL;
		return;
	}
	f->order = (uint32_t *)(void *)data;
	f->order_count = len / sizeof *f->order;
	for (size_t i = 0; i < f->order_count; i++)
		f->order[i] = be32toh(f->order[i]);
}

/* To the market, for others' boots. What a captured process wrote is no reason to be refused: numbers that are none, or are there twice,
 * are left out. The lease's end waits for this call, so it may not take long. */
static void order_tell(const struct image_fetch *f, const char *data, size_t len)
{
	uint32_t pieces[IMAGE_ORDER_MAX];
	struct image_order order = { .pieces = pieces };
	struct client *client = NULL;
	struct problem problem = { .status = 0 };
	char path[160];
	struct reader r = reader_of(data, len);
	AUTO_FREE bool *seen = calloc(f->list.piece_count, sizeof *seen);
	for (size_t n = len / 4; seen && n && order.count < IMAGE_ORDER_MAX; n--) {
		uint32_t index = read_u32(&r);
		if (index >= f->list.piece_count || seen[index])
			continue;
		seen[index] = true;
		pieces[order.count++] = index;
	}
	struct client_config config = { .url = f->settings->market_url,
					.pin = f->settings->market_pin,
					.token = f->identity->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.timeout_ms = TELL_MS };
	if (!order.count || client_new(&config, &client))
		return;
	AUTO_JSON body = image_order_to_json(&order);
	snprintf(path, sizeof path, "/v1/images/%s/order", f->id_text);
	if (client_call(client, "PUT", path, body, NULL, NULL, &problem))
		log_debug("the order of reads is not told", "image=%.12s status=%d", f->id_text, problem.status);
	client_free(client);
}

/* What this boot read becomes what the next one is prepared for. */
static void order_save(const struct image_fetch *f)
{
	char path[PATH_SIZE], kept[PATH_SIZE];
	AUTO_FREE char *data = NULL;
	size_t len;
	if (f->map_fd < 0 || lease_file(f, "image.reads", path) ||
	    file_read(path, f->list.piece_count * sizeof(uint32_t), &data, &len) || !len || image_file(f, "order", kept))
		return;
	if (file_write(kept, data, len, 0600))
		log_warn("the order of reads is not kept", "image=%.12s", f->id_text);
	order_tell(f, data, len);
}

/* ---- pieces ---- */

/* On a disk that is full what is there of the image is dropped: the owner has more use for the room. */
static err_t disk_failed(struct image_fetch *f)
{
	char part[PATH_SIZE];
	int failed = errno;
	if (failed == ENOSPC && !image_file(f, "part", part))
		unlink(part);
	errno = failed;
	snprintf(f->detail, sizeof f->detail, "the seller's disk: %s", strerror(errno));
	return err_from_errno(errno);
}

static void mark_piece(struct image_fetch *f, size_t i, size_t *have)
{
	const uint8_t mark = 1;
	f->there[i] = true;
	++*have;
	atomic_store(&f->permille, (int)(*have * 1000 / f->list.piece_count));
	if (f->map_fd >= 0 && pwrite(f->map_fd, &mark, 1, (off_t)i) != 1)
		log_warn("a piece is not marked", "image=%.12s piece=%zu", f->id_text, i);
}

/* Is piece i of the half-fetched file what the list says? Holes are not read. */
static bool piece_is_there(const struct image_fetch *f, size_t i, uint8_t *buffer)
{
	size_t len = image_piece_len(f->list.size_bytes, i);
	off_t at = (off_t)i * PIECE_BYTES, data = lseek(f->part_fd, at, SEEK_DATA);
	return data >= 0 && data < at + (off_t)len && pread(f->part_fd, buffer, len, at) == (ssize_t)len &&
	       sha256_equal(sha256_of(buffer, len), f->list.pieces[i]);
}

static err_t fetch_piece(struct image_fetch *f, size_t i, uint8_t *buffer)
{
	char path[160];
	size_t len = image_piece_len(f->list.size_bytes, i), got = 0;
	struct problem problem = { .status = 0 };
	snprintf(path, sizeof path, "/v1/images/%s/pieces/%zu", f->id_text, i);
	err_t e = client_get_bytes(f->client, path, buffer, PIECE_BYTES, &got, &problem);
	if (e) {
		snprintf(f->detail, sizeof f->detail, "piece %zu: %s", i, problem.title);
		return e;
	}
	if (got != len || !sha256_equal(sha256_of(buffer, len), f->list.pieces[i])) {
		snprintf(f->detail, sizeof f->detail, "piece %zu does not hash to what the image's list says", i);
		return E_CORRUPT;
	}
	errno = ENOSPC; /* what a write that falls short means */
	return pwrite(f->part_fd, buffer, len, (off_t)i * PIECE_BYTES) == (ssize_t)len ? OK : disk_failed(f);
}

static err_t fetch_missing(struct image_fetch *f, uint8_t *buffer, size_t have)
{
	mono_time last = clock_mono();
	size_t i;
	while (next_piece(f, &i) == OK) {
		if (atomic_load(&f->cancel))
			return E_AGAIN;
		err_t e = fetch_piece(f, i, buffer);
		if (!e) {
			mark_piece(f, i, &have);
			last = clock_mono();
			continue;
		}
		bool waits = atomic_load(&f->state) == FETCH_READABLE && (e == E_UNAVAILABLE || e == E_LIMIT);
		if (!waits || clock_mono().us - last.us > PATIENCE_US)
			return e;
		usleep(AGAIN_MS * 1000);
	}
	return OK;
}

/* ---- an image ---- */

static err_t get_list(struct image_fetch *f)
{
	char path[160];
	AUTO_JSON json = NULL;
	struct problem problem = { .status = 0 };
	struct json_error error = { .what = "" };
	snprintf(path, sizeof path, "/v1/images/%s/pieces", f->id_text);
	err_t e = client_call(f->client, "GET", path, NULL, NULL, &json, &problem);
	if (e) {
		snprintf(f->detail, sizeof f->detail, "the list of pieces: %s", problem.title);
		return e;
	}
	e = image_pieces_from_json(json, &f->list, &error);
	if (!e && (!sha256_equal(f->list.id, f->id) || f->list.size_bytes != f->size_bytes))
		e = E_CORRUPT;
	if (e)
		snprintf(f->detail, sizeof f->detail, "the list of pieces does not hash to the image's id");
	return e;
}

/* From here on a guest may read what is there. */
static err_t make_readable(struct image_fetch *f, const char *part)
{
	char map[PATH_SIZE], reads[PATH_SIZE];
	const uint8_t mark = 1;
	TRY(lease_file(f, "image.map", map));
	TRY(lease_file(f, "image.reads", reads));
	TRY(link_for_lease(f, part));
	int fresh = f->resume ? 0 : O_TRUNC;
	f->map_fd = open(map, O_RDWR | O_CREAT | O_CLOEXEC | fresh, 0600);
	f->reads_fd = open(reads, O_RDONLY | O_CREAT | O_CLOEXEC | fresh, 0600);
	if (f->map_fd < 0 || f->reads_fd < 0 || ftruncate(f->map_fd, (off_t)f->list.piece_count))
		return disk_failed(f);
	for (size_t i = 0; i < f->list.piece_count; i++)
		if (f->there[i] && pwrite(f->map_fd, &mark, 1, (off_t)i) != 1)
			return disk_failed(f);
	atomic_store(&f->state, FETCH_READABLE);
	return OK;
}

static err_t open_part(struct image_fetch *f, const char *part)
{
	char linked[PATH_SIZE];
	TRY(lease_file(f, "image.iso", linked));
	if (f->resume && access(part, F_OK) && link(linked, part))
		return disk_failed(f);
	f->part_fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	return f->part_fd < 0 || ftruncate(f->part_fd, f->list.size_bytes) ? disk_failed(f) : OK;
}

static err_t fetch_image(struct image_fetch *f, const char *whole)
{
	char part[PATH_SIZE];
	AUTO_FREE uint8_t *buffer = malloc(PIECE_BYTES);
	size_t have = 0;
	int64_t missing_bytes = 0;
	TRY(image_file(f, "part", part));
	if (!f->resume)
		TRY(cache_make_room(f, part));
	TRY(get_list(f));
	f->there = calloc(f->list.piece_count, sizeof *f->there);
	if (!buffer || !f->there)
		return E_NOMEM;
	TRY(open_part(f, part));
	for (size_t i = 0; i < f->list.piece_count && !atomic_load(&f->cancel); i++) {
		if (piece_is_there(f, i, buffer))
			mark_piece(f, i, &have);
		else
			missing_bytes += (int64_t)image_piece_len(f->list.size_bytes, i);
	}
	order_load(f);
	/* Less than that is fetched before the guest starts: it would have its disc by a socket for all of the lease. */
	int64_t early_bytes = f->settings->boot_early_bytes;
	if (f->resume || (early_bytes && missing_bytes >= early_bytes))
		TRY(make_readable(f, part));
	TRY(fetch_missing(f, buffer, have));
	return fsync(f->part_fd) || rename(part, whole) ? disk_failed(f) : OK;
}

/* All marks, for a guest that began to read when they were not there. */
static err_t mark_all(struct image_fetch *f)
{
	char map[PATH_SIZE];
	const uint8_t mark = 1;
	TRY(lease_file(f, "image.map", map));
	AUTO_FD fd = open(map, O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < image_piece_count(f->size_bytes); i++)
		if (pwrite(fd, &mark, 1, (off_t)i) != 1)
			return disk_failed(f);
	return OK;
}

static err_t fetch_locked(struct image_fetch *f)
{
	char folder[PATH_SIZE], whole[PATH_SIZE];
	struct stat st;
	TRY(settings_path(f->settings, "images", folder));
	TRY(dir_make(folder, 0711));
	TRY(image_file(f, "iso", whole));
	bool cached = !stat(whole, &st) && st.st_size == f->size_bytes;
	if (!cached)
		TRY(fetch_image(f, whole));
	(void)utimensat(AT_FDCWD, whole, NULL, 0); /* its time is when it was last used */
	TRY(link_for_lease(f, whole));
	return cached && f->resume ? mark_all(f) : OK;
}

static err_t take_turn(struct image_fetch *f)
{
	while (pthread_mutex_trylock(&one_fetch)) {
		if (atomic_load(&f->cancel))
			return E_AGAIN;
		usleep(TURN_MS * 1000);
	}
	err_t e = fetch_locked(f);
	pthread_mutex_unlock(&one_fetch);
	return e;
}

static void *fetch_thread(void *context)
{
	struct image_fetch *f = context;
	f->error = take_turn(f);
	if (f->error && !*f->detail)
		snprintf(f->detail, sizeof f->detail, "the image: %s", err_name(f->error));
	atomic_store(&f->state, f->error ? FETCH_FAILED : FETCH_WHOLE);
	if (eventfd_write(f->wake_fd, 1))
		log_debug("the agent is awake already", "%s", "");
	return NULL;
}

/* ---- from other threads ---- */

err_t image_fetch_start(const struct settings *s, const struct identity *identity, const _Atomic int64_t *bytes_s, int wake_fd,
			sha256 id, int64_t size_bytes, const char *lease_dir, bool resume, struct image_fetch **ret_fetch)
{
	struct image_fetch *f = calloc(1, sizeof *f);
	if (!f)
		return E_NOMEM;
	f->settings = s;
	f->identity = identity;
	f->wake_fd = wake_fd;
	f->id = id;
	f->size_bytes = size_bytes;
	f->resume = resume;
	f->part_fd = f->map_fd = f->reads_fd = -1;
	atomic_store(&f->permille, -1);
	sha256_format(id, f->id_text);
	struct client_config config = { .url = s->market_url,
					.pin = s->market_pin,
					.token = identity->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.most_bytes_s = bytes_s,
					.cancel = &f->cancel };
	err_t e = text_copy(f->lease_dir, sizeof f->lease_dir, lease_dir);
	if (!e)
		e = client_new(&config, &f->client);
	if (!e && pthread_create(&f->thread, NULL, fetch_thread, f))
		e = E_NOMEM;
	f->runs = !e;
	if (e) {
		image_fetch_free(f);
		return e;
	}
	*ret_fetch = f;
	return OK;
}

enum fetch_state image_fetch_state(const struct image_fetch *f)
{
	return (enum fetch_state)atomic_load(&f->state);
}

int image_fetch_permille(const struct image_fetch *f)
{
	return atomic_load(&f->permille);
}

err_t image_fetch_error(const struct image_fetch *f, const char **ret_detail)
{
	*ret_detail = f->detail;
	return f->error;
}

void image_fetch_free(struct image_fetch *f)
{
	if (!f)
		return;
	atomic_store(&f->cancel, true);
	if (f->runs)
		pthread_join(f->thread, NULL);
	order_save(f);
	client_free(f->client);
	image_pieces_clear(&f->list);
	fd_close(&f->part_fd);
	fd_close(&f->map_fd);
	fd_close(&f->reads_fd);
	free(f->there);
	free(f->order);
	free(f);
}
