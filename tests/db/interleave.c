/* SPDX-License-Identifier: Apache-2.0
 * interleave.c - sessions that cross each other's ways statement by statement and are cut anywhere, and the books after each step
 *
 * interleave FOLDER SEED STEPS [several]
 *
 * How it works: as a market does, each session opens a transaction, claims an idempotency key, calls a procedure, stores the answer
 * under the key and commits: one of these a step, and which session takes the next one is drawn. A step is over when its statement is
 * answered, or waits for another session's lock; so the seed decides the interleaving, and the clock only the moments of cuts inside a
 * statement. A session may lose its client between two statements, during one, or after it sent COMMIT and before the answer; its
 * backend may be ended, its statement cancelled or timed out; now and then a backend is killed, and with it the whole server. Requests
 * are repeated under their keys. After each step that may have changed anything, what the clients were told is compared with what is
 * there, and what must always hold is asked (interleave.sql).
 *
 * With one procedure a transaction no deadlock is allowed: locks are taken in one order. With "several" a transaction calls two, as no
 * market does, and a deadlock is a refusal like others.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include "bytes.h"
#include "tap.h"

enum { SESSIONS = 6, ALL_EVERY = 60, CRASH_EVERY = 700, ANSWER_MS = 20000 };

static const char *const operations[] = {
	"place",     "place",	    "place",	"match",       "match",	      "match",	 "match",    "use",
	"use",	     "use",	    "use",	"use",	       "state",	      "state",	 "state",    "desire",
	"finish",    "finish",	    "close",	"deposit",     "deposit",     "deposit", "checkout", "paid",
	"paid",	     "reverse",	    "payout",	"payout_news", "payout_news", "payout",	 "payout",   "reverse",
	"paid",	     "payout_news", "newcomer", "leave",       "mark",	      "correct", "correct",  "dispute",
	"decide",    "debts",	    "chain",	"fold",	       "recompute",   "claim",	 "image",    "calibrate",
	"calibrate", "extend",	    "reset",	"use_one",     "tick",	      "lost",	 "cancel",   "retire",
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

enum step { CLAIM, FIRST, SECOND, SAVE, COMMIT };
struct session {
	PGconn *db;
	int step;     /* the statement that is next, or under way */
	bool waiting; /* for a lock */
	bool timed;   /* its statements have a millisecond each */
	char key[24];
	int op[2];
	uint64_t number[2];
	bool repeat; /* the same request once more */
	bool known;  /* it was acknowledged: a repeat must do nothing */
	bool maybe;  /* an earlier attempt may have been done */
};
static struct session sessions[SESSIONS];
static PGconn *monitor;
static const char *folder;
static uint64_t state;
static bool several;
static int keys, done, refused, cut, unknown, replayed, deadlocks, wrong, blocked;

/* SplitMix64 */
static uint64_t draw(uint64_t below)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static void quiet(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static PGconn *connect_as(const char *user)
{
	char text[512];
	snprintf(text, sizeof text,
		 "host='%s' dbname=cpushare user=%s options='-c search_path=cpushare,pg_temp -c client_min_messages=error'",
		 folder, user);
	for (int i = 0; i < 300; i++) { /* a server that was killed comes back */
		PGconn *db = PQconnectdb(text);
		PQsetNoticeReceiver(db, quiet, NULL);
		if (PQstatus(db) == CONNECTION_OK)
			return db;
		PQfinish(db);
		usleep(100 * 1000);
	}
	printf("Bail out! no server\n");
	exit(1);
}

/* The first value of the monitor's answer; valid until the next. */
PRINTF_LIKE(1, 2) static const char *ask(const char *fmt, ...)
{
	static char answer[2048];
	char sql[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(sql, sizeof sql, fmt, args);
	va_end(args);
	for (int tries = 0; tries < 2; tries++) {
		PGresult *result = PQexec(monitor, sql);
		bool fine = PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;
		snprintf(answer, sizeof answer, "%s",
			 !fine		     ? PQresultErrorMessage(result)
			 : PQntuples(result) ? PQgetvalue(result, 0, 0)
					     : "");
		PQclear(result);
		if (PQstatus(monitor) == CONNECTION_OK)
			break;
		PQfinish(monitor);
		monitor = connect_as("postgres");
	}
	return answer;
}

static void look(int step, bool all, const char *after)
{
	const char *what = ask("SELECT seed.wrong(%s)", all ? "true" : "false");
	if (what[0] && wrong++ < 5)
		ok(false, "step %d, after %s: %s", step, after, what);
}

/* ---- a session's client ---- */

static void plan(struct session *s)
{
	s->step = CLAIM;
	s->waiting = false;
	if (s->repeat) {
		s->repeat = false;
		return;
	}
	s->known = s->maybe = false;
	snprintf(s->key, sizeof s->key, "key-%s-%d", several ? "two" : "one", ++keys);
	for (int i = 0; i < 2; i++) {
		s->op[i] = (int)draw(OPERATIONS);
		s->number[i] = draw(1000000);
	}
}

static void statement(const struct session *s, char *sql, size_t size)
{
	switch (s->step) {
	case CLAIM:
		snprintf(sql, size,
			 "BEGIN; SET LOCAL statement_timeout = %d; INSERT INTO idempotency_key (account, key, request)"
			 " VALUES (seed.id(9), '%s', seed.hash('%s')) ON CONFLICT DO NOTHING",
			 s->timed ? 1 : 0, s->key, s->key);
		break;
	case FIRST:
	case SECOND:
		snprintf(sql, size, "SELECT seed.op_%s(%llu)", operations[s->op[s->step - FIRST]],
			 (unsigned long long)s->number[s->step - FIRST]);
		break;
	case SAVE:
		snprintf(sql, size,
			 "INSERT INTO seed.witness VALUES ('%s');"
			 "UPDATE idempotency_key SET status = 201 WHERE account = seed.id(9) AND key = '%s'",
			 s->key, s->key);
		break;
	default:
		snprintf(sql, size, "COMMIT");
	}
}

static void session_open(struct session *s)
{
	PQfinish(s->db);
	s->db = connect_as("cpushare_market");
	PQclear(PQexec(s->db, "SELECT set_config('cpushare.epoch', epoch::text, false) FROM book"));
}

/* A transaction is over, with what its client knows of it: 1 done, 0 not done, -1 nothing. */
static void over(struct session *s, int outcome)
{
	s->maybe = outcome < 0 || (outcome == 0 && s->maybe);
	if (!s->maybe)
		ask("INSERT INTO seed.known VALUES ('%s', %s) ON CONFLICT (key) DO UPDATE SET done = seed.known.done OR "
		    "excluded.done",
		    s->key, outcome ? "true" : "false");
	s->known |= outcome > 0;
	s->repeat = s->maybe || draw(4) == 0;
	if (s->repeat && !s->known)
		ask("DELETE FROM seed.known WHERE key = '%s'", s->key);
	s->timed = draw(12) == 0;
	plan(s);
}

/* Its backend is gone, or will be without committing: what was not sent to be committed is not done. */
static void lose(struct session *s, bool committing)
{
	int pid = PQbackendPID(s->db);
	cut++;
	unknown += committing;
	PQfinish(s->db);
	s->db = NULL;
	/* Until then it may commit yet. */
	for (int i = 0;
	     committing && i < ANSWER_MS && strcmp(ask("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", pid), "0"); i++)
		usleep(1000);
	session_open(s);
	over(s, committing ? -1 : 0);
}

static void roll_back(struct session *s)
{
	PQclear(PQexec(s->db, "ROLLBACK"));
	if (PQstatus(s->db) != CONNECTION_OK)
		session_open(s);
}

static void refusal(struct session *s, PGresult *result, int step)
{
	static const char *const allowed[] = { "CS001", "CS003", "CS004", "CS006", "CS007", "23505", "40001", "57014" };
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	bool fine = false;
	code = code ? code : "none";
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		fine |= !strcmp(code, allowed[i]);
	if (!strcmp(code, "40P01")) {
		deadlocks++;
		fine = several;
	}
	if (!fine && wrong++ < 5)
		ok(false, "step %d, %s and %s: %s", step, operations[s->op[0]], several ? operations[s->op[1]] : "nothing",
		   PQresultErrorMessage(result));
	refused++;
	roll_back(s);
	if (!strcmp(code, "CS007"))
		PQclear(PQexec(s->db, "SELECT set_config('cpushare.epoch', epoch::text, false) FROM book"));
	over(s, 0);
}

/* The answer to the statement under way. */
static void answered(struct session *s, int step)
{
	PGresult *result = NULL, *next;
	while ((next = PQgetResult(s->db))) {
		bool failed = result && PQresultStatus(result) == PGRES_FATAL_ERROR;
		PQclear(failed ? next : result);
		result = failed ? result : next;
	}
	s->waiting = false;
	bool fine = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
	if (PQstatus(s->db) != CONNECTION_OK) {
		lose(s, s->step == COMMIT);
		look(step, false, "a lost connection");
	} else if (!fine) {
		refusal(s, result, step);
	} else if (s->step == CLAIM && !strcmp(PQcmdTuples(result), "0")) {
		replayed++; /* done before: nothing is done now */
		roll_back(s);
		over(s, 1);
	} else if (s->step == CLAIM && s->known) {
		wrong++;
		ok(false, "step %d: what was acknowledged under %s is not known any more", step, s->key);
	} else if (s->step == COMMIT) {
		char after[64];
		snprintf(after, sizeof after, "%s%s%s", operations[s->op[0]], several ? " and " : "",
			 several ? operations[s->op[1]] : "");
		done++;
		over(s, 1);
		look(step, done % ALL_EVERY == 0, after);
	} else {
		s->maybe &= s->step != CLAIM;
		s->step += s->step == FIRST && !several ? 2 : 1;
	}
	PQclear(result);
}

/* Until it is answered, or waits for a lock. */
static void await(struct session *s, int step)
{
	struct pollfd fd = { .fd = PQsocket(s->db), .events = POLLIN };
	for (int i = 0; i < ANSWER_MS; i++) {
		poll(&fd, 1, i == 0 ? 0 : 1);
		if (!PQconsumeInput(s->db) || !PQisBusy(s->db)) {
			answered(s, step);
			return;
		}
		if (i &&
		    !strcmp(ask("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %d", PQbackendPID(s->db)), "Lock")) {
			blocked += !s->waiting;
			s->waiting = true;
			return;
		}
	}
	wrong++;
	ok(false, "step %d: %s is answered", step, operations[s->op[0]]);
	lose(s, s->step == COMMIT);
}

/* ---- faults ---- */

static void cancel(struct session *s)
{
	char error[256];
	PGcancel *request = PQgetCancel(s->db);
	PQcancel(request, error, sizeof error);
	PQfreeCancel(request);
}

/* Its backend is ended or its statement cancelled, at any moment; or the client is gone. */
static void fault(struct session *s, int step)
{
	bool under_way = s->waiting || PQtransactionStatus(s->db) == PQTRANS_ACTIVE;
	switch (draw(3)) {
	case 0:
		ask("SELECT pg_terminate_backend(%d)", PQbackendPID(s->db));
		break;
	case 1:
		cancel(s);
		if (!under_way)
			return;
		break;
	default:
		lose(s, s->step == COMMIT && under_way);
		look(step, false, "a lost client");
		return;
	}
	if (under_way)
		await(s, step);
}

/* One backend is killed: PostgreSQL ends all others and starts anew. */
static void crash(int step)
{
	kill(PQbackendPID(sessions[draw(SESSIONS)].db), SIGKILL);
	usleep(20000);
	ask("SELECT 1");
	for (int i = 0; i < SESSIONS; i++)
		lose(&sessions[i], false);
	look(step, true, "a killed server");
}

static void advance(struct session *s, int step)
{
	char sql[512];
	statement(s, sql, sizeof sql);
	if (!PQsendQuery(s->db, sql)) {
		lose(s, false);
		return;
	}
	if (draw(40) == 0) {
		usleep((useconds_t)draw(2500));
		fault(s, step);
	} else {
		await(s, step);
	}
}

int main(int argc, char **argv)
{
	int64_t seed = 0, steps = 0;
	if (argc < 4 || int_parse(argv[2], &seed) != OK || int_parse(argv[3], &steps) != OK) {
		fprintf(stderr, "interleave FOLDER SEED STEPS [several]\n");
		return 2;
	}
	folder = argv[1];
	several = argc > 4;
	state = (uint64_t)seed;
	signal(SIGPIPE, SIG_IGN);
	printf("# SEED=%lld STEPS=%lld%s\n", (long long)seed, (long long)steps, several ? " several" : "");
	monitor = connect_as("postgres");
	for (int i = 0; i < SESSIONS; i++) {
		session_open(&sessions[i]);
		plan(&sessions[i]);
	}
	for (int step = 1; step <= steps && wrong < 5; step++) {
		struct session *s = &sessions[draw(SESSIONS)];
		if (s->waiting && draw(12) == 0)
			fault(s, step);
		else if (!s->waiting && draw(60) == 0)
			fault(s, step);
		else if (!s->waiting)
			advance(s, step);
		if (step % CRASH_EVERY == CRASH_EVERY / 2)
			crash(step);
		/* What it ended may have been waited for. */
		for (int i = 0; i < SESSIONS; i++)
			if (sessions[i].waiting)
				await(&sessions[i], step);
	}
	for (int i = 0; i < SESSIONS; i++)
		PQfinish(sessions[i].db);
	/* Backends whose clients left in the middle of a statement: until they are gone, what they do meets what comes now. */
	const char *others = "0";
	for (int i = 0; i < ANSWER_MS; i++) {
		others = ask("SELECT count(*) FROM pg_stat_activity WHERE usename = 'cpushare_market'");
		if (!strcmp(others, "0"))
			break;
		usleep(1000);
	}
	is_text(others, "0", "all sessions are over");
	look((int)steps, true, "everything");
	is_text(ask("SELECT seed.finish()"), "", "in the end all is charged and nothing is held");
	ask("SELECT ledger_chain(1000000)");
	is_text(ask("SELECT waiting FROM ledger_chain_head()"), "0", "everything is chained");
	is_text(ask("SELECT seed.wrong(true)"), "", "and right");
	printf("# %d done, %d refused, %d cut, %d of them while committing, %d repeated, %d waited for a lock, %d deadlocks\n",
	       done, refused, cut, unknown, replayed, blocked, deadlocks);
	ok(wrong == 0, "whatever meets, and wherever it is cut, the books are right after each step");
	ok(done > steps / 20 && cut > 0 && replayed > 0 && blocked > 0, "and there was something to see");
	PQfinish(monitor);
	return done_testing();
}
