/* SPDX-License-Identifier: Apache-2.0
 * cluster.c - a private PostgreSQL cluster: found or started, watched, stopped
 *
 * How it works: the postmaster is watched through a pidfd, whether it is our child or was left by a market that was killed. Where it
 * died it is started again; its backends may live a moment longer and hold the shared memory, on which the new one gives up: so it is
 * started until it stays. Ready means that it takes connections.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "buf.h"
#include "clock.h"
#include "cluster.h"
#include "file.h"
#include "log.h"
#include "server.h"

#define RESPAWN_US (250 * 1000LL)
#define START_US (120 * SECOND_US) /* recovery after a crash redoes at most max_wal_size */
#define STOP_MS 60000

struct cluster {
	struct server server;
	pid_t pid;
	int pidfd;
	bool ready;
	mono_time spawned_at;
	char *owner_uri, *market_uri, *admin_uri;
};

/* A libpq connection string; values are quoted as its manual says. */
static char *uri_of(const struct server *s, const char *database, const char *user)
{
	AUTO_BUF text = { 0 };
	buf_puts(&text, "host='");
	for (const char *at = s->run; *at; at++)
		buf_printf(&text, *at == '\'' || *at == '\\' ? "\\%c" : "%c", *at);
	buf_printf(&text, "' port=5432 dbname=%s user=%s", database, user);
	return buf_take(&text);
}

static err_t watch(struct cluster *c, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return err_from_errno(errno);
	fd_close(&c->pidfd);
	c->pidfd = fd;
	c->pid = pid;
	return OK;
}

static bool is_dead(const struct cluster *c, int wait_ms)
{
	struct pollfd fd = { .fd = c->pidfd, .events = POLLIN };
	return c->pidfd < 0 || (poll(&fd, 1, wait_ms) > 0 && (fd.revents & POLLIN));
}

static err_t start(struct cluster *c)
{
	pid_t pid;
	c->ready = false;
	c->spawned_at = clock_mono();
	/* Also where an operator, or a market of a moment ago, was quicker than us. */
	pid = server_find(&c->server);
	if (pid == 0) {
		TRY(server_configure(&c->server));
		TRY(server_spawn(&c->server, &pid));
	}
	return watch(c, pid);
}

err_t cluster_check(struct cluster *c)
{
	if (is_dead(c, 0)) {
		waitpid(c->pid, NULL, WNOHANG); /* ours or not: ECHILD is fine */
		if (c->ready)
			log_warn("The database server died; starting it again", "pid=%d", (int)c->pid);
		c->ready = false;
		if (clock_mono().us - c->spawned_at.us < RESPAWN_US)
			return E_AGAIN;
		TRY(start(c));
		return E_AGAIN;
	}
	if (!c->ready)
		c->ready = PQping(c->admin_uri) == PQPING_OK;
	return c->ready ? OK : E_AGAIN;
}

static err_t wait_ready(struct cluster *c)
{
	const struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };
	int64_t until_us = clock_mono().us + START_US;
	err_t e;
	while ((e = cluster_check(c)) == E_AGAIN) {
		/* One that replays its log, after a restore from an archive, takes what it takes. */
		if (clock_mono().us > until_us && PQping(c->admin_uri) != PQPING_REJECT) {
			log_error("The database server does not start: see postgres.log", "dir=%s", c->server.dir);
			return E_TIMEOUT;
		}
		nanosleep(&step, NULL);
	}
	return e;
}

/* ---- roles and database ---- */

static const char ROLES_SQL[] = "DO $$ BEGIN"
				" IF to_regrole('cpushare_owner') IS NULL THEN CREATE ROLE cpushare_owner LOGIN; END IF;"
				" IF to_regrole('cpushare_market') IS NULL THEN CREATE ROLE cpushare_market LOGIN; END IF;"
				" END $$;"
				"REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC";
static const char FIND_SQL[] = "SELECT 1 FROM pg_database WHERE datname = 'cpushare'";
static const char CREATE_SQL[] = "CREATE DATABASE cpushare OWNER cpushare_owner";
static const char GRANT_SQL[] =
	"REVOKE ALL ON DATABASE cpushare FROM PUBLIC; GRANT CONNECT ON DATABASE cpushare TO cpushare_market";
static const char CAN_LZ4_SQL[] = "SELECT 1 FROM pg_settings WHERE name = 'wal_compression' AND 'lz4' = ANY (enumvals) "
				  "AND setting <> 'lz4'";
static const char LZ4_SQL[] = "ALTER SYSTEM SET wal_compression = 'lz4'";
static const char RELOAD_SQL[] = "SELECT pg_reload_conf()";

/* ret_rows may be NULL. */
static err_t admin_run(PGconn *db, const char *sql, int *ret_rows)
{
	PGresult *result = PQexec(db, sql);
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	if (!good)
		log_error("The database server could not be set up", "why=\"%s\"", PQerrorMessage(db));
	else if (ret_rows)
		*ret_rows = PQntuples(result);
	PQclear(result);
	return good ? OK : E_INTERNAL;
}

static err_t set_up(PGconn *db)
{
	int rows = 0;
	TRY(admin_run(db, ROLES_SQL, NULL));
	TRY(admin_run(db, FIND_SQL, &rows));
	if (rows == 0)
		TRY(admin_run(db, CREATE_SQL, NULL));
	TRY(admin_run(db, GRANT_SQL, NULL));
	TRY(admin_run(db, CAN_LZ4_SQL, &rows));
	if (rows > 0) {
		TRY(admin_run(db, LZ4_SQL, NULL));
		TRY(admin_run(db, RELOAD_SQL, NULL));
	}
	return OK;
}

static err_t bring_up(struct cluster *c, const char *dir)
{
	TRY(server_prepare(&c->server, dir));
	TRY(server_init(&c->server));
	c->owner_uri = uri_of(&c->server, "cpushare", "cpushare_owner");
	c->market_uri = uri_of(&c->server, "cpushare", "cpushare_market");
	c->admin_uri = uri_of(&c->server, "postgres", "postgres");
	if (!c->owner_uri || !c->market_uri || !c->admin_uri)
		return E_NOMEM;
	TRY(start(c));
	TRY(wait_ready(c));
	PGconn *db = PQconnectdb(c->admin_uri);
	err_t e = PQstatus(db) == CONNECTION_OK ? set_up(db) : E_UNAVAILABLE;
	if (e == E_UNAVAILABLE)
		log_error("The database server refuses us", "why=\"%s\"", PQerrorMessage(db));
	PQfinish(db);
	return e;
}

static void cluster_free(struct cluster *c)
{
	fd_close(&c->pidfd);
	free(c->owner_uri);
	free(c->market_uri);
	free(c->admin_uri);
	free(c);
}

err_t cluster_start(const char *dir, struct cluster **ret_cluster)
{
	struct cluster *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	c->pidfd = -1;
	err_t e = bring_up(c, dir);
	if (e != OK) {
		cluster_stop(c);
		return e;
	}
	*ret_cluster = c;
	return OK;
}

const char *cluster_owner_uri(const struct cluster *c)
{
	return c->owner_uri;
}

const char *cluster_market_uri(const struct cluster *c)
{
	return c->market_uri;
}

pid_t cluster_pid(const struct cluster *c)
{
	return c->pid;
}

void cluster_stop(struct cluster *c)
{
	if (!c)
		return;
	if (!is_dead(c, 0)) {
		syscall(SYS_pidfd_send_signal, c->pidfd, SIGINT, NULL, 0);
		if (!is_dead(c, STOP_MS)) {
			log_warn("The database server does not stop; it is ended", "pid=%d", (int)c->pid);
			syscall(SYS_pidfd_send_signal, c->pidfd, SIGQUIT, NULL, 0);
			(void)is_dead(c, STOP_MS);
		}
	}
	if (c->pid > 0)
		waitpid(c->pid, NULL, WNOHANG);
	cluster_free(c);
}
