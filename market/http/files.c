/* SPDX-License-Identifier: Apache-2.0
 * files.c - the pages that the market serves, read once at start: what is not in the table is not there
 *
 * How it works: a page is put together when it is read. A line "<!-- part: NAME -->" stands for parts/NAME.html, so that what all
 * pages share is written once. A name "_" is any name: sellers/_.html answers for /sellers/1f0e…
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "bytes.h"
#include "crypto.h"
#include "file.h"

#define FILE_MAX (4 << 20)
#define FILES_MAX 1024
#define DEPTH_MAX 6
#define PATH_SIZE 256

#define CSP                                                                                                                    \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " \
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

#define PARTS "/parts"
#define PART_OPEN "<!-- part: "
#define PART_CLOSE " -->\n"
#define ANY '_'

struct page_file {
	char path[PATH_SIZE]; /* "/help.html" */
	const char *type;
	char etag[20];
	char *data, *packed; /* packed: gzip, NULL where it is not smaller */
	size_t len, packed_len;
};
struct files {
	struct page_file *list;
	size_t count;
};

static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".mjs", "text/javascript; charset=utf-8" },
		{ ".json", "application/json" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".ico", "image/x-icon" },
		{ ".woff2", "font/woff2" },
		{ ".txt", "text/plain; charset=utf-8" },
		{ ".yaml", "application/yaml" },
		{ ".webmanifest", "application/manifest+json" },
	};
	const char *end = strrchr(name, '.');
	for (size_t i = 0; end && i < sizeof types / sizeof *types; i++)
		if (!strcmp(end, types[i].end))
			return types[i].type;
	return NULL;
}

/* The page with its parts; parts have none themselves. */
static err_t put_together(const char *root, struct page_file *file)
{
	AUTO_BUF page = { .max = FILE_MAX };
	const char *at = file->data, *open;
	while ((open = strstr(at, PART_OPEN))) {
		char name[32], path[4096];
		const char *from = open + strlen(PART_OPEN), *close = strstr(from, PART_CLOSE);
		size_t len = close ? (size_t)(close - from) : 0, part_len;
		if (len == 0 || len >= sizeof name || strspn(from, "abcdefghijklmnopqrstuvwxyz") < len)
			return E_INVALID;
		memcpy(name, from, len);
		name[len] = 0;
		if ((size_t)snprintf(path, sizeof path, "%s" PARTS "/%s.html", root, name) >= sizeof path)
			return E_LIMIT;
		AUTO_FREE char *part = NULL;
		TRY(file_read(path, FILE_MAX, &part, &part_len));
		buf_append(&page, at, (size_t)(open - at));
		buf_append(&page, part, part_len);
		at = close + strlen(PART_CLOSE);
	}
	buf_puts(&page, at);
	TRY(page.error);
	free(file->data);
	file->len = page.len;
	file->data = buf_take(&page);
	return OK;
}

/* Compressed once, here: what is served is public and the same for all, so that its length tells nobody anything. */
static err_t pack(struct page_file *file)
{
	z_stream z = { .next_in = (Bytef *)file->data, .avail_in = (uInt)file->len };
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return E_NOMEM;
	char *packed = malloc(file->len + 1);
	z.next_out = (Bytef *)packed;
	z.avail_out = (uInt)file->len;
	int result = packed ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	size_t len = z.total_out;
	deflateEnd(&z);
	if (result != Z_STREAM_END) {
		free(packed);
		return packed ? OK : E_NOMEM;
	}
	file->packed = packed;
	file->packed_len = len;
	return OK;
}

static err_t add_file(struct files *f, const char *root, const char *path, const char *name, const char *type)
{
	if (f->count == FILES_MAX)
		return E_LIMIT;
	struct page_file *more = realloc(f->list, (f->count + 1) * sizeof *more);
	if (!more)
		return E_NOMEM;
	f->list = more;
	struct page_file *file = &f->list[f->count];
	*file = (struct page_file){ .type = type };
	TRY(text_copy(file->path, sizeof file->path, name));
	TRY(file_read(path, FILE_MAX, &file->data, &file->len));
	f->count++;
	if (!strncmp(type, "text/html", 9))
		TRY(put_together(root, file));
	sha256 hash = sha256_of(file->data, file->len);
	file->etag[0] = '"';
	hex_encode(hash.bytes, 8, file->etag + 1);
	file->etag[17] = '"';
	return pack(file);
}

static err_t load_folder(struct files *f, const char *root, const char *below, int depth)
{
	char folder[4096];
	if (depth > DEPTH_MAX || (size_t)snprintf(folder, sizeof folder, "%s%s", root, below) >= sizeof folder)
		return E_LIMIT;
	DIR *dir = opendir(folder);
	if (!dir)
		return depth == 0 && errno == ENOENT ? OK : err_from_errno(errno);
	err_t e = OK;
	for (struct dirent *entry; !e && (entry = readdir(dir));) {
		char name[PATH_SIZE], path[4096 + PATH_SIZE];
		struct stat st;
		if (entry->d_name[0] == '.' || (size_t)snprintf(name, sizeof name, "%s/%s", below, entry->d_name) >= sizeof name)
			continue;
		snprintf(path, sizeof path, "%s%s", root, name);
		const char *type = type_of(entry->d_name);
		if (lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode) && strcmp(name, PARTS))
			e = load_folder(f, root, name, depth + 1);
		else if (S_ISREG(st.st_mode) && type)
			e = add_file(f, root, path, name, type);
	}
	closedir(dir);
	return e;
}

err_t files_load(const char *dir, struct files **ret_files)
{
	struct files *f = calloc(1, sizeof *f);
	if (!f)
		return E_NOMEM;
	err_t e = load_folder(f, dir, "", 0);
	if (e) {
		files_free(f);
		return e;
	}
	*ret_files = f;
	return OK;
}

void files_free(struct files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].data);
		free(f->list[i].packed);
	}
	free(f->list);
	free(f);
}

/* Where a file's name has "_" between slashes, the path may have any word. */
static bool path_fits(const char *file, const char *path)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	while (*file && *path) {
		size_t len = strspn(path, word);
		if (file[0] == ANY && file[-1] == '/' && (file[1] == '/' || file[1] == '.') && len) {
			file++;
			path += len;
		} else if (*file++ != *path++) {
			return false;
		}
	}
	return !*file && !*path;
}

static const struct page_file *find(const struct files *f, const char *path)
{
	static const char *const ends[] = { "", "index.html", "/index.html", ".html" };
	char name[PATH_SIZE] = "";
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		if ((size_t)snprintf(name, sizeof name, "%s%s", path, ends[i]) >= sizeof name)
			return NULL;
		for (size_t k = 0; k < f->count; k++)
			if (!strcmp(f->list[k].path, name))
				return &f->list[k];
	}
	for (size_t k = 0; k < f->count; k++)
		if (path_fits(f->list[k].path, name))
			return &f->list[k];
	return NULL;
}

bool files_has(const struct files *f, const char *path)
{
	return find(f, path) != NULL;
}

err_t files_answer(const struct files *f, struct request *r, const char *path)
{
	const struct page_file *file = find(f, path);
	int status = 200;
	const char *wants = request_header(r, "Accept");
	if (!file && wants && strstr(wants, "text/html")) {
		file = find(f, "/404"); /* somebody reads this: not a program */
		status = 404;
	}
	if (!file)
		return refuse(r, REFUSE_NO_ROUTE, NULL, "%s", "");
	const char *known = request_header(r, "If-None-Match");
	const char *taken = request_header(r, "Accept-Encoding");
	bool packed = file->packed && taken && strstr(taken, "gzip") && !strstr(taken, "gzip;q=0");
	char etag[24];
	snprintf(etag, sizeof etag, "%.17s%s\"", file->etag, packed ? "-gzip" : ""); /* RFC 9110 section 8.8.3.3 */
	if (status == 200 && known && strstr(known, etag))
		answer_fixed(r, 304, NULL, "", 0);
	else if (packed)
		answer_fixed(r, status, file->type, file->packed, file->packed_len);
	else
		answer_fixed(r, status, file->type, file->data, file->len);
	answer_header(r, "ETag", etag);
	answer_header(r, "Vary", "Accept-Encoding");
	if (packed)
		answer_header(r, "Content-Encoding", "gzip"); /* and the 304 says what the 200 would have */
	answer_header(r, "Cache-Control", "no-cache");	      /* asks each time; the ETag makes it cheap */
	answer_header(r, "Referrer-Policy", "no-referrer");
	if (!strncmp(file->type, "text/html", 9))
		answer_header(r, "Content-Security-Policy", CSP);
	return OK;
}
