/* SPDX-License-Identifier: Apache-2.0
 * setup.c - from the command line to settings, folders and a database
 */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "cluster.h"
#include "file.h"

/* ---- folders ---- */

static bool has_migrations(const char *dir)
{
	char path[PATH_MAX + 64];
	struct stat st;
	snprintf(path, sizeof path, "%s/db/migrations", dir);
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* --resources, CPUSHARE_RESOURCES, what lies beside this program (it is in PREFIX/bin, or in BUILD/bin of its tree), else what is
 * installed. */
static err_t find_resources(const struct cli *cli, char *ret_dir, size_t size)
{
	const char *given = cli_text(cli, "resources", getenv("CPUSHARE_RESOURCES"));
	if (given)
		return text_copy(ret_dir, size, given);
	char self[PATH_MAX] = "", share[PATH_MAX + 16];
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return err_from_errno(errno);
	for (int i = 0; i < 5; i++) {
		char *slash = strrchr(self, '/');
		if (!slash || slash == self)
			break;
		*slash = 0;
		if (has_migrations(self))
			return text_copy(ret_dir, size, self);
		snprintf(share, sizeof share, "%s/share/cpushare", self);
		if (has_migrations(share))
			return text_copy(ret_dir, size, share);
	}
	if (!has_migrations(CPUSHARE_PREFIX "/share/cpushare"))
		return E_NOT_FOUND;
	return text_copy(ret_dir, size, CPUSHARE_PREFIX "/share/cpushare");
}

/* A folder that a service's own user owns is that user's market: root who looks after it becomes that user, to whom alone its database
 * listens. */
static int become_owner(const struct cli *cli, const char *dir)
{
	struct stat st;
	if (geteuid() != 0 || stat(dir, &st) || st.st_uid == 0)
		return EXIT_OK;
	const struct passwd *user = getpwuid(st.st_uid);
	if (!user || initgroups(user->pw_name, st.st_gid) || setresgid(st.st_gid, st.st_gid, st.st_gid) ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid))
		return cli_error(cli, EXIT_USAGE, "--data: cannot become the user %u who owns %s", (unsigned)st.st_uid, dir);
	return EXIT_OK;
}

static int read_folders(const struct cli *cli, struct setup *s)
{
	const char *data = cli_text(cli, "data", NULL);
	const char *database = cli_text(cli, "database", getenv("CPUSHARE_DATABASE"));
	char *real = NULL;
	if (!data)
		data = geteuid() == 0 ? "/var/lib/cpushare-market" : "cpushare-data";
	if (dir_make(data, 0755) != OK || !(real = realpath(data, NULL)))
		return cli_error(cli, EXIT_ERROR, "--data: cannot make %s: %s", data, strerror(errno));
	int code = become_owner(cli, real);
	if (code) {
		free(real);
		return code;
	}
	err_t e = text_copy(s->data_dir, sizeof s->data_dir, real);
	free(real);
	if (e || text_copy(s->database, sizeof s->database, database ? database : "") != OK)
		return cli_error(cli, EXIT_ERROR, "--data or --database is too long");
	if (find_resources(cli, s->resources_dir, sizeof s->resources_dir) != OK)
		return cli_error(cli, EXIT_ERROR,
				 "the pages and the database's procedures are not found: say where with --resources DIR");
	return EXIT_OK;
}

/* ---- settings ---- */

static int read_settings(const struct cli *cli, bool serving, struct settings *s)
{
	char error[CONF_ERROR_SIZE];
	const char *path = cli_text(cli, "config", NULL);
	conf_defaults(settings_table, s);
	if (path && conf_load(settings_table, s, path, error) != OK)
		return cli_error(cli, EXIT_ERROR, "%s", error);
	for (int i = 0; i < cli_option_count(cli, "set"); i++) {
		char text[2048];
		char *equals;
		if (text_copy(text, sizeof text, cli_text_at(cli, "set", i)) != OK || !(equals = strchr(text, '=')))
			return cli_error(cli, EXIT_USAGE, "--set: must be section.name=value");
		*equals = 0;
		if (conf_set(settings_table, s, text, equals + 1, error) != OK)
			return cli_error(cli, EXIT_USAGE, "--set: %s", error);
	}
	static const char *const shortcuts[][2] = { { "listen", "listen.address" },
						    { "certificate", "listen.certificate" },
						    { "key", "listen.key" } };
	for (size_t i = 0; serving && i < sizeof shortcuts / sizeof *shortcuts; i++) {
		const char *value = cli_text(cli, shortcuts[i][0], NULL);
		if (value && conf_set(settings_table, s, shortcuts[i][1], value, error) != OK)
			return cli_error(cli, EXIT_USAGE, "--%s: %s", shortcuts[i][0], error);
	}
	if (serving && cli_flag(cli, "http"))
		s->http = true;
	if (strspn(s->currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		return cli_error(cli, EXIT_USAGE, "market.currency: must be three capital letters (ISO 4217), not \"%s\"",
				 s->currency);
	return EXIT_OK;
}

int setup_read(const struct cli *cli, bool serving, struct setup *ret)
{
	ret->cli = cli;
	int code = read_settings(cli, serving, &ret->settings);
	return code ? code : read_folders(cli, ret);
}

/* ---- database ---- */

err_t setup_cluster(struct setup *s)
{
	if (s->database[0])
		return OK;
	err_t e = cluster_start(s->data_dir, &s->cluster);
	if (e)
		(void)cli_error(s->cli, EXIT_ERROR, "the embedded database in %s does not start: %s (see %s/postgres/log)",
				s->data_dir, err_name(e), s->data_dir);
	return e;
}

const char *setup_market_uri(const struct setup *s)
{
	return s->cluster ? cluster_market_uri(s->cluster) : s->database;
}

err_t setup_migrate(struct setup *s)
{
	char error[MIGRATE_ERROR_SIZE] = "", sql[PATH_MAX];
	snprintf(sql, sizeof sql, "%s/db", s->resources_dir);
	err_t e = migrate(s->cluster ? cluster_owner_uri(s->cluster) : s->database, sql, error);
	if (e)
		(void)cli_error(s->cli, EXIT_ERROR, "the database's structure cannot be brought up to date: %s",
				error[0] ? error : err_name(e));
	return e;
}

/* What the market that serves from this folder connects to. */
static err_t open_running(const struct setup *s, struct store **ret_store)
{
	char path[PATH_MAX];
	AUTO_FREE char *uri = NULL;
	size_t len;
	snprintf(path, sizeof path, "%s/database", s->data_dir);
	TRY(file_read(path, 4096, &uri, &len));
	struct store *store;
	TRY(store_open(uri, &store));
	err_t e = store_ping(store);
	if (e) {
		store_close(store);
		return e;
	}
	*ret_store = store;
	return OK;
}

/* Whoever runs the embedded server holds DIR/lock: a market that serves, or a command while none does. E_AGAIN: somebody else. */
err_t setup_lock(struct setup *s)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/lock", s->data_dir);
	if (s->lock_fd <= 0)
		s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return err_from_errno(errno);
	return flock(s->lock_fd, LOCK_EX | LOCK_NB) ? E_AGAIN : OK;
}

/* For a command: a market that just starts is waited for. */
static err_t open_embedded(struct setup *s, struct store **ret_store)
{
	for (int i = 0; i < 300; i++) {
		if (open_running(s, ret_store) == OK)
			return OK;
		err_t e = setup_lock(s);
		if (e == OK)
			return E_NOT_FOUND;
		if (e != E_AGAIN)
			return e;
		usleep(100 * 1000);
	}
	return E_TIMEOUT;
}

err_t setup_store(struct setup *s, struct store **ret_store)
{
	if (!s->database[0] && !s->cluster) {
		err_t found = open_embedded(s, ret_store);
		if (found == OK)
			return OK;
		if (found != E_NOT_FOUND) {
			(void)cli_error(s->cli, EXIT_ERROR, "the market that runs on %s does not answer: %s", s->data_dir,
					err_name(found));
			return found;
		}
		TRY(setup_cluster(s));
		TRY(setup_migrate(s));
	}
	err_t e = store_open(setup_market_uri(s), ret_store);
	if (e)
		(void)cli_error(s->cli, EXIT_ERROR, "cannot connect to the database: %s", err_name(e));
	return e;
}

void setup_clear(struct setup *s)
{
	if (s->cluster)
		cluster_stop(s->cluster);
	s->cluster = NULL;
	if (s->lock_fd > 0)
		fd_close(&s->lock_fd);
}
