/* SPDX-License-Identifier: Apache-2.0
 * recipe.c - recipe list, show, up: orders that only want their price
 *
 * A recipe is a folder with recipe.ini (recipe_table below), user-data or user-data.sh, and next: what to do when the VMs run. user-data.sh is
 * called with the file of a new ssh key and the count of VMs, and prints the user-data; the key stays for whoever follows next, in which
 * @ORDER@ and @KEY@ stand for the two.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"
#include "commands.h"
#include "conf.h"
#include "file.h"
#include "json.h"
#include "order_create.h"
#include "output.h"
#include "process.h"
#include "resource.h"
#include "user_data.h"

enum { KEYGEN_MS = 30000, USER_DATA_MS = 30000, NEXT_MAX = 16384 };

struct recipe {
	char name[64], folder[PATH_MAX], summary[160], image[64];
	int64_t count, cores, memory_bytes, duration_us;
};

#define FIELD(name) offsetof(struct recipe, name)
static const struct conf_entry recipe_table[] = {
	{ "summary", CONF_TEXT, FIELD(summary), sizeof(((struct recipe *)0)->summary), 0, 0, "", "one line" },
	{ "image", CONF_TEXT, FIELD(image), sizeof(((struct recipe *)0)->image), 0, 0, "", "which image, without .iso" },
	{ "count", CONF_INT, FIELD(count), 0, 1, 256, "1", "how many VMs" },
	{ "cores", CONF_INT, FIELD(cores), 0, 1, 64, "1", "of each VM" },
	{ "memory", CONF_SIZE, FIELD(memory_bytes), 0, 64LL << 20, 1LL << 40, "512M", "of each VM" },
	{ "duration", CONF_DURATION, FIELD(duration_us), 0, MINUTE_US, 366 * DAY_US, "1h", "of each VM from its start" },
	{ .key = NULL },
};

static const struct column recipe_columns[] = {
	{ "RECIPE", "name", CELL_TEXT },	{ "IMAGE", "image", CELL_TEXT },
	{ "VMS", "count", CELL_NUMBER },	{ "CORES", "cores", CELL_NUMBER },
	{ "MIB", "memory_mib", CELL_NUMBER },	{ "EACH FOR", "duration_s", CELL_DURATION },
	{ "WHAT IT IS", "summary", CELL_TEXT }, { .title = NULL }
};

static json_t *recipe_to_json(const struct recipe *r)
{
	json_t *json = json_object();
	json_put_text(json, "name", r->name);
	json_put_text(json, "summary", r->summary);
	json_put_text(json, "image", r->image);
	json_put_int(json, "count", r->count);
	json_put_int(json, "cores", r->cores);
	json_put_int(json, "memory_mib", r->memory_bytes >> 20);
	json_put_int(json, "duration_s", r->duration_us / SECOND_US);
	json_put_text(json, "folder", r->folder);
	return json;
}

static err_t in_folder(const struct recipe *r, const char *part, char *ret_path, size_t size)
{
	int n = snprintf(ret_path, size, "%s/%s", r->folder, part);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

/* error: what is wrong with it. E_NOT_FOUND: the folder is no recipe. */
static err_t recipe_read(const char *folder, struct recipe *ret, char *error)
{
	char path[PATH_MAX];
	const char *slash = strrchr(folder, '/');
	memset(ret, 0, sizeof *ret);
	TRY(text_copy(ret->folder, sizeof ret->folder, folder));
	TRY(text_copy(ret->name, sizeof ret->name, slash ? slash + 1 : folder));
	TRY(in_folder(ret, "recipe.ini", path, sizeof path));
	if (access(path, F_OK))
		return E_NOT_FOUND;
	conf_defaults(recipe_table, ret);
	TRY(conf_load(recipe_table, ret, path, error));
	if (*ret->image)
		return OK;
	snprintf(error, CONF_ERROR_SIZE, "%.200s names no image", path);
	return E_INVALID;
}

/* One of those that come with the program; or a folder, where word has a slash. */
static int recipe_find(struct cli *cli, struct recipe *ret)
{
	const char *word = cli_arg(cli, 0);
	char part[128], folder[PATH_MAX], error[CONF_ERROR_SIZE] = "";
	snprintf(part, sizeof part, "examples/%.100s", word);
	bool found = strchr(word, '/') ? realpath(word, folder) != NULL
				       : word[0] != '.' && resource_find(part, folder, sizeof folder) == OK;
	err_t e = found ? recipe_read(folder, ret, error) : E_NOT_FOUND;
	if (e == E_NOT_FOUND)
		return cli_error(cli, EXIT_NOT_FOUND, "there is no recipe \"%s\": cpushare recipe list", word);
	return e ? cli_error(cli, EXIT_USAGE, "%s", *error ? error : err_name(e)) : EXIT_OK;
}

int command_recipe_list(struct cli *cli)
{
	AUTO_JSON items = json_array();
	char top[PATH_MAX], path[PATH_MAX + 300], error[CONF_ERROR_SIZE] = "";
	struct dirent **entries = NULL;
	struct recipe recipe;
	err_t e = resource_find("examples", top, sizeof top);
	int count = e ? -1 : scandir(top, &entries, NULL, alphasort);
	if (count < 0)
		return cli_error(cli, EXIT_NOT_FOUND,
				 "no recipes came with this program (CPUSHARE_RESOURCES names another place)");
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", top, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && recipe_read(path, &recipe, error) == OK)
			json_array_append_new(items, recipe_to_json(&recipe));
		free(entries[i]);
	}
	free(entries);
	output_list(cli, items, recipe_columns, "name");
	return EXIT_OK;
}

/* What to do next; NULL where the recipe does not say. order, key: what the words stand for. */
static char *next_text(const struct recipe *r, const char *order, const char *key)
{
	char path[PATH_MAX];
	AUTO_FREE char *text = NULL;
	AUTO_BUF out = { .max = 4 * NEXT_MAX };
	size_t len;
	if (in_folder(r, "next", path, sizeof path) || file_read(path, NEXT_MAX, &text, &len))
		return NULL;
	for (const char *at = text; *at;) {
		bool is_order = !strncmp(at, "@ORDER@", 7), is_key = !strncmp(at, "@KEY@", 5);
		if (is_order || is_key)
			buf_puts(&out, is_order ? order : key);
		else
			buf_append(&out, at, 1);
		at += is_order ? 7 : is_key ? 5 : 1;
	}
	return buf_take(&out);
}

int command_recipe_show(struct cli *cli)
{
	static const struct column columns[] = { { "recipe", "name", CELL_TEXT },
						 { "what it is", "summary", CELL_TEXT },
						 { "image", "image", CELL_TEXT },
						 { "VMs", "count", CELL_NUMBER },
						 { "cores each", "cores", CELL_NUMBER },
						 { "MiB each", "memory_mib", CELL_NUMBER },
						 { "each runs for", "duration_s", CELL_DURATION },
						 { "folder", "folder", CELL_TEXT },
						 { .title = NULL } };
	struct recipe recipe;
	int code = recipe_find(cli, &recipe);
	if (code)
		return code;
	AUTO_JSON json = recipe_to_json(&recipe);
	AUTO_FREE char *next = next_text(&recipe, "ORDER", "KEY");
	json_put_text(json, "next", next ? next : "");
	output_object(cli, json, columns, "name");
	if (next)
		output_note(cli, "\n%s", next);
	return EXIT_OK;
}

/* ---- up ---- */

/* STATE/cpushare/recipes/NAME-XXXXXX, for a key that is this order's alone. */
static err_t make_key(const struct recipe *r, char *ret_folder, size_t size, char *ret_key, size_t key_size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	bool own = state && *state == '/';
	int status, n = snprintf(ret_folder, size, "%s%s/cpushare/recipes",
				 own	? state
				 : home ? home
					: "",
				 own ? "" : "/.local/state");
	if (n < 0 || (size_t)n >= size)
		return E_LIMIT;
	TRY(dir_make(ret_folder, 0700));
	n += snprintf(ret_folder + n, size - (size_t)n, "/%s-XXXXXX", r->name);
	if ((size_t)n >= size || !mkdtemp(ret_folder))
		return E_IO;
	n = snprintf(ret_key, key_size, "%s/key", ret_folder);
	if (n < 0 || (size_t)n >= key_size)
		return E_LIMIT;
	char *argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", (char *)r->name, "-f", ret_key, NULL };
	TRY(process_run(argv, KEYGEN_MS, &status));
	return status == 0 ? OK : E_NOT_FOUND;
}

/* What a program prints; E_INVALID where it fails. */
static err_t read_program(char *const argv[], char **ret_text)
{
	struct stat st;
	int status;
	AUTO_FD fd = memfd_create("user-data", MFD_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	TRY(process_run_to(argv, fd, USER_DATA_MS, &status));
	if (status || fstat(fd, &st))
		return E_INVALID;
	if (st.st_size > USER_DATA_MAX)
		return E_LIMIT;
	AUTO_FREE char *text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return E_NOMEM;
	if (lseek(fd, 0, SEEK_SET))
		return E_IO;
	TRY(fd_read_all(fd, text, (size_t)st.st_size));
	if (strlen(text) != (size_t)st.st_size)
		return E_INVALID;
	*ret_text = text;
	text = NULL;
	return OK;
}

struct preparation {
	char folder[PATH_MAX], key[PATH_MAX]; /* "": no key is needed */
	char *user_data;
};

static int prepare(struct cli *cli, const struct recipe *r, int64_t count, struct preparation *ret)
{
	char path[PATH_MAX], number[24];
	size_t len;
	if (cli_flag(cli, "user-data"))
		return cli_error(cli, EXIT_USAGE, "--user-data: the recipe has some of its own");
	if (!in_folder(r, "user-data", path, sizeof path) && !file_read(path, USER_DATA_MAX, &ret->user_data, &len))
		return EXIT_OK;
	if (in_folder(r, "user-data.sh", path, sizeof path) || access(path, X_OK))
		return EXIT_OK;
	err_t e = make_key(r, ret->folder, sizeof ret->folder, ret->key, sizeof ret->key);
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_ERROR, "no key can be made: %s",
				 e == E_NOT_FOUND ? "ssh-keygen fails (package openssh-client)" : err_name(e));
	snprintf(number, sizeof number, "%lld", (long long)count);
	char *argv[] = { path, ret->key, number, NULL };
	e = read_program(argv, &ret->user_data);
	return e ? cli_error(cli, EXIT_ERROR, "%s: %s", path, err_name(e)) : EXIT_OK;
}

int command_recipe_up(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	struct recipe r;
	struct preparation p = { .user_data = NULL };
	char order[ORDER_WORD_SIZE] = "", image[80];
	int64_t count;
	int code = recipe_find(cli, &r);
	if (code)
		return code;
	if (cli_int(cli, "count", r.count, 1, 256, &count))
		return EXIT_USAGE;
	if ((code = session_open(cli, true, &s)))
		return code;
	snprintf(image, sizeof image, "%s.iso", r.image);
	if (!(code = prepare(cli, &r, count, &p))) {
		const struct order_defaults defaults = { .image = image,
							 .name = r.name,
							 .user_data = p.user_data,
							 .key_file = p.key,
							 .count = r.count,
							 .cores = r.cores,
							 .memory_bytes = r.memory_bytes,
							 .duration_us = r.duration_us };
		code = order_create(&s, &defaults, order);
	}
	free(p.user_data);
	if (!*order && *p.folder && dir_remove(p.folder))
		output_note(cli, "the key stays: %s\n", p.folder);
	if (code == EXIT_NOT_FOUND && !cli_flag(cli, "image"))
		output_note(cli, "The image, where it is missing: cpushare image build %s && cpushare image upload %s\n", r.image,
			    image);
	AUTO_FREE char *next = *order ? next_text(&r, order, p.key) : NULL;
	if (next)
		output_note(cli, "\n%s", next);
	return code;
}
