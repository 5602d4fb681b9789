/* SPDX-License-Identifier: Apache-2.0
 * connection.c - opening, losing and finding again the connection; statements, transactions, kinds of failure
 *
 * How it works: each statement's text is a constant, so its address names it: at its first use on a connection it is prepared under
 * the number of its slot. A statement is sent and waited for with poll(): a server that does not answer within ANSWER_US counts as
 * gone, though its socket lives, and so does at once one that the pulse (pulse.h) calls silent. A connection that broke is closed at once (E_UNAVAILABLE) and made anew by the next call, unless a
 * transaction was open: its effects are gone, and going on as if they were not would be wrong, so the caller must roll back first.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "connection.h"
#include "pulse.h"

#define CONNECT_S "2"
#define ANSWER_US (15 * SECOND_US)
#define LOOK_MS 250 /* at the pulse, while the answer is waited for */
#define SILENT "the database is silent"

err_t store_fail(struct store *s, err_t e, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(s->error, sizeof s->error, fmt, args);
	va_end(args);
	for (size_t len = strlen(s->error); len > 0 && s->error[len - 1] == '\n'; len--)
		s->error[len - 1] = '\0';
	return e;
}

const char *store_error(const struct store *s)
{
	return s->error;
}

static err_t store_lost(struct store *s, const char *why)
{
	if (why != s->error)
		store_fail(s, E_UNAVAILABLE, "%s", why);
	PQfinish(s->db);
	s->db = NULL;
	s->broken = s->in_transaction;
	memset(s->prepared, 0, sizeof s->prepared);
	return E_UNAVAILABLE;
}

/* What procedures (db/procedures/10_ledger.sql) and PostgreSQL refuse with, as our kinds. */
static err_t state_to_err(const char *state, const char *constraint)
{
	static const struct {
		const char *state;
		err_t error;
	} table[] = {
		{ "CS001", E_NOT_FOUND },   { "CS002", E_EXISTS },	{ "CS003", E_CONFLICT },
		{ "CS004", E_FUNDS },	    { "CS005", E_LIMIT },	{ "CS006", E_INVALID },
		{ "CS007", E_DENIED },	    { "23503", E_NOT_FOUND }, /* foreign_key_violation: what was named does not exist */
		{ "23505", E_EXISTS },				      /* unique_violation */
		{ "40001", E_AGAIN },				      /* serialization_failure */
		{ "40P01", E_AGAIN },				      /* deadlock_detected */
		{ "55P03", E_AGAIN },				      /* lock_not_available */
		{ "57014", E_AGAIN },				      /* query_canceled: statement_timeout */
		{ "57P01", E_UNAVAILABLE }, { "57P02", E_UNAVAILABLE }, { "57P03", E_UNAVAILABLE },
		{ "53300", E_UNAVAILABLE }, /* too_many_connections */
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].state, state))
			return table[i].error;
	/* The last net below the procedures' own check. */
	if (!strcmp(state, "23514") && !strcmp(constraint, "ledger_account_balance_check"))
		return E_FUNDS;
	return E_INTERNAL;
}

static err_t result_check(struct store *s, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return OK;
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (!state || PQstatus(s->db) == CONNECTION_BAD)
		return store_lost(s, PQerrorMessage(s->db));
	return store_fail(s, state_to_err(state, constraint ? constraint : ""), "%s: %s", state, message ? message : "");
}

void result_free(PGresult **result)
{
	PQclear(*result);
	*result = NULL;
}

/* Until there is something to read, or room for what is still to be sent. */
static err_t socket_wait(struct store *s, bool sending, mono_time since)
{
	struct pollfd fd = { .fd = PQsocket(s->db), .events = sending ? POLLIN | POLLOUT : POLLIN };
	for (;;) {
		int n = poll(&fd, 1, LOOK_MS);
		if (n > 0)
			return OK;
		if (n < 0 && errno != EINTR)
			return store_lost(s, "its socket cannot be watched");
		if (pulse_silent(s->pulse))
			return store_lost(s, SILENT);
		if (clock_mono().us - since.us > ANSWER_US)
			return store_lost(s, "the database does not answer");
	}
}

/* Collects the results of what was sent, up to the last one. */
static err_t answer_wait(struct store *s, PGresult **ret_result)
{
	AUTO_RESULT *last = NULL;
	const mono_time since = clock_mono();
	for (;;) {
		for (int left; (left = PQflush(s->db)) || PQisBusy(s->db);) {
			if (left < 0)
				return store_lost(s, PQerrorMessage(s->db));
			TRY(socket_wait(s, left > 0, since));
			if (!PQconsumeInput(s->db))
				return store_lost(s, PQerrorMessage(s->db));
		}
		PGresult *next = PQgetResult(s->db);
		if (!next)
			break;
		/* The first failure is the one that tells. */
		if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) {
			PQclear(next);
			continue;
		}
		PQclear(last);
		last = next;
	}
	if (!last)
		return store_lost(s, PQerrorMessage(s->db));
	TRY(result_check(s, last));
	*ret_result = last;
	last = NULL;
	return OK;
}

static err_t simple(struct store *s, const char *sql)
{
	AUTO_RESULT *result = NULL;
	if (!PQsendQuery(s->db, sql))
		return store_lost(s, PQerrorMessage(s->db));
	return answer_wait(s, &result);
}

/* What the server compares with the book's epoch (db/procedures/25_book.sql). */
static err_t epoch_tell(struct store *s)
{
	char sql[64];
	snprintf(sql, sizeof sql, "SET cpushare.epoch = %lld", (long long)s->epoch);
	return simple(s, sql);
}

err_t store_listen(struct store *s)
{
	s->listens = true;
	return s->db ? simple(s, "LISTEN cpushare_order") : OK; /* else when it connects */
}

err_t store_heard(struct store *s, uuid *ret_order)
{
	if (!s->db || s->in_transaction || !PQconsumeInput(s->db))
		return E_NOT_FOUND; /* what was lost with the connection is found when everything is loaded again */
	for (PGnotify *n; (n = PQnotifies(s->db));) {
		err_t e = uuid_parse(n->extra, ret_order);
		PQfreemem(n);
		if (e == OK)
			return OK;
	}
	return E_NOT_FOUND;
}

static err_t store_connect(struct store *s)
{
	static const char *const keywords[] = { "dbname",	    "fallback_application_name", "connect_timeout",
						"tcp_user_timeout", "client_encoding",		 NULL };
	const char *const values[] = { s->uri, "cpushare-market", CONNECT_S, "10000", "UTF8", NULL };
	s->db = PQconnectdbParams(keywords, values, 1);
	if (!s->db)
		return E_NOMEM;
	if (PQstatus(s->db) != CONNECTION_OK || PQsetnonblocking(s->db, 1))
		return store_lost(s, PQerrorMessage(s->db));
	/* The role that cannot write money, where the user is another one (an owner or superuser of a server of the operator's). */
	err_t e = simple(
		s, "SET search_path TO cpushare, pg_temp; SET statement_timeout = '10s'; "
		   "SET idle_in_transaction_session_timeout = '5s'; SET plan_cache_mode = force_generic_plan; "
		   "SET TimeZone = 'UTC'; SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; "
		   "SELECT set_config('role', 'cpushare_market', false) WHERE current_user <> 'cpushare_market' "
		   "AND pg_has_role(session_user, 'cpushare_market', 'MEMBER')");
	if (e == OK)
		e = epoch_tell(s);
	if (e == OK && s->listens)
		e = store_listen(s);
	if (e != OK && s->db)
		store_lost(s, s->error);
	return e == OK ? OK : E_UNAVAILABLE;
}

static err_t ready(struct store *s)
{
	if (s->broken)
		return store_fail(s, E_UNAVAILABLE, "the connection was lost inside a transaction");
	if (pulse_silent(s->pulse))
		return store_lost(s, SILENT);
	return s->db ? OK : store_connect(s);
}

/* Prepares sql where this connection does not know it yet. name has 16 bytes. */
static err_t prepare(struct store *s, const char *sql, const struct params *p, char *name)
{
	size_t slots = sizeof s->prepared / sizeof *s->prepared;
	size_t slot = ((uintptr_t)sql >> 4) % slots;
	for (size_t i = 0; s->prepared[slot] && s->prepared[slot] != sql; i++) {
		if (i == slots)
			return store_fail(s, E_INTERNAL, "more statements than STATEMENT_MAX");
		slot = (slot + 1) % slots;
	}
	snprintf(name, 16, "s%zu", slot);
	if (s->prepared[slot])
		return OK;
	AUTO_RESULT *result = NULL;
	if (!PQsendPrepare(s->db, name, sql, p ? p->count : 0, p ? p->types : NULL))
		return store_lost(s, PQerrorMessage(s->db));
	TRY(answer_wait(s, &result));
	s->prepared[slot] = sql;
	return OK;
}

static void params_free(struct params *p)
{
	for (int i = 0; p && i < p->count; i++) {
		free(p->heap[i]);
		p->heap[i] = NULL;
	}
}

static err_t send(struct store *s, const char *sql, const struct params *p)
{
	static const int binary[PARAM_MAX] = { [0 ... PARAM_MAX - 1] = 1 };
	char name[16];
	if (p && p->error != OK)
		return store_fail(s, p->error, "a parameter does not fit");
	TRY(ready(s));
	TRY(prepare(s, sql, p, name));
	if (!PQsendQueryPrepared(s->db, name, p ? p->count : 0, p ? p->values : NULL, p ? p->lengths : NULL, binary, 1))
		return store_lost(s, PQerrorMessage(s->db));
	return OK;
}

static err_t run(struct store *s, const char *sql, const struct params *p, PGresult **ret_result)
{
	TRY(send(s, sql, p));
	return answer_wait(s, ret_result);
}

err_t store_send(struct store *s, const char *sql, struct params *p)
{
	err_t e = send(s, sql, p);
	params_free(p);
	return e;
}

err_t store_idle(struct store *s)
{
	if (!PQconsumeInput(s->db) || PQstatus(s->db) != CONNECTION_OK)
		return store_lost(s, PQerrorMessage(s->db));
	return OK;
}

err_t store_drop(struct store *s, const char *why)
{
	return store_lost(s, why);
}

err_t store_receive(struct store *s, enum progress *ret_progress, PGresult **ret_result)
{
	int left = PQflush(s->db);
	if (left < 0 || !PQconsumeInput(s->db))
		return store_lost(s, PQerrorMessage(s->db));
	if (left > 0 || PQisBusy(s->db)) {
		*ret_progress = left > 0 ? SENDING : WAITING;
		return OK;
	}
	*ret_progress = ANSWERED;
	/* All of a statement's answer comes at once: what is not here yet is its last few bytes. */
	return answer_wait(s, ret_result);
}

err_t store_query(struct store *s, const char *sql, struct params *p, PGresult **ret_result)
{
	AUTO_RESULT *result = NULL;
	err_t e = run(s, sql, p, &result);
	params_free(p);
	if (e == OK && ret_result) {
		*ret_result = result;
		result = NULL;
	}
	return e;
}

err_t store_query_one(struct store *s, const char *sql, struct params *p, PGresult **ret_result)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, sql, p, &result));
	/* A SELECT and a statement with RETURNING have tuples; the others say how many rows they changed. */
	bool none = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) == 0 : !strcmp(PQcmdTuples(result), "0");
	if (none)
		return store_fail(s, E_NOT_FOUND, "no such row");
	if (ret_result) {
		*ret_result = result;
		result = NULL;
	}
	return OK;
}

err_t store_query_int(struct store *s, const char *sql, struct params *p, int64_t *ret_value)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, sql, p, &result));
	struct row row = row_of(result, 0);
	int64_t value = row_int(&row);
	TRY(row_end(s, &row));
	*ret_value = value;
	return OK;
}

err_t outcome_query(struct store *s, const char *sql, struct params *p, char *ret_outcome)
{
	AUTO_RESULT *result = NULL;
	char outcome[OUTCOME_SIZE];
	TRY(store_query_one(s, sql, p, &result));
	struct row row = row_of(result, 0);
	row_text(&row, outcome, sizeof outcome);
	TRY(row_end(s, &row));
	memcpy(ret_outcome, outcome, sizeof outcome);
	return OK;
}

err_t store_open(const char *uri, struct store **ret_store)
{
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	s->uri = strdup(uri);
	err_t e = s->uri ? store_connect(s) : E_NOMEM;
	if (e != OK) {
		store_close(s);
		return e;
	}
	*ret_store = s;
	return OK;
}

void store_watch(struct store *s, const struct pulse *pulse)
{
	s->pulse = pulse;
}

bool store_silent(const struct store *s)
{
	return pulse_silent(s->pulse);
}

err_t store_set_epoch(struct store *s, int64_t epoch)
{
	s->epoch = epoch;
	return s->db ? epoch_tell(s) : OK; /* else told when it connects */
}

void store_close(struct store *s)
{
	if (!s)
		return;
	PQfinish(s->db);
	free(s->uri);
	free(s);
}

err_t store_ping(struct store *s)
{
	int64_t one;
	static const char SQL[] = "SELECT 1";
	return store_query_int(s, SQL, NULL, &one);
}

err_t store_begin(struct store *s)
{
	if (s->in_transaction)
		return store_fail(s, E_INTERNAL, "a transaction within a transaction");
	TRY(ready(s));
	TRY(simple(s, "BEGIN"));
	s->in_transaction = true;
	return OK;
}

err_t store_commit(struct store *s)
{
	if (!s->in_transaction)
		return store_fail(s, E_INTERNAL, "no transaction to commit");
	TRY(ready(s));
	/* A COMMIT of a transaction that failed is answered with "ROLLBACK", and no error. */
	AUTO_RESULT *result = NULL;
	if (!PQsendQuery(s->db, "COMMIT"))
		return store_lost(s, PQerrorMessage(s->db));
	TRY(answer_wait(s, &result));
	s->in_transaction = false;
	if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		return store_fail(s, E_INTERNAL, "a transaction that had failed was committed: it was rolled back");
	return OK;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction && s->db && simple(s, "ROLLBACK") != OK && s->db)
		store_lost(s, s->error);
	s->in_transaction = s->broken = false;
}
