/* SPDX-License-Identifier: Apache-2.0
 * store_cluster.c - the private cluster starts, is adopted, comes back after kill -9, and takes migrations
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cluster.h"
#include "file.h"
#include "store.h"
#include "tap.h"

static char error[MIGRATE_ERROR_SIZE];

static err_t wait_check(struct cluster *c)
{
	err_t e = E_AGAIN;
	for (int i = 0; i < 600 && (e = cluster_check(c)) == E_AGAIN; i++)
		usleep(50 * 1000);
	return e;
}

/* What was killed may take a moment to be gone. */
static bool is_lost(struct store *s)
{
	err_t e = OK;
	for (int i = 0; i < 400 && (e = store_ping(s)) == OK; i++)
		usleep(50 * 1000);
	return e == E_UNAVAILABLE;
}

static bool is_seen_dead(struct cluster *c)
{
	err_t e = OK;
	for (int i = 0; i < 400 && (e = cluster_check(c)) == OK; i++)
		usleep(50 * 1000);
	return e == E_AGAIN;
}

/* Does a process have a descriptor of ours that is none of its business? */
static bool holds(pid_t pid, const char *target)
{
	char path[64], link[4096];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *fds = opendir(path);
	bool found = false;
	for (struct dirent *entry; fds && (entry = readdir(fds));) {
		ssize_t len = readlinkat(dirfd(fds), entry->d_name, link, sizeof link - 1);
		if (len > 0 && (size_t)len == strlen(target) && !memcmp(link, target, (size_t)len))
			found = true;
	}
	if (fds)
		closedir(fds);
	return found;
}

static void copy_sql(const char *to)
{
	char command[512];
	snprintf(command, sizeof command, "cp -r db/migrations db/procedures \"%s/\"", to);
	ok(system(command) == 0, "copied the SQL files");
}

static void append(const char *dir, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "a");
	ok(f && fputs(text, f) >= 0 && fclose(f) == 0, "wrote %s", name);
}

static void test_migrate(const char *uri, const char *market_uri, const char *dir)
{
	char sql[512];
	snprintf(sql, sizeof sql, "%s/sql", dir);
	ok(migrate(uri, sql, error) == E_NOT_FOUND && strstr(error, "sql"), "no folder: %s", error);
	ok(dir_make(sql, 0700) == OK, "made a folder for SQL");
	copy_sql(sql);
	ok(migrate(uri, sql, error) == OK, "migrates: %s", error);
	ok(migrate(uri, sql, error) == OK, "once more changes nothing: %s", error);
	append(sql, "procedures/10_ledger.sql", "\n-- another line\n");
	ok(migrate(uri, sql, error) == OK, "procedures may change: %s", error);
	append(sql, "migrations/0099_bad.sql", "CREATE TABLE bad (a int);\nSELECT * FROM nowhere;\n");
	ok(migrate(uri, sql, error) != OK && strstr(error, "0099_bad.sql, line 2"), "a bad migration is named: %s", error);
	ok(migrate(uri, "db", error) == OK, "and nothing of it stays: %s", error);
	append(sql, "migrations/0001_accounts.sql", "-- late thought\n");
	ok(migrate(uri, sql, error) == E_CONFLICT && strstr(error, "0001_accounts.sql"), "an edited migration is refused: %s",
	   error);
	snprintf(sql, sizeof sql, "rm \"%s/sql/migrations/0099_bad.sql\"", dir);
	ok(system(sql) == 0, "removed the bad one");
	snprintf(sql, sizeof sql, "%s/sql", dir);
	copy_sql(sql);
	append(sql, "migrations/0098_more.sql", "CREATE TABLE more (a int);\n");
	struct store *works = NULL;
	ok(store_open(market_uri, &works) == OK, "a market works");
	ok(migrate(uri, "db", error) == OK, "which may, where there is nothing to apply: %s", error);
	ok(migrate(uri, sql, error) == E_CONFLICT && strstr(error, "a market works"), "no migration is applied meanwhile: %s",
	   error);
	store_close(works);
	ok(migrate(uri, sql, error) == OK, "a further migration is applied: %s", error);
	ok(migrate(uri, "db", error) == E_CONFLICT && strstr(error, "0098_more.sql"), "a newer database is refused: %s", error);
}

/* A market that is killed leaves the cluster, and the next one finds it. */
static pid_t start_elsewhere(const char *dir)
{
	int ends[2];
	pid_t found = 0;
	if (pipe(ends))
		return 0;
	pid_t child = fork();
	if (child == 0) {
		struct cluster *c;
		pid_t pid = cluster_start(dir, &c) == OK ? cluster_pid(c) : -1;
		if (write(ends[1], &pid, sizeof pid) != sizeof pid)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	close(ends[1]);
	if (read(ends[0], &found, sizeof found) != sizeof found)
		found = 0;
	close(ends[0]);
	waitpid(child, NULL, 0);
	return found;
}

int main(void)
{
	char top[] = "/tmp/store_cluster.XXXXXX", dir[128], open_file[128];
	struct cluster *c = NULL;
	struct store *s = NULL;
	ok(mkdtemp(top) != NULL, "made %s", top);
	/* Two folders that only we may pass, and a name with a quote in it. */
	snprintf(dir, sizeof dir, "%s/it's private/market", top);
	snprintf(open_file, sizeof open_file, "%s/open", top);
	int fd = open(open_file, O_RDWR | O_CREAT, 0600); /* on purpose without O_CLOEXEC */
	ok(fd >= 0, "opened a file");

	pid_t first = start_elsewhere(dir);
	ok(first > 0 && kill(first, 0) == 0, "it outlives a market that is killed");
	ok(cluster_start(dir, &c) == OK, "starts");
	if (!c)
		return done_testing();
	is_int(cluster_pid(c), first, "by adopting what runs");
	ok(!holds(first, open_file), "it has no descriptor of ours");
	ok(cluster_check(c) == OK, "is well");

	test_migrate(cluster_owner_uri(c), cluster_market_uri(c), dir);

	ok(store_open(cluster_market_uri(c), &s) == OK && store_ping(s) == OK, "the market's role connects");
	kill(first, SIGKILL);
	ok(is_lost(s), "after kill -9 nothing is there");
	ok(is_seen_dead(c), "and it recovers");
	ok(wait_check(c) == OK && cluster_pid(c) != first, "and comes back");
	ok(store_ping(s) == OK || store_ping(s) == OK, "the store finds it again");
	ok(store_begin(s) == OK, "a transaction");
	pid_t second = cluster_pid(c);
	kill(second, SIGKILL);
	ok(is_lost(s) && is_seen_dead(c) && wait_check(c) == OK, "lost in its middle");
	ok(store_ping(s) == E_UNAVAILABLE && store_commit(s) == E_UNAVAILABLE, "is over, also when the server is back");
	store_rollback(s);
	ok(store_ping(s) == OK, "until it is rolled back");
	store_close(s);
	pid_t last = cluster_pid(c);
	cluster_stop(c);
	ok(kill(last, 0) != 0, "stops");

	c = NULL;
	char deep[300];
	snprintf(deep, sizeof deep, "%s/%0120d", top, 7);
	ok(cluster_start(deep, &c) == OK, "a path too long for a socket");
	ok(c && cluster_check(c) == OK, "is served through a short one");
	const char *uri = c ? cluster_owner_uri(c) : "";
	char run[64] = "";
	ok(sscanf(uri, "host='%63[^']'", run) == 1 && strlen(run) < 40, "%s", run);
	cluster_stop(c);
	close(fd);
	if (run[0])
		ok(dir_remove(run) == OK, "removed %s", run);
	ok(dir_remove(top) == OK, "removed %s", top);
	return done_testing();
}
