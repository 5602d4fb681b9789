/* SPDX-License-Identifier: Apache-2.0
 * files.c - the pages that the market serves, read once at start: what is not in the table is not there
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct page_file {
	char path[PATH_SIZE]; /* "/help.html" */
	const char *type;
	char etag[20];
	char *data;
	size_t len;
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

static err_t add_file(struct files *f, const char *path, const char *name, const char *type)
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
	sha256 hash = sha256_of(file->data, file->len);
	file->etag[0] = '"';
	hex_encode(hash.bytes, 8, file->etag + 1);
	file->etag[17] = '"';
	f->count++;
	return OK;
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
		if (S_ISDIR(st.st_mode) && strcmp(entry->d_name, "node_modules"))
			e = load_folder(f, root, name, depth + 1);
		else if (S_ISREG(st.st_mode) && type)
			e = add_file(f, path, name, type);
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
	for (size_t i = 0; i < f->count; i++)
		free(f->list[i].data);
	free(f->list);
	free(f);
}

static const struct page_file *find(const struct files *f, const char *path)
{
	static const char *const ends[] = { "", "index.html", ".html", "/index.html" };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char name[PATH_SIZE];
		int len = snprintf(name, sizeof name, "%s%s", path, ends[i]);
		if (len < 0 || (size_t)len >= sizeof name)
			continue;
		for (size_t k = 0; k < f->count; k++)
			if (!strcmp(f->list[k].path, name))
				return &f->list[k];
	}
	return NULL;
}

bool files_has(const struct files *f, const char *path)
{
	return find(f, path) != NULL;
}

err_t files_answer(const struct files *f, struct request *r, const char *path)
{
	const struct page_file *file = find(f, path);
	if (!file)
		return refuse(r, REFUSE_NO_ROUTE, NULL, "%s", "");
	const char *known = request_header(r, "If-None-Match");
	bool same = known && strstr(known, file->etag);
	answer_fixed(r, same ? 304 : 200, same ? NULL : file->type, file->data, same ? 0 : file->len);
	answer_header(r, "ETag", file->etag);
	answer_header(r, "Cache-Control", "no-cache"); /* asks each time; the ETag makes it cheap */
	answer_header(r, "Referrer-Policy", "no-referrer");
	if (!strncmp(file->type, "text/html", 9))
		answer_header(r, "Content-Security-Policy", CSP);
	return OK;
}
