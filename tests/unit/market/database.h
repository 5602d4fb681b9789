/* SPDX-License-Identifier: Apache-2.0
 * database.h - a private cluster with the schema in it, and people to trade, for tests of the store
 */
#ifndef TESTS_DATABASE_H
#define TESTS_DATABASE_H

#include <stdlib.h>
#include <string.h>
#include "book.h"
#include "bytes.h"
#include "cluster.h"
#include "file.h"
#include "store.h"
#include "tap.h"

static char database_dir[] = "/tmp/store_test.XXXXXX";
static struct cluster *database_cluster;
static wall_time now = { 1800000000000000 }; /* what the tests call now; they move it on */

#define good(call) tap_good((call), #call, __FILE__, __LINE__)
#define refused(call, kind, ...) tap_refused((call), (kind), #call, __FILE__, __LINE__, __VA_ARGS__)

static struct store *tested; /* whose errors are shown */

/* A step that must work; only a failure is a line. */
__attribute__((unused)) static void tap_good(err_t e, const char *text, const char *file, int line)
{
	if (e != OK) {
		tap_ok(false, text, file, line, "%s", err_name(e));
		printf("# %s\n", tested ? store_error(tested) : "");
	}
}

__attribute__((unused, format(printf, 6, 7))) static void tap_refused(err_t e, err_t kind, const char *text, const char *file,
								      int line, const char *fmt, ...)
{
	char name[256];
	__builtin_va_list args;
	__builtin_va_start(args, fmt);
	vsnprintf(name, sizeof name, fmt, args);
	__builtin_va_end(args);
	if (!tap_ok(e == kind, text, file, line, "%s", name))
		printf("# got %s, want %s; %s\n", err_name(e), err_name(kind), tested ? store_error(tested) : "");
}

/* Dies where there is no database: then nothing here can be tested. */
__attribute__((unused)) static struct store *database_open(void)
{
	char error[MIGRATE_ERROR_SIZE];
	struct store *s = NULL;
	if (!mkdtemp(database_dir) || cluster_start(database_dir, &database_cluster) != OK)
		die("no cluster");
	if (migrate(cluster_owner_uri(database_cluster), "db", error) != OK)
		die("%s", error);
	if (store_open(cluster_market_uri(database_cluster), &s) != OK)
		die("no connection");
	tested = s;
	return s;
}

__attribute__((unused)) static void database_close(struct store *s)
{
	store_close(s);
	tested = NULL;
	cluster_stop(database_cluster);
	good(dir_remove(database_dir));
}

__attribute__((unused)) static uuid new_account(struct store *s, const char *name)
{
	char email[64];
	uuid id = uuid_make(now);
	snprintf(email, sizeof email, "%s@example.org", name);
	good(store_account_create(s, id, email, name, "$scrypt$"));
	return id;
}

__attribute__((unused)) static void fund(struct store *s, uuid account, int64_t credit_micro, int64_t commission_micro)
{
	char reference[UUID_TEXT_SIZE];
	struct deposit d = { .id = uuid_make(now), .account = account, .provider = "manual", .state = DEPOSIT_PENDING };
	d.amount.micro = credit_micro + commission_micro;
	d.commission.micro = commission_micro;
	d.credit.micro = credit_micro;
	d.created_at = now;
	good(store_deposit_create(s, &d));
	good(store_deposit_credit(s, d.id, uuid_format(d.id, reference), &d));
}

/* Of one piece, which the account has shown. */
__attribute__((unused)) static sha256 new_image(struct store *s, uuid account, const char *name)
{
	sha256 piece = sha256_of(name, strlen(name));
	struct image_request r = { .size_bytes = 4711, .pieces = &piece, .piece_count = 1 };
	good(text_copy(r.name, sizeof r.name, name));
	sha256 id = image_id(r.size_bytes, &piece, 1);
	good(store_image_create(s, account, &r, id));
	good(store_image_piece_add(s, account, id, 0));
	return id;
}

/* Online, of 4 cores and 4096 MiB, at 0.01, 0.002 and 0.001. */
__attribute__((unused)) static uuid new_machine(struct store *s, uuid account, const char *name)
{
	struct enrolment e = { 0 };
	struct machine_row row;
	uuid id = uuid_make(now);
	good(text_copy(e.name, sizeof e.name, name));
	random_fill(e.key.bytes, sizeof e.key.bytes);
	good(store_machine_create(s, id, account, &e));
	good(store_machine_get(s, id, &row));
	row.m.state = MACHINE_ONLINE;
	row.m.accel = ACCEL_KVM;
	row.m.cores = 4;
	row.m.memory_mib = 4096;
	row.m.prices = (struct prices){ { 10000 }, { 2000 }, { 1000 } };
	row.m.seen_at = now;
	row.accepting = true;
	good(store_machine_update(s, &row));
	return id;
}

__attribute__((unused)) static struct order_request order_of(sha256 image, uint32_t count, uint32_t cores)
{
	struct order_request r = { .image = image, .count = count, .cores = cores, .memory_mib = 512 };
	r.max_prices = (struct prices){ { 20000 }, { 2000 }, { 1000 } };
	r.duration_s = 3600;
	r.mtu = 1400;
	r.open_s = 3600;
	return r;
}

/* One place of the order on the machine; zero where it was refused. */
__attribute__((unused)) static uuid match_one(struct store *s, uuid order, uuid machine, uint32_t cores)
{
	struct match m = { order, machine, { { 10000 }, { 2000 }, { 1000 } }, cores, 512, false, 0 };
	struct made made = { 0 };
	good(store_match(s, &m, 1, now, &made));
	return made.lease;
}

__attribute__((unused)) static void is_sound(struct store *s, const char *when)
{
	struct ledger_report r = { .sum_micro = -1 };
	good(store_ledger_verify(s, &r));
	if (!tap_ok(r.sum_micro == 0 && r.unbalanced == 0 && r.negative == 0 && r.holds_difference_micro == 0 &&
			    r.orders_difference == 0 && r.machines_difference == 0,
		    "the ledger is sound", __FILE__, __LINE__, "the ledger is sound %s", when))
		printf("# sum %lld unbalanced %lld negative %lld holds %lld orders %lld machines %lld\n", (long long)r.sum_micro,
		       (long long)r.unbalanced, (long long)r.negative, (long long)r.holds_difference_micro,
		       (long long)r.orders_difference, (long long)r.machines_difference);
}

#endif
