/* SPDX-License-Identifier: Apache-2.0
 * row.c - parameters and rows in PostgreSQL's binary formats
 *
 * The formats are those of the types' send and receive functions: integers big-endian, uuid 16 bytes, bytea and text as they are,
 * timestamptz microseconds since 2000-01-01, arrays a header (dimensions, has nulls, element type, length, lower bound) and a
 * length before each element. No text is built or parsed, so nothing needs quoting and nothing is rounded.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "connection.h"
#include "file.h"
#include "rating.h"

/* src/include/catalog/pg_type.dat of PostgreSQL; these never change. */
enum {
	OID_BOOL = 16,
	OID_BOOL_ARRAY = 1000,
	OID_BYTEA_ARRAY = 1001,
	OID_TEXT_ARRAY = 1009,
	OID_TIMESTAMPTZ_ARRAY = 1185,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_TEXT = 25,
	OID_INT8_ARRAY = 1016,
	OID_TIMESTAMPTZ = 1184,
	OID_UUID = 2950,
	OID_UUID_ARRAY = 2951,
	OID_MAC = 829,
	OID_MAC_ARRAY = 1040,
};
/* 2000-01-01 in microseconds since 1970-01-01 */
#define PG_EPOCH_US 946684800000000LL

static void param_add(struct params *p, Oid type, const void *value, size_t len)
{
	assert(p->count < PARAM_MAX);
	p->types[p->count] = type;
	p->values[p->count] = value;
	p->lengths[p->count] = (int)len;
	p->count++;
}

/* Where the value lies in p itself. */
static void *param_number(struct params *p, Oid type, size_t len)
{
	assert(p->count < PARAM_MAX && len <= sizeof p->numbers[0]);
	void *at = p->numbers[p->count];
	param_add(p, type, at, len);
	return at;
}

void param_uuid(struct params *p, uuid id)
{
	if (uuid_is_zero(id))
		param_add(p, OID_UUID, NULL, 0);
	else
		memcpy(param_number(p, OID_UUID, sizeof id.bytes), id.bytes, sizeof id.bytes);
}

static void param_int8(struct params *p, Oid type, int64_t value)
{
	struct writer w = writer_of(param_number(p, type, 8), 8);
	write_u64(&w, (uint64_t)value);
}

void param_int(struct params *p, int64_t value)
{
	param_int8(p, OID_INT8, value);
}

int64_t param_counter_value(struct params *p, uint64_t value)
{
	if (value > INT64_MAX)
		p->error = E_OVERFLOW;
	return (int64_t)(value & INT64_MAX);
}

void param_counter(struct params *p, uint64_t value)
{
	param_int8(p, OID_INT8, param_counter_value(p, value));
}

void param_bool(struct params *p, bool value)
{
	*(uint8_t *)param_number(p, OID_BOOL, 1) = value;
}

void param_money(struct params *p, money amount)
{
	param_int(p, amount.micro);
}

void param_prices(struct params *p, const struct prices *prices)
{
	param_money(p, prices->per_core_hour);
	param_money(p, prices->per_gib_hour);
	param_money(p, prices->per_gib_transferred);
}

void param_before(struct params *p, struct page page)
{
	uuid highest = { { 0 } };
	memset(highest.bytes, 0xff, sizeof highest.bytes);
	param_uuid(p, uuid_is_zero(page.after) ? highest : page.after);
}

void param_time(struct params *p, wall_time t)
{
	if (t.us == 0)
		param_add(p, OID_TIMESTAMPTZ, NULL, 0);
	else
		param_int8(p, OID_TIMESTAMPTZ, t.us - PG_EPOCH_US);
}

void param_text(struct params *p, const char *value)
{
	param_add(p, OID_TEXT, value, value ? strlen(value) : 0);
}

void param_bytes(struct params *p, const void *data, size_t len)
{
	if (len > INT32_MAX)
		p->error = E_OVERFLOW;
	param_add(p, OID_BYTEA, data, len);
}

void param_sha256(struct params *p, const sha256 *hash)
{
	static const sha256 none;
	bool zero = !memcmp(hash, &none, sizeof none);
	param_add(p, OID_BYTEA, zero ? NULL : hash->bytes, zero ? 0 : sizeof hash->bytes);
}

static void param_array(struct params *p, Oid type, Oid element, const struct bytes *values, size_t count)
{
	size_t len = 20, nulls = 0;
	for (size_t i = 0; i < count; i++) {
		len += 4 + (values[i].data ? values[i].len : 0);
		nulls += !values[i].data;
	}
	char *data = len <= INT32_MAX ? malloc(len) : NULL;
	if (!data) {
		p->error = E_NOMEM;
		param_add(p, type, NULL, 0);
		return;
	}
	struct writer w = writer_of(data, len);
	write_u32(&w, count ? 1 : 0);
	write_u32(&w, nulls > 0);
	write_u32(&w, element);
	if (count) {
		write_u32(&w, (uint32_t)count);
		write_u32(&w, 1);
	}
	for (size_t i = 0; i < count; i++) {
		write_u32(&w, values[i].data ? (uint32_t)values[i].len : UINT32_MAX);
		if (values[i].data)
			write_bytes(&w, values[i].data, values[i].len);
	}
	p->heap[p->count] = data;
	param_add(p, type, data, writer_len(&w));
}

/* Elements of one size, in PostgreSQL's format already; an element of zeros is NULL where zero_is_null. */
static void param_fixed_array(struct params *p, Oid type, Oid element, const void *values, size_t each, size_t count,
			      bool zero_is_null)
{
	static const uint8_t zeros[32];
	AUTO_FREE struct bytes *slices = calloc(count + 1, sizeof *slices);
	if (!slices)
		p->error = E_NOMEM;
	for (size_t i = 0; slices && i < count; i++) {
		const uint8_t *at = (const uint8_t *)values + i * each;
		bool null = zero_is_null && !memcmp(at, zeros, each);
		slices[i] = (struct bytes){ null ? NULL : at, each };
	}
	param_array(p, type, element, slices, slices ? count : 0);
}

static void param_int8_array(struct params *p, Oid type, Oid element, const int64_t *values, size_t count, bool zero_is_null)
{
	AUTO_FREE uint8_t *wire = malloc(8 * count + 1);
	if (!wire)
		p->error = E_NOMEM;
	struct writer w = writer_of(wire, wire ? 8 * count : 0);
	for (size_t i = 0; wire && i < count; i++)
		write_u64(&w, (uint64_t)values[i]);
	param_fixed_array(p, type, element, wire, 8, wire ? count : 0, zero_is_null);
}

void param_int_array(struct params *p, const int64_t *values, size_t count)
{
	param_int8_array(p, OID_INT8_ARRAY, OID_INT8, values, count, false);
}

void param_time_array(struct params *p, const wall_time *values, size_t count)
{
	AUTO_FREE int64_t *since_2000 = calloc(count + 1, sizeof *since_2000);
	if (!since_2000)
		p->error = E_NOMEM;
	for (size_t i = 0; since_2000 && i < count; i++)
		since_2000[i] = values[i].us ? values[i].us - PG_EPOCH_US : 0;
	param_int8_array(p, OID_TIMESTAMPTZ_ARRAY, OID_TIMESTAMPTZ, since_2000, since_2000 ? count : 0, true);
}

void param_uuid_array(struct params *p, const uuid *values, size_t count)
{
	static_assert(sizeof *values == 16, "an array of uuids has no gaps");
	param_fixed_array(p, OID_UUID_ARRAY, OID_UUID, values, 16, count, false);
}

void param_uuid_or_null_array(struct params *p, const uuid *values, size_t count)
{
	param_fixed_array(p, OID_UUID_ARRAY, OID_UUID, values, 16, count, true);
}

void param_mac_array(struct params *p, const struct mac *values, size_t count)
{
	static_assert(sizeof *values == 6, "an array of addresses has no gaps");
	param_fixed_array(p, OID_MAC_ARRAY, OID_MAC, values, 6, count, false);
}

void param_bool_array(struct params *p, const bool *values, size_t count)
{
	static_assert(sizeof *values == 1, "true is 1, a byte");
	param_fixed_array(p, OID_BOOL_ARRAY, OID_BOOL, values, 1, count, false);
}

void param_sha256_array(struct params *p, const sha256 *values, size_t count)
{
	static_assert(sizeof *values == 32, "an array of hashes has no gaps");
	param_fixed_array(p, OID_BYTEA_ARRAY, OID_BYTEA, values, 32, count, true);
}

void param_bytes_array(struct params *p, const struct bytes *values, size_t count)
{
	param_array(p, OID_BYTEA_ARRAY, OID_BYTEA, values, count);
}

void param_text_array(struct params *p, const char *const *values, size_t count)
{
	AUTO_FREE struct bytes *slices = calloc(count + 1, sizeof *slices);
	if (!slices)
		p->error = E_NOMEM;
	for (size_t i = 0; slices && i < count; i++)
		slices[i] = (struct bytes){ values[i], values[i] ? strlen(values[i]) : 0 };
	param_array(p, OID_TEXT_ARRAY, OID_TEXT, slices, slices ? count : 0);
}

/* ---- rows ---- */

/* The next column's bytes; NULL for NULL and past the last one. */
static const uint8_t *row_next(struct row *r, size_t *ret_len)
{
	int column = r->column++;
	if (column >= PQnfields(r->result) || r->row >= PQntuples(r->result)) {
		r->bad = true;
		return NULL;
	}
	if (PQgetisnull(r->result, r->row, column))
		return NULL;
	*ret_len = (size_t)PQgetlength(r->result, r->row, column);
	return (const uint8_t *)PQgetvalue(r->result, r->row, column);
}

void row_bytes(struct row *r, void *data, size_t len)
{
	size_t got = 0;
	const uint8_t *at = row_next(r, &got);
	if (at && got != len)
		r->bad = true;
	if (at && got == len)
		memcpy(data, at, len);
	else
		memset(data, 0, len);
}

uuid row_uuid(struct row *r)
{
	uuid id = { { 0 } };
	row_bytes(r, id.bytes, sizeof id.bytes);
	return id;
}

sha256 row_sha256(struct row *r)
{
	sha256 hash = { { 0 } };
	row_bytes(r, hash.bytes, sizeof hash.bytes);
	return hash;
}

int64_t row_int(struct row *r)
{
	size_t len = 0;
	const uint8_t *at = row_next(r, &len);
	if (!at)
		return 0;
	struct reader in = reader_of(at, len);
	int64_t value = 0;
	switch (len) {
	case 2:
		value = (int16_t)read_u16(&in);
		break;
	case 4:
		value = (int32_t)read_u32(&in);
		break;
	case 8:
		value = (int64_t)read_u64(&in);
		break;
	default:
		r->bad = true;
	}
	return value;
}

uint32_t row_u32(struct row *r)
{
	int64_t value = row_int(r);
	if (value < 0 || value > UINT32_MAX) {
		r->bad = true;
		return 0;
	}
	return (uint32_t)value;
}

bool row_bool(struct row *r)
{
	uint8_t value;
	row_bytes(r, &value, 1);
	return value != 0;
}

money row_money(struct row *r)
{
	return (money){ row_int(r) };
}

struct prices row_prices(struct row *r)
{
	struct prices prices = { .per_core_hour = row_money(r) };
	prices.per_gib_hour = row_money(r);
	prices.per_gib_transferred = row_money(r);
	return prices;
}

uint32_t row_rating(struct row *r)
{
	int64_t good = row_int(r), bad = row_int(r);
	if (good < 0 || bad < 0) {
		r->bad = true;
		return 0;
	}
	return rating_ppm((struct rating_marks){ (uint64_t)good, (uint64_t)bad });
}

wall_time row_time(struct row *r)
{
	size_t len = 0;
	const uint8_t *at = row_next(r, &len);
	if (!at)
		return (wall_time){ 0 };
	struct reader in = reader_of(at, len);
	int64_t us = (int64_t)read_u64(&in);
	if (in.bad || len != 8 || us > INT64_MAX - PG_EPOCH_US) {
		r->bad = true;
		us = -PG_EPOCH_US;
	}
	return (wall_time){ us + PG_EPOCH_US };
}

void row_text(struct row *r, char *text, size_t size)
{
	size_t len = 0;
	const uint8_t *at = row_next(r, &len);
	text[0] = '\0';
	if (!at)
		return;
	if (len >= size) {
		r->bad = true;
		return;
	}
	memcpy(text, at, len);
	text[len] = '\0';
}

char *row_text_new(struct row *r)
{
	size_t len = 0;
	const uint8_t *at = row_next(r, &len);
	if (!at)
		return NULL;
	char *text = malloc(len + 1);
	if (!text) {
		r->bad = true;
		return NULL;
	}
	memcpy(text, at, len);
	text[len] = '\0';
	return text;
}

int row_enum(struct row *r, const char *const *names, int count)
{
	char text[32];
	int value = 0;
	row_text(r, text, sizeof text);
	if (state_parse(names, count, text, &value) != OK)
		r->bad = true;
	return value;
}

err_t row_end(struct store *s, const struct row *r)
{
	if (r->bad || r->column != PQnfields(r->result))
		return store_fail(s, E_INTERNAL, "a row of the database is not what this program expects, near its column %d",
				  r->column);
	return OK;
}

err_t rows_read(struct store *s, const PGresult *result, size_t size, row_read_fn *read, void **ret_rows, size_t *ret_count)
{
	size_t count = (size_t)PQntuples(result);
	AUTO_FREE uint8_t *rows = calloc(count ? count : 1, size);
	if (!rows)
		return E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		struct row row = row_of(result, (int)i);
		read(&row, rows + i * size);
		TRY(row_end(s, &row));
	}
	*ret_rows = rows;
	*ret_count = count;
	rows = NULL;
	return OK;
}

err_t page_check(struct store *s, struct page page)
{
	if (page.limit < 1 || page.limit > 200)
		return store_fail(s, E_INVALID, "a page has 1 to 200 rows");
	return OK;
}
