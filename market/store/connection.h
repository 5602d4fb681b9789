/* SPDX-License-Identifier: Apache-2.0
 * connection.h - one connection to PostgreSQL: parameters in, rows out, in binary; inside of market/store only
 *
 * struct params p = { 0 };
 * param_uuid(&p, id);
 * AUTO_RESULT *r = NULL;
 * TRY(store_query(s, SQL, &p, &r));
 * struct row row = row_of(r, 0);
 * thing.id = row_uuid(&row);		columns are taken in their order
 * TRY(row_end(s, &row));
 */
#ifndef STORE_CONNECTION_H
#define STORE_CONNECTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include "store.h"

#define PARAM_MAX 32
#define STATEMENT_MAX 256 /* distinct statements: a slot each in a table of twice as many */
#define STORE_ERROR_SIZE 512

struct store {
	char *uri;
	PGconn *db; /* NULL: not connected */
	bool in_transaction;
	int64_t epoch;		   /* of the book, that its writes are under; 0: of none */
	bool listens;		   /* to orders placed through other markets */
	const struct pulse *pulse; /* NULL: nobody looks */
	bool broken;		   /* the connection went away inside the transaction: only store_rollback() is left */
	char error[STORE_ERROR_SIZE];
	const char *prepared[2 * STATEMENT_MAX]; /* by the text's address; the slot is the statement's name */
};

/* ---- parameters, $1, $2, … in the order of the calls; what they point to must live until the query ---- */
struct params {
	int count;
	Oid types[PARAM_MAX];
	const char *values[PARAM_MAX];
	int lengths[PARAM_MAX];
	uint8_t numbers[PARAM_MAX][16];
	char *heap[PARAM_MAX]; /* arrays; freed by store_query() */
	err_t error;	       /* E_NOMEM, E_OVERFLOW */
};
struct bytes {
	const void *data;
	size_t len;
};
struct mac {
	uint8_t bytes[6];
};
void param_uuid(struct params *p, uuid id); /* zero: NULL */
void param_int(struct params *p, int64_t value);
void param_counter(struct params *p, uint64_t value);	       /* above 2^63 - 1: E_OVERFLOW */
int64_t param_counter_value(struct params *p, uint64_t value); /* for an array: as param_counter() */
void param_bool(struct params *p, bool value);
void param_money(struct params *p, money amount);
void param_prices(struct params *p, const struct prices *prices); /* three */
void param_before(struct params *p, struct page page);		  /* its id, or the highest there is: rows have a lower one */
void param_time(struct params *p, wall_time t);			  /* us 0: NULL */
void param_text(struct params *p, const char *value);		  /* NULL: NULL */
void param_bytes(struct params *p, const void *data, size_t len);
void param_sha256(struct params *p, const sha256 *hash); /* all zeros: NULL */
void param_int_array(struct params *p, const int64_t *values, size_t count);
void param_uuid_array(struct params *p, const uuid *values, size_t count);
void param_uuid_or_null_array(struct params *p, const uuid *values, size_t count); /* zero: NULL */
void param_mac_array(struct params *p, const struct mac *values, size_t count);
void param_bool_array(struct params *p, const bool *values, size_t count);
void param_time_array(struct params *p, const wall_time *values, size_t count);	    /* us 0: NULL */
void param_text_array(struct params *p, const char *const *values, size_t count);   /* NULL: NULL */
void param_sha256_array(struct params *p, const sha256 *values, size_t count);	    /* all zeros: NULL */
void param_bytes_array(struct params *p, const struct bytes *values, size_t count); /* data NULL: NULL */

/* ---- queries ---- */
void result_free(PGresult **result);
#define AUTO_RESULT __attribute__((cleanup(result_free))) PGresult

/* Runs one statement and waits for it. Connects where there is no connection. ret_result may be NULL. */
MUST_CHECK err_t store_query(struct store *s, const char *sql, struct params *p, PGresult **ret_result);
/* The same; E_NOT_FOUND where no row came back or was changed. */
MUST_CHECK err_t store_query_one(struct store *s, const char *sql, struct params *p, PGresult **ret_result);
/* A number of the first row's first column. */
MUST_CHECK err_t store_query_int(struct store *s, const char *sql, struct params *p, int64_t *ret_value);
/* The text of the first row's first column: what a procedure says that it did. OUTCOME_SIZE bytes. */
MUST_CHECK err_t outcome_query(struct store *s, const char *sql, struct params *p, char *ret_outcome);
/* For lane.c. Sends and does not wait for the answer; the statement is prepared first, which is waited for once a connection. */
MUST_CHECK err_t store_send(struct store *s, const char *sql, struct params *p);
/* Sends what is left and reads what has come. The result and the failure are the statement's where it is ANSWERED. */
enum progress { SENDING, WAITING, ANSWERED };
MUST_CHECK err_t store_receive(struct store *s, enum progress *ret_progress, PGresult **ret_result);
/* Something came while nothing was asked: the connection's end, or notices. */
MUST_CHECK err_t store_idle(struct store *s);
/* Closes the connection; E_UNAVAILABLE. */
err_t store_drop(struct store *s, const char *why);
/* Notes why a call failed, for store_error(); returns e. */
err_t store_fail(struct store *s, err_t e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- rows: NULL reads as zero, nothing, or "" ---- */
struct row {
	const PGresult *result;
	int row, column;
	bool bad; /* a column that is not there, of another length, or does not fit */
};
static inline struct row row_of(const PGresult *result, int row)
{
	return (struct row){ result, row, 0, false };
}
uuid row_uuid(struct row *r);
int64_t row_int(struct row *r);
uint32_t row_u32(struct row *r);
bool row_bool(struct row *r);
money row_money(struct row *r);
struct prices row_prices(struct row *r);
uint32_t row_rating(struct row *r); /* of reputation_marks()'s two columns */
wall_time row_time(struct row *r);
sha256 row_sha256(struct row *r);
void row_bytes(struct row *r, void *data, size_t len); /* exactly len */
void row_text(struct row *r, char *text, size_t size);
char *row_text_new(struct row *r); /* heap; NULL for NULL and where memory is out */
int row_enum(struct row *r, const char *const *names, int count);
/* E_INTERNAL where anything was bad. */
MUST_CHECK err_t row_end(struct store *s, const struct row *r);

/* Reads all rows of a result into a heap array of size-byte elements. */
typedef void row_read_fn(struct row *row, void *element);
MUST_CHECK err_t rows_read(struct store *s, const PGresult *result, size_t size, row_read_fn *read, void **ret_rows,
			   size_t *ret_count);

/* A page's bounds, checked: E_INVALID. */
MUST_CHECK err_t page_check(struct store *s, struct page page);

#endif
