/* SPDX-License-Identifier: Apache-2.0
 * migrate.c - brings a database to the form that this program expects
 *
 * How it works: db/migrations/NNNN_name.sql are applied in order, each once, each in a transaction of its own, and remembered in
 * the table migration with the SHA-256 of their text. A text that changed after it was applied, and a migration that this program
 * does not have, are refused. So is a further migration while a market is connected: it would work on by the procedures of before, on tables that
 * are other ones now (by those from before 0061_holds.sql: charge, and move no money). db/procedures/NN_name.sql replace functions as a set, in one transaction, when the checksum over all of
 * them is not the remembered one. An advisory lock keeps two programs from doing it at the same time.
 */
#include <dirent.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "buf.h"
#include "bytes.h"
#include "cluster.h"
#include "crypto.h"
#include "file.h"

#define SQL_FILE_MAX (1 << 20)
#define ALONE_STEPS 30 /* of 100 ms */

struct sql_file {
	char name[96];
	char *text;
	char checksum[SHA256_TEXT_SIZE];
};

struct migration {
	PGconn *db;
	const char *dir;
	char *error;
	struct sql_file *migrations, *procedures;
	size_t migration_count, procedure_count;
};

PRINTF_LIKE(3, 4) static err_t fail(struct migration *m, err_t e, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(m->error, MIGRATE_ERROR_SIZE, fmt, args);
	va_end(args);
	for (size_t len = strlen(m->error); len > 0 && m->error[len - 1] == '\n'; len--)
		m->error[len - 1] = '\0';
	return e;
}

/* ---- the files ---- */

static int is_sql(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && len > 4 && !strcmp(entry->d_name + len - 4, ".sql");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static err_t file_load(struct migration *m, const char *folder, const char *name, struct sql_file *file)
{
	char path[4096];
	size_t len;
	if (text_copy(file->name, sizeof file->name, name) != OK ||
	    snprintf(path, sizeof path, "%s/%s/%s", m->dir, folder, name) >= (int)sizeof path)
		return fail(m, E_LIMIT, "%s/%s: the name is too long", folder, name);
	if (file_read(path, SQL_FILE_MAX, &file->text, &len) != OK)
		return fail(m, E_IO, "%s cannot be read", path);
	sha256_format(sha256_of(file->text, len), file->checksum);
	return OK;
}

static err_t folder_load(struct migration *m, const char *folder, struct sql_file **ret_files, size_t *ret_count)
{
	char path[4096];
	struct dirent **entries = NULL;
	if (snprintf(path, sizeof path, "%s/%s", m->dir, folder) >= (int)sizeof path)
		return fail(m, E_LIMIT, "%s: the name is too long", m->dir);
	int count = scandir(path, &entries, is_sql, by_name);
	if (count <= 0) {
		free(entries);
		return fail(m, E_NOT_FOUND, "%s has no SQL files: where is the program's db folder?", path);
	}
	*ret_files = calloc((size_t)count, sizeof **ret_files);
	err_t e = *ret_files ? OK : E_NOMEM;
	for (int i = 0; i < count; i++) {
		if (e == OK)
			e = file_load(m, folder, entries[i]->d_name, &(*ret_files)[i]);
		free(entries[i]);
	}
	free(entries);
	*ret_count = *ret_files ? (size_t)count : 0;
	return e;
}

static void files_free(struct sql_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(files[i].text);
	free(files);
}

/* ---- statements ---- */

static int line_of(const char *text, const char *position)
{
	int64_t at = 0;
	int line = 1;
	if (!position || int_parse(position, &at) != OK)
		return 0;
	for (int64_t i = 1; i < at && text[i - 1]; i++)
		line += text[i - 1] == '\n';
	return line;
}

/* Runs a text of one or more statements; name: what failed, where it fails. */
static err_t run(struct migration *m, const char *name, const char *sql)
{
	PGresult *result = PQexec(m->db, sql);
	ExecStatusType status = PQresultStatus(result);
	err_t e = OK;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
		const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
		e = PQstatus(m->db) == CONNECTION_BAD ? E_UNAVAILABLE : E_INTERNAL;
		fail(m, e, "%s, line %d: %s%s%s", name, line_of(sql, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION)),
		     message ? message : PQerrorMessage(m->db), detail ? "; " : "", detail ? detail : "");
	}
	PQclear(result);
	return e;
}

/* The first row's first column as text (heap), "" where there is no row. */
static err_t ask(struct migration *m, const char *sql, int count, const char *const *params, char **ret_text)
{
	PGresult *result = PQexecParams(m->db, sql, count, NULL, params, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	err_t e = OK;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		e = fail(m, E_INTERNAL, "migration table: %s", PQerrorMessage(m->db));
	} else if (ret_text) {
		char *text = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
		e = text ? OK : E_NOMEM;
		if (text)
			*ret_text = text;
	}
	PQclear(result);
	return e;
}

static void quiet(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/* ---- the steps ---- */

/* On a server of the operator's, the roles and the schema are made where the user may; a private cluster has the roles. */
static const char PREPARE_SQL[] =
	"SET lock_timeout = '60s'; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;"
	"SELECT pg_advisory_lock(x'4350555348415245'::bigint);"
	"DO $$ BEGIN"
	" IF to_regrole('cpushare_owner') IS NULL THEN CREATE ROLE cpushare_owner NOLOGIN; END IF;"
	" IF to_regrole('cpushare_market') IS NULL THEN CREATE ROLE cpushare_market NOLOGIN; END IF;"
	" IF NOT pg_has_role(current_user, 'cpushare_owner', 'MEMBER') THEN"
	"  EXECUTE format('GRANT cpushare_owner, cpushare_market TO %I', current_user); END IF;"
	" IF to_regnamespace('cpushare') IS NULL THEN CREATE SCHEMA cpushare AUTHORIZATION cpushare_owner; END IF;"
	" END $$;"
	"SET ROLE cpushare_owner;"
	"SET search_path TO cpushare, pg_temp";

static const char TABLE_SQL[] =
	"BEGIN;"
	"CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
	" applied_at timestamptz NOT NULL DEFAULT now());"
	"COMMENT ON TABLE migration IS 'What brought this database to its form; number 0 is the set of procedures';"
	"COMMENT ON COLUMN migration.number IS 'The file''s number';"
	"COMMENT ON COLUMN migration.name IS 'The file''s name';"
	"COMMENT ON COLUMN migration.checksum IS 'SHA-256 of the file''s text; of the set: over theirs';"
	"COMMENT ON COLUMN migration.applied_at IS 'When';"
	"COMMIT";

static err_t remember(struct migration *m, const char *number, const char *name, const char *checksum)
{
	static const char SQL[] = "INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3) "
				  "ON CONFLICT (number) DO UPDATE SET checksum = excluded.checksum, applied_at = now()";
	const char *const params[] = { number, name, checksum };
	return ask(m, SQL, 3, params, NULL);
}

/* One that is just ending is waited for. */
static err_t check_alone(struct migration *m)
{
	static const char SQL[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
				  "application_name IN ('cpushare-market', 'cpushare-market pulse')";
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	for (int i = 0; i < ALONE_STEPS; i++) {
		AUTO_FREE char *markets = NULL;
		TRY(ask(m, SQL, 0, NULL, &markets));
		if (!strcmp(markets, "0"))
			return OK;
		nanosleep(&step, NULL);
	}
	return fail(m, E_CONFLICT, "a market works on the database: end it first");
}

static err_t apply(struct migration *m, const struct sql_file *file)
{
	static const char SQL[] = "SELECT checksum FROM migration WHERE number = $1";
	char number[5] = { 0 };
	int64_t value;
	memcpy(number, file->name, 4);
	if (strlen(file->name) < 5 || int_parse(number, &value) != OK || value < 1 || file->name[4] != '_')
		return fail(m, E_INVALID, "%s: a migration is named NNNN_name.sql", file->name);
	AUTO_FREE char *known = NULL;
	const char *const params[] = { number };
	TRY(ask(m, SQL, 1, params, &known));
	if (known[0] && strcmp(known, file->checksum) != 0)
		return fail(m, E_CONFLICT, "%s was changed after it had been applied: restore it, and add a new migration",
			    file->name);
	if (known[0])
		return OK;
	TRY(check_alone(m));
	TRY(run(m, file->name, "BEGIN"));
	TRY(run(m, file->name, file->text));
	TRY(remember(m, number, file->name, file->checksum));
	return run(m, file->name, "COMMIT");
}

/* A database that has more than this program knows is not to be touched by it. */
static err_t check_not_newer(struct migration *m)
{
	static const char SQL[] = "SELECT name FROM migration WHERE number > $1 ORDER BY number LIMIT 1";
	AUTO_FREE char *name = NULL;
	char last[5] = { 0 };
	memcpy(last, m->migrations[m->migration_count - 1].name, 4);
	const char *const params[] = { last };
	TRY(ask(m, SQL, 1, params, &name));
	if (name[0])
		return fail(m, E_CONFLICT, "the database has %s, which this program does not know: run the newer program", name);
	return OK;
}

static err_t apply_procedures(struct migration *m)
{
	static const char SQL[] = "SELECT checksum FROM migration WHERE number = 0";
	AUTO_FREE char *known = NULL;
	AUTO_BUF all = { 0 };
	char checksum[SHA256_TEXT_SIZE];
	/* The migrations count too: one that adds a function is followed by the grants. */
	for (size_t i = 0; i < m->migration_count; i++)
		buf_printf(&all, "%s %s\n", m->migrations[i].checksum, m->migrations[i].name);
	for (size_t i = 0; i < m->procedure_count; i++)
		buf_printf(&all, "%s %s\n", m->procedures[i].checksum, m->procedures[i].name);
	if (all.error != OK)
		return all.error;
	sha256_format(sha256_of(all.data, all.len), checksum);
	TRY(ask(m, SQL, 0, NULL, &known));
	if (!strcmp(known, checksum))
		return OK;
	TRY(run(m, "procedures", "BEGIN"));
	for (size_t i = 0; i < m->procedure_count; i++)
		TRY(run(m, m->procedures[i].name, m->procedures[i].text));
	TRY(remember(m, "0", "procedures", checksum));
	return run(m, "procedures", "COMMIT");
}

static err_t migrate_connected(struct migration *m)
{
	if (PQstatus(m->db) != CONNECTION_OK)
		return fail(m, E_UNAVAILABLE, "%s", PQerrorMessage(m->db));
	PQsetNoticeReceiver(m->db, quiet, NULL);
	TRY(run(m, "preparing the roles cpushare_owner and cpushare_market and the schema", PREPARE_SQL));
	TRY(run(m, "making the table of migrations", TABLE_SQL));
	TRY(check_not_newer(m));
	for (size_t i = 0; i < m->migration_count; i++)
		TRY(apply(m, &m->migrations[i]));
	return apply_procedures(m);
}

err_t migrate(const char *owner_uri, const char *sql_dir, char *error)
{
	static const char *const keywords[] = { "dbname", "fallback_application_name", "connect_timeout", NULL };
	const char *const values[] = { owner_uri, "cpushare-migrate", "5", NULL };
	struct migration m = { .dir = sql_dir, .error = error };
	error[0] = '\0';
	err_t e = folder_load(&m, "migrations", &m.migrations, &m.migration_count);
	if (e == OK)
		e = folder_load(&m, "procedures", &m.procedures, &m.procedure_count);
	if (e == OK) {
		m.db = PQconnectdbParams(keywords, values, 1);
		e = m.db ? migrate_connected(&m) : E_NOMEM;
		PQfinish(m.db);
	}
	files_free(m.migrations, m.migration_count);
	files_free(m.procedures, m.procedure_count);
	if (e != OK && !error[0])
		fail(&m, e, "%s", err_name(e));
	return e;
}
