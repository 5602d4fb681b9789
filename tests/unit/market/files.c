/* SPDX-License-Identifier: Apache-2.0
 * files.c - tests of the table of pages: which address finds which file, and what stops the start
 */
#include "files.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "tap.h"

static char dir[] = "/tmp/cpushare-files-XXXXXX";
static const char *const names[] = { "index.html",	    "market.html",    "sellers/_.html",
				     "orders/_/lease.html", "parts/top.html", "notes.md" };

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ok(file_write(path, text, strlen(text), 0644) == OK, "wrote %s", name);
}

static bool has(const char *path)
{
	struct files *f = NULL;
	bool found = files_load(dir, &f) == OK && files_has(f, path);
	files_free(f);
	return found;
}

static err_t loads(const char *page)
{
	struct files *f = NULL;
	put("market.html", page);
	err_t e = files_load(dir, &f);
	files_free(f);
	return e;
}

int main(void)
{
	static const char *const folders[] = { "", "/sellers", "/orders", "/orders/_", "/parts" };
	static const char *const found[] = { "/",
					     "/index.html",
					     "/market",
					     "/market.html",
					     "/sellers/a",
					     "/sellers/0198c1a2-7b1e",
					     "/orders/x/lease",
					     "/orders/_/lease" };
	static const char *const not_found[] = { "/marke",     "/market/x",	  "/sellers/a/b",   "/sellers/a.b",
						 "/sellers/",  "/sellers/%41",	  "/orders//lease", "/orders/x/y/lease",
						 "/parts/top", "/parts/top.html", "/notes.md",	    "/../x" };
	char path[PATH_MAX];
	if (!mkdtemp(dir))
		return 1;
	for (size_t i = 1; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s%s", dir, folders[i]);
		mkdir(path, 0755);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		put(names[i], "<p>\n");
	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		ok(has(found[i]), "%s is there", found[i]);
	for (size_t i = 0; i < sizeof not_found / sizeof *not_found; i++)
		ok(!has(not_found[i]), "%s is not", not_found[i]);
	ok(loads("a\n<!-- part: top -->\nb\n") == OK, "a page with a part");
	ok(loads("<!-- part: none -->\n") == E_NOT_FOUND, "a part that is not there stops the start");
	ok(loads("<!-- part: ../market -->\n") == E_INVALID, "so does one elsewhere");
	ok(loads("<!-- part: top\n") == E_INVALID, "so does one that does not end");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	for (size_t i = sizeof folders / sizeof *folders; i-- > 0;) {
		snprintf(path, sizeof path, "%s%s", dir, folders[i]);
		rmdir(path);
	}
	return done_testing();
}
