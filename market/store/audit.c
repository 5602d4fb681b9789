/* SPDX-License-Identifier: Apache-2.0
 * audit.c - the whole ledger against itself, on all cores
 *
 * How it works: the entries are cut into slices of pages. Each worker, a thread with a connection of its own, takes the next slice until none
 * is left, and adds up what each account was given and gave. All read in the snapshot of the first connection, so it is as if one had
 * read everything at one moment. The accounts' own rows are compared with the sums then, in memory; what leases and orders hold and were
 * charged, and payouts, is PostgreSQL's to compare (ledger_books_verify).
 *
 * Each balance that the entries tell is there twice, after one entry and before the next: so the mixes of those after and of those before an
 * account's entries have one sum, but for its first (nothing) and its last (its balance). That needs no order. Sums are modulo 2^64.
 */
#include "audit.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "bytes.h"
#include "connection.h"

#define PAGE_BYTES 8192
#define SLICE_PAGES 2048  /* at most */
#define SLICES_A_WORKER 4 /* at least: none waits long for the last */
#define WORKER_PAGES 256  /* fewer are not worth a connection */
#define WORKERS_MAX 16

struct tally {
	uint64_t sum, told;
	bool touched;
};
struct audit {
	struct store *store;
	char snapshot[64];
	int64_t pages, slice, accounts; /* highest id + 1 */
	audit_seen_fn *seen;
	void *context;
	_Atomic int64_t next, done; /* pages */
	_Atomic bool failed;
};
struct worker {
	struct audit *audit;
	struct store *store;
	pthread_t thread;
	struct tally *tallies; /* by account */
	int64_t entries, strays;
	err_t error;
};

/* splitmix64's last step: balances that differ mix to numbers that have nothing to do with each other. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static err_t failure(struct store *s, const PGresult *result)
{
	return store_fail(s, PQstatus(s->db) == CONNECTION_BAD ? E_UNAVAILABLE : E_INTERNAL, "%s",
			  result ? PQresultErrorMessage(result) : PQerrorMessage(s->db));
}

/* Without the store's time limit. */
static err_t ask(struct store *s, const char *sql, PGresult **ret_result)
{
	AUTO_RESULT *result = PQexecParams(s->db, sql, 0, NULL, NULL, NULL, NULL, 1);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_OUT)
		return failure(s, result);
	if (ret_result) {
		*ret_result = result;
		result = NULL;
	}
	return OK;
}

static err_t begin(struct store *s, const char *snapshot)
{
	char sql[128];
	TRY(ask(s, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL));
	if (snapshot) {
		snprintf(sql, sizeof sql, "SET TRANSACTION SNAPSHOT '%s'", snapshot); /* PostgreSQL's own, of hex digits */
		TRY(ask(s, sql, NULL));
	}
	TRY(ask(s, "SET LOCAL statement_timeout = 0", NULL));
	return ask(s, "SET LOCAL idle_in_transaction_session_timeout = 0", NULL);
}

/* ---- the entries ---- */

static void side(struct worker *w, uint64_t account, uint64_t change, uint64_t after)
{
	if (account >= (uint64_t)w->audit->accounts) {
		w->strays++;
		return;
	}
	struct tally *t = &w->tallies[account];
	t->sum += change;
	t->told += mix(after) - mix(after - change);
	t->touched = true;
}

/* A row of COPY BINARY: the number of its columns, and each with its length before it. */
static bool take(struct worker *w, const char *data, size_t len)
{
	struct reader in = reader_of(data, len);
	uint64_t column[5];
	if (read_u16(&in) != 5)
		return false;
	for (int i = 0; i < 5; i++) {
		if (read_u32(&in) != sizeof column[i])
			return false;
		column[i] = read_u64(&in);
	}
	if (in.bad)
		return false;
	side(w, column[0], -column[2], column[3]);
	side(w, column[1], column[2], column[4]);
	w->entries++;
	return true;
}

/* Before the first row stands a header of 19 bytes, behind the last one -1 for the number of its columns. */
static const char *skip_header(const char *data, size_t *len)
{
	static const char signature[11] = "PGCOPY\n\377\r\n\0";
	if (*len < 19 || memcmp(data, signature, sizeof signature) != 0)
		return data;
	*len -= 19;
	return data + 19;
}

static err_t read_slice(struct worker *w, int64_t from, int64_t to)
{
	char sql[256], *data;
	AUTO_RESULT *end = NULL;
	int len;
	bool good = true;
	snprintf(sql, sizeof sql,
		 "COPY (SELECT debit, credit, amount_micro, debit_after, credit_after FROM entry WHERE ctid >= '(%lld,0)' "
		 "AND ctid < '(%lld,0)') TO STDOUT (FORMAT binary)",
		 (long long)from, (long long)to);
	TRY(ask(w->store, sql, NULL));
	while ((len = PQgetCopyData(w->store->db, &data, 0)) > 0) {
		size_t left = (size_t)len;
		const char *at = skip_header(data, &left);
		bool last = left == 2 && !memcmp(at, "\377\377", 2);
		good &= left == 0 || last || take(w, at, left);
		PQfreemem(data);
	}
	if (len == -2)
		return failure(w->store, NULL);
	while (PQclear(end), (end = PQgetResult(w->store->db)))
		if (PQresultStatus(end) != PGRES_COMMAND_OK)
			return failure(w->store, end);
	return good ? OK : store_fail(w->store, E_INTERNAL, "an entry is not what this program expects");
}

static err_t read_slices(struct worker *w)
{
	struct audit *a = w->audit;
	int64_t from;
	while (!a->failed && (from = atomic_fetch_add(&a->next, a->slice)) < a->pages) {
		int64_t to = from + a->slice < a->pages ? from + a->slice : a->pages;
		TRY(read_slice(w, from, to));
		int64_t done = atomic_fetch_add(&a->done, to - from) + to - from;
		if (w->store == a->store && a->seen)
			a->seen(a->context, (uint64_t)done * PAGE_BYTES, (uint64_t)a->pages * PAGE_BYTES);
	}
	return OK;
}

static void *thread_main(void *context)
{
	struct worker *w = context;
	/* Where there is no connection for it, the others do its work. */
	if (store_open(w->audit->store->uri, &w->store) == OK && begin(w->store, w->audit->snapshot) == OK)
		w->error = read_slices(w);
	if (w->error)
		w->audit->failed = true;
	store_close(w->store);
	return NULL;
}

/* What the others added up goes to the first. */
static void merge(const struct audit *a, struct worker *to, const struct worker *from)
{
	for (int64_t i = 0; i < a->accounts; i++) {
		to->tallies[i].sum += from->tallies[i].sum;
		to->tallies[i].told += from->tallies[i].told;
		to->tallies[i].touched |= from->tallies[i].touched;
	}
	to->entries += from->entries;
	to->strays += from->strays;
}

/* The first worker is the caller. */
static err_t read_entries(struct audit *a, struct worker *workers, int count)
{
	sigset_t all, old;
	int begun = 1;
	err_t e = OK;
	sigfillset(&all); /* signals are the caller's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; begun < count; begun++) {
		struct worker *w = &workers[begun];
		*w = (struct worker){ .audit = a, .tallies = calloc((size_t)a->accounts, sizeof *w->tallies) };
		if (!w->tallies || pthread_create(&w->thread, NULL, thread_main, w)) {
			free(w->tallies);
			break; /* with fewer, then */
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	workers[0].error = read_slices(&workers[0]);
	if (workers[0].error)
		a->failed = true;
	for (int i = 1; i < begun; i++) {
		pthread_join(workers[i].thread, NULL);
		if (!workers[i].error)
			merge(a, &workers[0], &workers[i]);
		else if (!e)
			e = store_fail(a->store, workers[i].error, "an audit's connection failed");
		free(workers[i].tallies);
	}
	return workers[0].error ? workers[0].error : e;
}

/* ---- the accounts ---- */

static const char ACCOUNTS_SQL[] = "SELECT id, owner IS NULL, kind, balance_micro FROM ledger_account";

static err_t compare(struct audit *a, struct worker *w, struct ledger_report *r)
{
	AUTO_RESULT *result = NULL;
	TRY(ask(a->store, ACCOUNTS_SQL, &result));
	r->accounts = PQntuples(result);
	for (int i = 0; i < r->accounts; i++) {
		struct row row = row_of(result, i);
		char kind[16];
		int64_t id = row_int(&row);
		bool market = row_bool(&row);
		row_text(&row, kind, sizeof kind);
		int64_t balance = row_int(&row);
		TRY(row_end(a->store, &row));
		bool external = !strcmp(kind, "external");
		struct tally t = { 0 };
		if (id >= 0 && id < a->accounts) {
			t = w->tallies[id];
			w->tallies[id].touched = false;
		}
		r->unbalanced += t.sum != (uint64_t)balance || t.told != mix((uint64_t)balance) - mix(0);
		r->negative += balance < 0 && !external && strcmp(kind, "owed") != 0;
		r->sum_micro += balance;
		r->users_micro += market ? 0 : balance;
		r->commission_micro += market && !strcmp(kind, "commission") ? balance : 0;
		r->external_micro += external ? balance : 0;
	}
	/* Entries of accounts that are not there. */
	for (int64_t id = 0; id < a->accounts; id++)
		r->unbalanced += w->tallies[id].touched;
	r->unbalanced += w->strays;
	r->entries = w->entries;
	return OK;
}

static const char BOOKS_SQL[] =
	"SELECT (SELECT count(*) FROM posting), holds_difference_micro, orders_difference, payouts_micro, "
	"payouts_difference_micro, owed_micro FROM ledger_books_verify(), payouts_verify()";

static err_t compare_books(struct audit *a, struct ledger_report *r)
{
	AUTO_RESULT *result = NULL;
	TRY(ask(a->store, BOOKS_SQL, &result));
	struct row row = row_of(result, 0);
	r->postings = row_int(&row);
	r->holds_difference_micro = row_int(&row);
	r->orders_difference = row_int(&row);
	r->payouts_micro = row_int(&row);
	r->payouts_difference_micro = row_int(&row);
	r->owed_micro = row_int(&row);
	return row_end(a->store, &row);
}

/* ---- all of it ---- */

static const char BEGIN_SQL[] = "SELECT pg_export_snapshot(), pg_relation_size('entry') / 8192, "
				"(SELECT coalesce(max(id), 0) + 1 FROM ledger_account)";

static int workers_for(int64_t pages, int wanted)
{
	int64_t most = wanted > 0 ? wanted : sysconf(_SC_NPROCESSORS_ONLN),
		worth = wanted > 0 ? wanted : 1 + pages / WORKER_PAGES;
	most = most < worth ? most : worth;
	return most < 1 ? 1 : most > WORKERS_MAX ? WORKERS_MAX : (int)most;
}

static err_t audit(struct audit *a, int workers, struct ledger_report *ret)
{
	AUTO_RESULT *result = NULL;
	struct ledger_report report = { 0 };
	TRY(begin(a->store, NULL));
	TRY(ask(a->store, BEGIN_SQL, &result));
	struct row row = row_of(result, 0);
	row_text(&row, a->snapshot, sizeof a->snapshot);
	a->pages = row_int(&row);
	a->accounts = row_int(&row);
	TRY(row_end(a->store, &row));
	int count = workers_for(a->pages, workers);
	a->slice = a->pages / (SLICES_A_WORKER * count) + 1;
	if (a->slice > SLICE_PAGES)
		a->slice = SLICE_PAGES;
	struct worker all[WORKERS_MAX] = { { .audit = a, .store = a->store } };
	all[0].tallies = calloc((size_t)a->accounts, sizeof *all[0].tallies);
	err_t e = all[0].tallies ? read_entries(a, all, count) : E_NOMEM;
	if (!e)
		e = compare(a, &all[0], &report);
	free(all[0].tallies);
	TRY(e);
	TRY(compare_books(a, &report));
	*ret = report;
	return OK;
}

err_t store_ledger_audit(struct store *s, int workers, audit_seen_fn *seen, void *context, struct ledger_report *ret)
{
	struct audit a = { .store = s, .seen = seen, .context = context };
	TRY(store_ping(s)); /* connects where there is no connection */
	err_t e = audit(&a, workers, ret);
	if (ask(s, "ROLLBACK", NULL) != OK)
		store_drop(s, s->error);
	return e;
}
