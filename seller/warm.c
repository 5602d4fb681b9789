/* SPDX-License-Identifier: Apache-2.0
 * warm.c - templates that guests start from
 */
#include "warm.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "buf.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "sparse.h"

#define TEMPLATES_MAX 64
/* All clones of a template have one kernel layout (KASLR), and whatever else the kernel drew before. */
#define TEMPLATE_MAX_US DAY_US
/* Reading one into memory again takes as long as starting QEMU. */
#define REST_MAX_US (10 * MINUTE_US)
#define REST_MAX_BYTES (256ULL << 20)
#define QEMU "/usr/bin/qemu-system-x86_64" /* as the jail has it: vm/jail.h */

const char *const warm_mode_names[] = { "none", "template", "clone" };
static_assert(sizeof warm_mode_names / sizeof *warm_mode_names == WARM_MODE_COUNT, "one name each");

struct template
{
	uuid hardware_id;
	uint8_t key[GMAC_KEY_BYTES];
	gmac_tag tag;
	mono_time made_at, used_at;
	uint64_t file_bytes, disk_bytes;
	int fd; /* in memory, sealed, where it is used now; else -1 */
};

struct warm_store {
	pthread_mutex_t lock;
	char dir[PATH_SIZE];
	uint64_t max_bytes;
	size_t count;
	struct template templates[TEMPLATES_MAX];
};

void warm_start_clear(struct warm_start *start)
{
	fd_close(&start->template_fd);
}

err_t warm_new(const struct settings *settings, struct warm_store **ret_store)
{
	struct warm_store *store = calloc(1, sizeof *store);
	if (!store)
		return E_NOMEM;
	store->max_bytes = (uint64_t)settings->warm_bytes;
	err_t e = settings_path(settings, "warm", store->dir);
	if (!e)
		e = dir_remove(store->dir); /* of another daemon */
	if (!e)
		e = dir_make(store->dir, 0700);
	if (e) {
		free(store);
		return e;
	}
	pthread_mutex_init(&store->lock, NULL);
	*ret_store = store;
	return OK;
}

static void path_of(const struct warm_store *store, uuid hardware_id, char *path, size_t size)
{
	char id[UUID_TEXT_SIZE];
	(void)snprintf(path, size, "%s/%s", store->dir, uuid_format(hardware_id, id));
}

static struct template *find(struct warm_store *store, uuid hardware_id)
{
	for (size_t i = 0; i < store->count; i++)
		if (uuid_equal(store->templates[i].hardware_id, hardware_id))
			return &store->templates[i];
	return NULL;
}

static void drop(struct warm_store *store, struct template *t)
{
	char path[PATH_SIZE + UUID_TEXT_SIZE];
	path_of(store, t->hardware_id, path, sizeof path);
	if (unlink(path) && errno != ENOENT)
		log_warn("a template stays", "path=%s", path);
	fd_close(&t->fd);
	*t = store->templates[--store->count];
}

/* All that the guest sees of its machine, and the program that the devices' state is of. */
static uuid hardware_id(const struct lease_spec *spec, enum accel accel, enum port_kind port)
{
	char hash[SHA256_TEXT_SIZE];
	AUTO_BUF text = { .data = NULL };
	struct stat st = { 0 };
	uuid id;
	if (stat(QEMU, &st))
		st.st_ino = 0;
	buf_printf(&text, "%s %u %u %s %s %s %ju %ju %jd.%09ld", sha256_format(spec->image, hash), spec->cores, spec->memory_mib,
		   accel_names[accel], cdrom_bus_names[spec->cdrom_bus], port_kind_names[port], (uintmax_t)st.st_dev,
		   (uintmax_t)st.st_ino, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	sha256 h = sha256_of(text.data ? text.data : "", text.len);
	memcpy(&id, h.bytes, sizeof id);
	return id;
}

/* What was read is what is checked, and then started from: the first time by what vmrun says that it hashes to, later by what was made
 * of it then, which is quicker. */
static err_t load(struct template *t, const char *path, const sha256 *first_hash)
{
	sha256 hash = { 0 };
	AUTO_FD file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD memory = memfd_create("template", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0 || memory < 0)
		return err_from_errno(errno);
	const struct sparse_digest digest = { first_hash ? sha256_stream_new() : NULL, gmac_new(t->key) };
	err_t e = sparse_copy(file, memory, t->file_bytes, t->file_bytes, &digest);
	gmac_tag tag = gmac_end(digest.mac);
	if (first_hash)
		hash = sha256_stream_end(digest.hash);
	TRY(e);
	if (first_hash ? !sha256_equal(hash, *first_hash) : !constant_time_equal(&tag, &t->tag, sizeof tag))
		return E_CORRUPT;
	if (fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return err_from_errno(errno);
	t->tag = tag;
	t->fd = memory;
	memory = -1;
	return OK;
}

/* A duplicate of its memory; -1 where it is none any more. */
static int take(struct warm_store *store, struct template *t)
{
	char path[PATH_SIZE + UUID_TEXT_SIZE];
	mono_time now = clock_mono();
	path_of(store, t->hardware_id, path, sizeof path);
	err_t e = now.us - t->made_at.us > TEMPLATE_MAX_US ? E_TIMEOUT : t->fd < 0 ? load(t, path, NULL) : OK;
	int fd = e ? -1 : fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
	t->used_at = now;
	if (fd >= 0)
		return fd;
	if (e != E_TIMEOUT)
		log_warn("a template is not what was made and is dropped", "dir=%s error=%s", store->dir, err_name(e));
	drop(store, t);
	return -1;
}

struct warm_start warm_choose(struct warm_store *store, const struct lease_spec *spec, enum accel accel, enum port_kind port)
{
	struct warm_start start = WARM_START_NONE;
	if (!spec->warm || *spec->user_data || spec->scratch_mib || spec->display != DISPLAY_NONE || port == PORT_VHOST_USER ||
	    !store->max_bytes)
		return start;
	start.hardware_id = hardware_id(spec, accel, port);
	start.mode = WARM_TEMPLATE;
	start.max_bytes = store->max_bytes;
	pthread_mutex_lock(&store->lock);
	struct template *t = find(store, start.hardware_id);
	if (t)
		start.template_fd = take(store, t);
	pthread_mutex_unlock(&store->lock);
	if (start.template_fd >= 0)
		start.mode = WARM_CLONE;
	return start;
}

/* The one that was not used for longest goes first. */
static void make_room(struct warm_store *store)
{
	for (;;) {
		struct template *oldest = NULL;
		uint64_t sum = 0;
		for (size_t i = 0; i < store->count; i++) {
			struct template *t = &store->templates[i];
			sum += t->disk_bytes;
			if (!oldest || t->used_at.us < oldest->used_at.us)
				oldest = t;
		}
		if (!oldest || (sum <= store->max_bytes && store->count < TEMPLATES_MAX))
			return;
		drop(store, oldest);
	}
}

static err_t keep(struct warm_store *store, struct template *t, const char *lease_dir, sha256 hash)
{
	char from[PATH_SIZE + 16], to[PATH_SIZE + UUID_TEXT_SIZE];
	struct stat st;
	int n = snprintf(from, sizeof from, "%s/template.new", lease_dir);
	if (n < 0 || (size_t)n >= sizeof from)
		return E_LIMIT;
	path_of(store, t->hardware_id, to, sizeof to);
	if (find(store, t->hardware_id))
		return E_EXISTS; /* of another lease that started at the same time */
	if (lstat(from, &st) || !S_ISREG(st.st_mode))
		return E_NOT_FOUND;
	t->file_bytes = (uint64_t)st.st_size;
	t->disk_bytes = (uint64_t)st.st_blocks * 512;
	if (t->disk_bytes > store->max_bytes)
		return E_LIMIT;
	random_fill(t->key, sizeof t->key);
	TRY(load(t, from, &hash));
	if (rename(from, to)) {
		fd_close(&t->fd);
		return E_IO;
	}
	store->templates[store->count++] = *t;
	make_room(store);
	return OK;
}

void warm_keep(struct warm_store *store, uuid id, const char *lease_dir, sha256 hash)
{
	mono_time now = clock_mono();
	struct template t = { .hardware_id = id, .made_at = now, .used_at = now, .fd = -1 };
	pthread_mutex_lock(&store->lock);
	err_t e = keep(store, &t, lease_dir, hash);
	pthread_mutex_unlock(&store->lock);
	log_info(e ? "a template is not kept" : "there is a template", "lease=%s error=%s bytes=%ju", strrchr(lease_dir, '/') + 1,
		 err_name(e), (uintmax_t)t.disk_bytes);
}

void warm_drop(struct warm_store *store, uuid id)
{
	pthread_mutex_lock(&store->lock);
	struct template *t = find(store, id);
	if (t)
		drop(store, t);
	pthread_mutex_unlock(&store->lock);
}

void warm_rest(struct warm_store *store, bool open)
{
	mono_time now = clock_mono();
	uint64_t sum = 0;
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->count; i++) {
		struct template *t = &store->templates[i];
		if (t->fd < 0)
			continue;
		if (open && now.us - t->used_at.us <= REST_MAX_US && sum + t->disk_bytes <= REST_MAX_BYTES)
			sum += t->disk_bytes;
		else
			fd_close(&t->fd);
	}
	pthread_mutex_unlock(&store->lock);
}

void warm_free(struct warm_store *store)
{
	if (!store)
		return;
	while (store->count)
		drop(store, &store->templates[0]);
	pthread_mutex_destroy(&store->lock);
	free(store);
}
