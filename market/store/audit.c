/* SPDX-License-Identifier: Apache-2.0
 * audit.c - the whole ledger against itself, on all cores
 *
 * How it works: the entries are cut into slices of pages, the chain into slices of numbers. Each worker, a thread with a connection of its own,
 * takes the next slice until none is left. All read in the snapshot of the first connection, so it is as if one had read everything at one
 * moment. What leases and orders hold and were charged, and payouts, is PostgreSQL's to compare (ledger_books_verify).
 *
 * Each balance that the entries tell is there twice, after one entry and before the next, and so is each entry's number: as its own, and as
 * the one before the next. So the hashes of those pairs after and of those before an account's entries have one sum, but for its first (nothing)
 * and its last (its newest entry and its balance); and with the account in the hash, all accounts' together have. PostgreSQL adds that up
 * without moving a row (entry_told), and one more for each entry that names a later one: else a circle of some would be missed. Only where it is
 * not what the accounts say are the entries read by COPY, and what each account was given and gave added up in memory, to see which are wrong.
 * Neither needs an order. Sums are modulo 2^63 and 2^64.
 */
#include "audit.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "bytes.h"
#include "connection.h"
#include "file.h"

#define SLICE_PAGES 2048 /* at most */
#define SLICE_LINKS 20000
#define SLICES_A_WORKER 4 /* at least: none waits long for the last */
#define WORKER_PAGES 256  /* fewer are not worth a connection */
#define WORKER_LINKS 5000
#define WORKERS_MAX 16

struct tally {
	uint64_t sum, told;
	bool touched;
};
struct worker;
struct audit {
	struct store *store;
	err_t (*read)(struct worker *w, int64_t from, int64_t to);
	int64_t all, slice; /* pages, or links of the chain */
	char snapshot[64];
	int64_t accounts; /* highest id + 1; 0: not each by itself */
	uint32_t faults_max;
	struct ledger_report report;
	bool books; /* orders, leases and payouts are asked for: the first worker begins with them */
	audit_seen_fn *seen;
	void *context;
	_Atomic int64_t next, done;
	_Atomic bool failed;
};
struct worker {
	struct audit *audit;
	struct store *store;
	pthread_t thread;
	struct tally *tallies; /* by account */
	uint64_t told;	       /* of all accounts */
	int64_t entries, strays;
	struct chain_fault *faults;
	size_t fault_count;
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
	TRY(ask(s, "SET LOCAL jit = off", NULL));
	return ask(s, "SET LOCAL idle_in_transaction_session_timeout = 0", NULL);
}

/* ---- the entries ---- */

static err_t add_told(struct worker *w, const char *sql)
{
	AUTO_RESULT *result = NULL;
	TRY(ask(w->store, sql, &result));
	struct row row = row_of(result, 0);
	int64_t entries = row_int(&row);
	uint64_t told = (uint64_t)row_int(&row);
	TRY(row_end(w->store, &row));
	w->entries += entries;
	w->told += told;
	return OK;
}

static err_t read_told(struct worker *w, int64_t from, int64_t to)
{
	char sql[256];
	snprintf(sql, sizeof sql,
		 "SELECT count(*), coalesce(mod(sum(debit_told + credit_told), 9223372036854775808), 0)::bigint FROM entry_told "
		 "WHERE place >= '(%lld,0)' AND place < '(%lld,0)'",
		 (long long)from, (long long)to);
	return add_told(w, sql);
}

struct pair {
	uint64_t number, balance;
};

static uint64_t mix_pair(struct pair p)
{
	return mix(p.balance + mix(p.number));
}

static void side(struct worker *w, uint64_t account, uint64_t change, struct pair after, uint64_t previous)
{
	if (account >= (uint64_t)w->audit->accounts) {
		w->strays++;
		return;
	}
	struct tally *t = &w->tallies[account];
	t->sum += change;
	t->told += mix_pair(after) - mix_pair((struct pair){ previous, after.balance - change });
	t->told += previous >= after.number;
	t->touched = true;
}

static const char ENTRY_COLUMNS[] =
	"debit, credit, amount_micro, debit_after, credit_after, number, debit_previous, credit_previous";
enum { COLUMNS = 8 };

/* A row of COPY BINARY: the number of its columns, and each with its length before it. */
static bool take(struct worker *w, const char *data, size_t len)
{
	struct reader in = reader_of(data, len);
	uint64_t column[COLUMNS];
	if (read_u16(&in) != COLUMNS)
		return false;
	for (int i = 0; i < COLUMNS; i++) {
		if (read_u32(&in) != sizeof column[i])
			return false;
		column[i] = read_u64(&in);
	}
	if (in.bad)
		return false;
	side(w, column[0], -column[2], (struct pair){ column[5], column[3] }, column[6]);
	side(w, column[1], column[2], (struct pair){ column[5], column[4] }, column[7]);
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

static err_t read_entries(struct worker *w, int64_t from, int64_t to)
{
	char sql[256], *data;
	AUTO_RESULT *end = NULL;
	int len;
	bool good = true;
	snprintf(sql, sizeof sql,
		 "COPY (SELECT %s FROM entry WHERE ctid >= '(%lld,0)' AND ctid < '(%lld,0)') TO STDOUT (FORMAT binary)",
		 ENTRY_COLUMNS, (long long)from, (long long)to);
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

/* ---- the chain ---- */

static void fault_read(struct row *row, void *element)
{
	struct chain_fault *f = element;
	f->number = row_int(row);
	f->posting = row_uuid(row);
	row_text(row, f->fault, sizeof f->fault);
}

static err_t add_faults(struct worker *w, const struct chain_fault *rows, size_t count)
{
	if (count == 0)
		return OK;
	struct chain_fault *all = realloc(w->faults, (w->fault_count + count) * sizeof *all);
	if (!all)
		return E_NOMEM;
	memcpy(all + w->fault_count, rows, count * sizeof *rows);
	w->faults = all;
	w->fault_count += count;
	return OK;
}

static err_t read_links(struct worker *w, int64_t from, int64_t to)
{
	char sql[160];
	AUTO_RESULT *result = NULL;
	AUTO_FREE struct chain_fault *rows = NULL;
	size_t count;
	snprintf(sql, sizeof sql, "SELECT coalesce(chain_number, 0), posting, fault FROM ledger_chain_faults(%u, %lld, %lld)",
		 w->audit->faults_max, (long long)from, (long long)to);
	TRY(ask(w->store, sql, &result));
	TRY(rows_read(w->store, result, sizeof *rows, fault_read, (void **)&rows, &count));
	return add_faults(w, rows, count);
}

/* ---- orders, leases, payouts ---- */

static const char BOOKS_SQL[] =
	"SELECT (SELECT count(*) FROM posting), holds_difference_micro, orders_difference, payouts_micro, "
	"payouts_difference_micro, owed_micro, machines_difference FROM ledger_books_verify(), payouts_verify(), "
	"machines_verify()";

static err_t compare_books(struct audit *a)
{
	struct ledger_report *r = &a->report;
	AUTO_RESULT *result = NULL;
	TRY(ask(a->store, BOOKS_SQL, &result));
	struct row row = row_of(result, 0);
	r->postings = row_int(&row);
	r->holds_difference_micro = row_int(&row);
	r->orders_difference = row_int(&row);
	r->payouts_micro = row_int(&row);
	r->payouts_difference_micro = row_int(&row);
	r->owed_micro = row_int(&row);
	r->machines_difference = row_int(&row);
	return row_end(a->store, &row);
}

/* ---- the workers ---- */

static err_t read_slices(struct worker *w)
{
	struct audit *a = w->audit;
	int64_t from;
	while (!a->failed && (from = atomic_fetch_add(&a->next, a->slice)) < a->all) {
		int64_t to = from + a->slice < a->all ? from + a->slice : a->all;
		TRY(a->read(w, from, to));
		int64_t done = atomic_fetch_add(&a->done, to - from) + to - from;
		if (w->store == a->store && a->seen)
			a->seen(a->context, (uint64_t)done, (uint64_t)a->all);
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

static void worker_clear(struct worker *w)
{
	free(w->tallies);
	free(w->faults);
}

/* What another one found goes to the first. */
static err_t merge(const struct audit *a, struct worker *to, const struct worker *from)
{
	for (int64_t i = 0; i < a->accounts; i++) {
		to->tallies[i].sum += from->tallies[i].sum;
		to->tallies[i].told += from->tallies[i].told;
		to->tallies[i].touched |= from->tallies[i].touched;
	}
	to->told += from->told;
	to->entries += from->entries;
	to->strays += from->strays;
	return from->error ? from->error : add_faults(to, from->faults, from->fault_count);
}

static err_t worker_init(struct worker *w, struct audit *a)
{
	*w = (struct worker){ .audit = a, .tallies = calloc((size_t)a->accounts + 1, sizeof *w->tallies) };
	return w->tallies ? OK : E_NOMEM;
}

/* The caller is the first worker, which has it all in the end: worker_clear(). */
static err_t work(struct audit *a, int count, struct worker *first)
{
	struct worker others[WORKERS_MAX];
	sigset_t all, old;
	int begun = 0;
	TRY(worker_init(first, a));
	first->store = a->store;
	sigfillset(&all); /* signals are the caller's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (begun < count - 1) {
		struct worker *w = &others[begun];
		if (worker_init(w, a) != OK || pthread_create(&w->thread, NULL, thread_main, w)) {
			worker_clear(w);
			break; /* with fewer, then */
		}
		begun++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	err_t e = a->books ? compare_books(a) : OK;
	if (!e)
		e = read_slices(first);
	if (e)
		a->failed = true;
	for (int i = 0; i < begun; i++) {
		pthread_join(others[i].thread, NULL);
		err_t other = merge(a, first, &others[i]);
		if (!e && other)
			e = store_fail(a->store, other, "an audit's connection failed");
		worker_clear(&others[i]);
	}
	return e;
}

static int workers_for(int64_t amount, int64_t worth, int wanted)
{
	int64_t most = wanted > 0 ? wanted : sysconf(_SC_NPROCESSORS_ONLN), enough = wanted > 0 ? wanted : 1 + amount / worth;
	most = most < enough ? most : enough;
	return most < 1 ? 1 : most > WORKERS_MAX ? WORKERS_MAX : (int)most;
}

static int64_t slice_for(int64_t amount, int workers, int64_t most)
{
	int64_t slice = amount / (SLICES_A_WORKER * workers) + 1;
	return slice < most ? slice : most;
}

/* ---- the accounts ---- */

static const char ACCOUNTS_SQL[] = "SELECT id, owner IS NULL, kind, balance_micro, last_entry FROM ledger_account";

static err_t compare(struct audit *a, struct worker *w)
{
	struct ledger_report *r = &a->report;
	AUTO_RESULT *result = NULL;
	TRY(ask(a->store, ACCOUNTS_SQL, &result));
	r->accounts = PQntuples(result);
	for (int i = 0; i < r->accounts; i++) {
		struct row row = row_of(result, i);
		char kind[16];
		int64_t id = row_int(&row);
		bool market = row_bool(&row);
		row_text(&row, kind, sizeof kind);
		int64_t balance = row_int(&row), last = row_int(&row);
		TRY(row_end(a->store, &row));
		bool external = !strcmp(kind, "external");
		if (a->accounts) {
			struct tally t = { 0 };
			if (id >= 0 && id < a->accounts) {
				t = w->tallies[id];
				w->tallies[id].touched = false;
			}
			r->unbalanced += t.sum != (uint64_t)balance ||
					 t.told != mix_pair((struct pair){ (uint64_t)last, (uint64_t)balance }) -
							   mix_pair((struct pair){ 0 });
		}
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

/* ---- all of it ---- */

static const char BEGIN_SQL[] =
	"SELECT pg_export_snapshot(), pg_relation_size('entry') / current_setting('block_size')::bigint, "
	"(SELECT coalesce(max(id), 0) + 1 FROM ledger_account), (SELECT coalesce(max(number), 0) FROM posting_chain)";

struct extent {
	int64_t pages, accounts, links;
};

static err_t measure(struct audit *a, struct extent *ret)
{
	AUTO_RESULT *result = NULL;
	TRY(store_ping(a->store)); /* connects where there is no connection */
	TRY(begin(a->store, NULL));
	TRY(ask(a->store, BEGIN_SQL, &result));
	struct row row = row_of(result, 0);
	row_text(&row, a->snapshot, sizeof a->snapshot);
	ret->pages = row_int(&row);
	ret->accounts = row_int(&row);
	ret->links = row_int(&row);
	return row_end(a->store, &row);
}

static err_t finish(struct audit *a, err_t e)
{
	if (PQstatus(a->store->db) != CONNECTION_OK || ask(a->store, "ROLLBACK", NULL) != OK)
		return store_drop(a->store, a->store->error);
	return e;
}

static const char TOLD_SQL[] =
	"SELECT 0::bigint, coalesce(mod(sum(told), 9223372036854775808), 0)::bigint FROM ledger_account_told";

/* Whether the accounts are what all entries together tell. */
static err_t agrees(struct audit *a, const struct worker *all, bool *ret)
{
	struct worker accounts = { .audit = a, .store = a->store };
	TRY(add_told(&accounts, TOLD_SQL));
	*ret = (all->told - accounts.told) << 1 == 0;
	return OK;
}

/* Once more, each account by itself: something is wrong. */
static err_t tally_entries(struct audit *a, int64_t accounts, int workers, struct worker *all)
{
	worker_clear(all);
	a->books = false;
	a->read = read_entries;
	a->accounts = accounts;
	a->next = a->done = 0;
	return work(a, workers, all);
}

static err_t audit_sums(struct audit *a, int workers, struct ledger_report *ret)
{
	struct extent extent;
	struct worker all = { 0 };
	bool agreed = true;
	TRY(measure(a, &extent));
	int count = workers_for(extent.pages, WORKER_PAGES, workers);
	a->books = true;
	a->read = read_told;
	a->all = extent.pages;
	a->slice = slice_for(extent.pages, count, SLICE_PAGES);
	err_t e = work(a, count, &all);
	if (!e)
		e = agrees(a, &all, &agreed);
	if (!e && !agreed)
		e = tally_entries(a, extent.accounts, count, &all);
	if (!e)
		e = compare(a, &all);
	worker_clear(&all);
	TRY(e);
	*ret = a->report;
	return OK;
}

err_t store_ledger_audit(struct store *s, int workers, audit_seen_fn *seen, void *context, struct ledger_report *ret)
{
	struct audit a = { .store = s, .seen = seen, .context = context };
	return finish(&a, audit_sums(&a, workers, ret));
}

/* By their place in the chain; those that have none behind. */
static int fault_compare(const void *a, const void *b)
{
	const struct chain_fault *x = a, *y = b;
	uint64_t left = (uint64_t)x->number - 1, right = (uint64_t)y->number - 1;
	return left != right ? (left < right ? -1 : 1) : memcmp(&x->posting, &y->posting, sizeof x->posting);
}

static err_t audit_chain(struct audit *a, int workers, struct chain_fault **ret_rows, size_t *ret_count)
{
	struct extent extent;
	struct worker all = { 0 };
	TRY(measure(a, &extent));
	int count = workers_for(extent.links, WORKER_LINKS, workers);
	a->read = read_links;
	a->all = extent.links ? extent.links : 1; /* also what should be in it and is not */
	a->slice = slice_for(a->all, count, SLICE_LINKS);
	err_t e = work(a, count, &all);
	if (!e) {
		if (all.fault_count)
			qsort(all.faults, all.fault_count, sizeof *all.faults, fault_compare);
		*ret_rows = all.faults;
		*ret_count = all.fault_count < a->faults_max ? all.fault_count : a->faults_max;
		all.faults = NULL;
	}
	worker_clear(&all);
	return e;
}

err_t store_chain_audit(struct store *s, int workers, uint32_t limit, audit_seen_fn *seen, void *context,
			struct chain_fault **ret_rows, size_t *ret_count)
{
	struct audit a = { .store = s, .faults_max = limit, .seen = seen, .context = context };
	return finish(&a, audit_chain(&a, workers, ret_rows, ret_count));
}
