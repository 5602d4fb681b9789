/* SPDX-License-Identifier: Apache-2.0
 * image.c - images and what is there of them
 */
#include <assert.h>
#include "buf.h"
#include "connection.h"
#include "file.h"

static const char CREATE_SQL[] = "SELECT image_create($1, $2, $3, $4, $5, $6)";

err_t store_image_create(struct store *s, uuid account, const struct image_request *r, sha256 id)
{
	struct params p = { 0 };
	static_assert(sizeof *r->pieces == 32, "a list of hashes has no gaps");
	param_uuid(&p, account);
	param_sha256(&p, &id);
	param_text(&p, r->name);
	param_int(&p, r->size_bytes);
	param_text(&p, cdrom_bus_names[r->cdrom_bus]);
	param_bytes(&p, r->pieces, r->piece_count * sizeof *r->pieces);
	return store_query(s, CREATE_SQL, &p, NULL);
}

#define COLUMNS                                                                                          \
	"SELECT i.id, i.name, l.size_bytes, i.cdrom_bus, CASE i.missing_count WHEN 0 THEN 'ready' ELSE " \
	"'uploading' END, l.piece_count, i.missing_count, i.created_at FROM image i JOIN image_list l ON l.id = i.id "

static void image_read(struct row *row, void *element)
{
	struct image *i = element;
	i->id = row_sha256(row);
	row_text(row, i->name, sizeof i->name);
	i->size_bytes = row_int(row);
	i->cdrom_bus = (enum cdrom_bus)row_enum(row, cdrom_bus_names, CDROM_BUS_COUNT);
	i->state = (enum image_state)row_enum(row, image_state_names, IMAGE_STATE_COUNT);
	i->piece_count = row_u32(row);
	i->missing_count = row_u32(row);
	i->created_at = row_time(row);
}

static const char GET_SQL[] = COLUMNS "WHERE i.account = $1 AND i.id = $2";

err_t store_image_get(struct store *s, uuid account, sha256 id, struct image *ret)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_sha256(&p, &id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct image image = { 0 };
	image_read(&row, &image);
	TRY(row_end(s, &row));
	*ret = image;
	return OK;
}

static const char LIST_SQL[] = COLUMNS "WHERE i.account = $1 ORDER BY i.created_at DESC, i.id";

err_t store_image_list(struct store *s, uuid account, struct image **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, image_read, (void **)ret_rows, ret_count);
}

/* ---- pieces ---- */

static void index_read(struct row *row, void *element)
{
	*(uint32_t *)element = row_u32(row);
}

static void hash_read(struct row *row, void *element)
{
	*(sha256 *)element = row_sha256(row);
}

static const char SIZE_SQL[] = "SELECT size_bytes FROM image_list WHERE id = $1";
static const char OWN_SIZE_SQL[] = "SELECT l.size_bytes FROM image i JOIN image_list l ON l.id = i.id WHERE i.id = $1 "
				   "AND i.account = $2";
static const char PIECES_SQL[] = "SELECT hash FROM image_piece WHERE image = $1 ORDER BY index";
static const char MISSING_SQL[] =
	"SELECT index FROM image_piece p WHERE image = $1 AND NOT EXISTS (SELECT 1 FROM account_piece a "
	"WHERE a.account = $2 AND a.hash = p.hash) ORDER BY index";

err_t store_image_size(struct store *s, sha256 id, int64_t *ret_bytes)
{
	struct params p = { 0 };
	param_sha256(&p, &id);
	return store_query_int(s, SIZE_SQL, &p, ret_bytes);
}

err_t store_image_pieces(struct store *s, uuid account, sha256 id, struct image_pieces *ret)
{
	bool own = !uuid_is_zero(account);
	struct params size = { 0 }, all = { 0 }, missing = { 0 };
	int64_t size_bytes;
	AUTO_RESULT *pieces = NULL;
	AUTO_RESULT *lacking = NULL;
	param_sha256(&size, &id);
	if (own)
		param_uuid(&size, account);
	TRY(store_query_int(s, own ? OWN_SIZE_SQL : SIZE_SQL, &size, &size_bytes));
	param_sha256(&all, &id);
	TRY(store_query(s, PIECES_SQL, &all, &pieces));
	AUTO_FREE void *hashes = NULL;
	size_t piece_count = 0, missing_count = 0;
	TRY(rows_read(s, pieces, sizeof(sha256), hash_read, &hashes, &piece_count));
	void *indices = NULL;
	if (own) {
		param_sha256(&missing, &id);
		param_uuid(&missing, account);
		TRY(store_query(s, MISSING_SQL, &missing, &lacking));
		TRY(rows_read(s, lacking, sizeof(uint32_t), index_read, &indices, &missing_count));
	}
	*ret = (struct image_pieces){ id, size_bytes, hashes, piece_count, indices, missing_count, NULL, 0 };
	hashes = NULL;
	return OK;
}

static const char PIECE_SQL[] = "SELECT p.hash, l.size_bytes FROM image_piece p JOIN image_list l ON l.id = p.image "
				"WHERE p.image = $1 AND p.index = $2";

err_t store_image_piece(struct store *s, sha256 id, uint32_t index, sha256 *ret_hash, size_t *ret_len)
{
	struct params p = { 0 };
	param_sha256(&p, &id);
	param_int(&p, index);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, PIECE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	sha256 hash = row_sha256(&row);
	int64_t size_bytes = row_int(&row);
	TRY(row_end(s, &row));
	*ret_hash = hash;
	*ret_len = image_piece_len(size_bytes, index);
	return OK;
}

static const char ADD_SQL[] = "SELECT image_piece_add($1, $2, $3)";

err_t store_image_piece_add(struct store *s, uuid account, sha256 id, uint32_t index)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_sha256(&p, &id);
	param_int(&p, index);
	return store_query(s, ADD_SQL, &p, NULL);
}

/* $1: hashes of 32 bytes each, one behind the other. */
static const char UNUSED_SQL[] = "SELECT h.hash FROM (SELECT substring($1::bytea FROM i * 32 + 1 FOR 32) AS hash "
				 "FROM generate_series(0, octet_length($1::bytea) / 32 - 1) i) h "
				 "WHERE NOT EXISTS (SELECT 1 FROM account_piece a WHERE a.hash = h.hash)";

err_t store_pieces_unused(struct store *s, const sha256 *hashes, size_t count, sha256 **ret_unused, size_t *ret_count)
{
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	param_bytes(&p, hashes, count * sizeof *hashes);
	TRY(store_query(s, UNUSED_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_unused, hash_read, (void **)ret_unused, ret_count);
}

static const char DELETE_SQL[] = "SELECT image_delete($1, $2)";

err_t store_image_delete(struct store *s, uuid account, sha256 id)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_sha256(&p, &id);
	return store_query(s, DELETE_SQL, &p, NULL);
}

static const char FOR_MACHINE_SQL[] = "SELECT count(*) FROM lease l JOIN cpushare.order o ON o.id = l.order_id "
				      "WHERE l.machine_id = $1 AND l.state <> 'ended' AND o.image = $2";

err_t store_image_for_machine(struct store *s, uuid machine, sha256 id, bool *ret_allowed)
{
	struct params p = { 0 };
	int64_t leases;
	param_uuid(&p, machine);
	param_sha256(&p, &id);
	TRY(store_query_int(s, FOR_MACHINE_SQL, &p, &leases));
	*ret_allowed = leases > 0;
	return OK;
}

/* ---- the order of a boot's reads ---- */

static const char ORDER_SQL[] =
	"SELECT o.index FROM image_list, unnest(read_order) WITH ORDINALITY o(index, n) WHERE id = $1 ORDER BY o.n";

err_t store_image_order(struct store *s, sha256 id, uint32_t **ret_order, size_t *ret_count)
{
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	param_sha256(&p, &id);
	TRY(store_query(s, ORDER_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_order, index_read, (void **)ret_order, ret_count);
}

static const char ORDER_SET_SQL[] = "UPDATE image_list SET read_order = $2::text::integer[] WHERE id = $1 AND "
				    "piece_count > ALL ($2::text::integer[])";

err_t store_image_order_set(struct store *s, sha256 id, const struct image_order *order)
{
	struct params p = { 0 };
	AUTO_BUF list = { 0 };
	for (size_t i = 0; i < order->count; i++)
		buf_printf(&list, "%c%u", i ? ',' : '{', order->pieces[i]);
	buf_printf(&list, "%s}", order->count ? "" : "{");
	TRY(list.error);
	param_sha256(&p, &id);
	param_text(&p, list.data);
	err_t e = store_query_one(s, ORDER_SET_SQL, &p, NULL);
	return e == E_NOT_FOUND ? E_INVALID : e;
}
