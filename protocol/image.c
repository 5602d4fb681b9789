/* SPDX-License-Identifier: Apache-2.0
 * image.c - an image's id and pieces, and their JSON
 */
#include "bytes.h"
#include "field.h"
#include "file.h"
#include "image.h"

sha256 image_id(int64_t size_bytes, const sha256 *pieces, size_t count)
{
	uint8_t size[8];
	struct writer w = writer_of(size, sizeof size);
	write_u64(&w, (uint64_t)size_bytes);
	struct sha256_stream *s = sha256_stream_new();
	sha256_stream_add(s, size, sizeof size);
	for (size_t i = 0; i < count; i++)
		sha256_stream_add(s, pieces[i].bytes, sizeof pieces[i].bytes);
	return sha256_stream_end(s);
}

size_t image_piece_count(int64_t size_bytes)
{
	if (size_bytes <= 0)
		return 0;
	return (size_t)((size_bytes - 1) / PIECE_BYTES + 1);
}

size_t image_piece_len(int64_t size_bytes, size_t i)
{
	size_t count = image_piece_count(size_bytes);
	if (i >= count)
		return 0;
	return i + 1 < count ? PIECE_BYTES : (size_t)(size_bytes - (int64_t)i * PIECE_BYTES);
}

static json_t *pieces_to_json(const sha256 *pieces, size_t count)
{
	char text[SHA256_TEXT_SIZE];
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(sha256_format(pieces[i], text)));
	return array;
}

/* As many as an image of that size has; on the heap. */
static void take_pieces(struct json_reader *r, int64_t size_bytes, sha256 **ret_pieces, size_t *ret_count)
{
	json_t *array;
	if (!json_take_array(r, "pieces", IMAGE_MAX_PIECES, &array) || r->bad)
		return;
	size_t count = image_piece_count(size_bytes);
	if (json_array_size(array) != count) {
		json_refuse(r, "pieces", "must have %zu elements, one for each %d bytes", count, PIECE_BYTES);
		return;
	}
	AUTO_FREE sha256 *pieces = calloc(count, sizeof *pieces);
	if (!pieces) {
		json_refuse(r, "pieces", "does not fit into memory");
		return;
	}
	for (size_t i = 0; i < count && !r->bad; i++)
		json_element_sha256(r, "pieces", array, i, &pieces[i]);
	if (r->bad)
		return;
	*ret_pieces = pieces;
	*ret_count = count;
	pieces = NULL;
}

/* ---- image_request ---- */
void image_request_clear(struct image_request *r)
{
	free(r->pieces);
	*r = (struct image_request){ 0 };
}

json_t *image_request_to_json(const struct image_request *r)
{
	json_t *json = json_object();
	json_put_text(json, "name", r->name);
	json_put_int(json, "size_bytes", r->size_bytes);
	json_put_text(json, "cdrom_bus", cdrom_bus_names[r->cdrom_bus]);
	json_put(json, "pieces", pieces_to_json(r->pieces, r->piece_count));
	return json;
}

err_t image_request_from_json(json_t *json, struct image_request *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(image_request_clear))) struct image_request i = { 0 };
	json_open(&r, json, error);
	field_name(&r, "name", i.name, sizeof i.name);
	json_take_int(&r, "size_bytes", 1, IMAGE_MAX_BYTES, &i.size_bytes);
	i.cdrom_bus = (enum cdrom_bus)field_maybe_enum(&r, "cdrom_bus", cdrom_bus_names, CDROM_BUS_COUNT, CDROM_SCSI);
	take_pieces(&r, i.size_bytes, &i.pieces, &i.piece_count);
	TRY(json_close(&r));
	*ret = i;
	i.pieces = NULL;
	return OK;
}

/* ---- image ---- */
json_t *image_to_json(const struct image *i)
{
	json_t *json = json_object();
	json_put_sha256(json, "id", i->id);
	json_put_text(json, "name", i->name);
	json_put_int(json, "size_bytes", i->size_bytes);
	json_put_text(json, "cdrom_bus", cdrom_bus_names[i->cdrom_bus]);
	json_put_text(json, "state", image_state_names[i->state]);
	json_put_int(json, "piece_count", i->piece_count);
	json_put_int(json, "missing_count", i->missing_count);
	json_put_time(json, "created_at", i->created_at);
	return json;
}

err_t image_from_json(json_t *json, struct image *ret, struct json_error *error)
{
	struct json_reader r;
	struct image i = { 0 };
	json_open(&r, json, error);
	json_take_sha256(&r, "id", &i.id);
	field_name(&r, "name", i.name, sizeof i.name);
	json_take_int(&r, "size_bytes", 1, IMAGE_MAX_BYTES, &i.size_bytes);
	i.cdrom_bus = (enum cdrom_bus)field_maybe_enum(&r, "cdrom_bus", cdrom_bus_names, CDROM_BUS_COUNT, CDROM_SCSI);
	i.state = (enum image_state)field_enum(&r, "state", image_state_names, 0, IMAGE_STATE_COUNT);
	json_take_u32(&r, "piece_count", 1, IMAGE_MAX_PIECES, &i.piece_count);
	json_take_u32(&r, "missing_count", 0, IMAGE_MAX_PIECES, &i.missing_count);
	field_maybe_time(&r, "created_at", &i.created_at);
	TRY(json_close_lenient(&r));
	*ret = i;
	return OK;
}

/* ---- image_pieces ---- */
void image_pieces_clear(struct image_pieces *p)
{
	free(p->pieces);
	free(p->missing);
	free(p->order);
	*p = (struct image_pieces){ 0 };
}

static json_t *indexes_to_json(const uint32_t *indexes, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_integer(indexes[i]));
	return array;
}

json_t *image_pieces_to_json(const struct image_pieces *p)
{
	json_t *json = json_object();
	json_put_sha256(json, "id", p->id);
	json_put_int(json, "size_bytes", p->size_bytes);
	json_put_int(json, "piece_bytes", PIECE_BYTES);
	json_put(json, "pieces", pieces_to_json(p->pieces, p->piece_count));
	if (p->missing)
		json_put(json, "missing", indexes_to_json(p->missing, p->missing_count));
	if (p->order_count)
		json_put(json, "order", indexes_to_json(p->order, p->order_count));
	return json;
}

/* Indexes of pieces, ascending. */
static void take_missing(struct json_reader *r, size_t piece_count, uint32_t **ret_missing, size_t *ret_count)
{
	json_t *array, *value;
	size_t i;
	int64_t last = -1;
	if (!json_has(r, "missing") || !json_take_array(r, "missing", piece_count, &array) || r->bad)
		return;
	AUTO_FREE uint32_t *missing = calloc(json_array_size(array) + 1, sizeof *missing);
	if (!missing) {
		json_refuse(r, "missing", "does not fit into memory");
		return;
	}
	json_array_foreach (array, i, value) {
		int64_t index = json_integer_value(value);
		if (!json_is_integer(value) || index <= last || index >= (int64_t)piece_count) {
			char element[32];
			snprintf(element, sizeof element, "missing[%zu]", i);
			json_refuse(r, element, "must be the index of a piece, and indexes ascend");
			return;
		}
		missing[i] = (uint32_t)index;
		last = index;
	}
	*ret_missing = missing;
	*ret_count = json_array_size(array);
	missing = NULL;
}

/* Indexes of pieces in any order, none twice. */
static void take_order(struct json_reader *r, const char *name, size_t piece_count, uint32_t **ret_order, size_t *ret_count)
{
	json_t *array, *value;
	size_t i;
	if (!json_take_array(r, name, IMAGE_ORDER_MAX, &array) || r->bad)
		return;
	AUTO_FREE uint32_t *order = calloc(json_array_size(array) + 1, sizeof *order);
	AUTO_FREE bool *seen = calloc(piece_count + 1, sizeof *seen);
	if (!order || !seen) {
		json_refuse(r, name, "does not fit into memory");
		return;
	}
	json_array_foreach (array, i, value) {
		int64_t index = json_integer_value(value);
		if (!json_is_integer(value) || index < 0 || index >= (int64_t)piece_count || seen[index]) {
			char element[32];
			snprintf(element, sizeof element, "%s[%zu]", name, i);
			json_refuse(r, element, "must be the index of a piece, and each is there once");
			return;
		}
		order[i] = (uint32_t)index;
		seen[index] = true;
	}
	*ret_order = order;
	*ret_count = json_array_size(array);
	order = NULL;
}

err_t image_pieces_from_json(json_t *json, struct image_pieces *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(image_pieces_clear))) struct image_pieces p = { 0 };
	int64_t piece_bytes = 0;
	json_open(&r, json, error);
	json_take_sha256(&r, "id", &p.id);
	json_take_int(&r, "size_bytes", 1, IMAGE_MAX_BYTES, &p.size_bytes);
	json_take_int(&r, "piece_bytes", PIECE_BYTES, PIECE_BYTES, &piece_bytes);
	take_pieces(&r, p.size_bytes, &p.pieces, &p.piece_count);
	take_missing(&r, p.piece_count, &p.missing, &p.missing_count);
	if (json_has(&r, "order"))
		take_order(&r, "order", p.piece_count, &p.order, &p.order_count);
	TRY(json_close_lenient(&r));
	if (!sha256_equal(image_id(p.size_bytes, p.pieces, p.piece_count), p.id)) {
		json_refuse(&r, "pieces", "must hash to the image's id");
		return E_CORRUPT;
	}
	*ret = p;
	p = (struct image_pieces){ 0 };
	return OK;
}

/* ---- image_order ---- */
void image_order_clear(struct image_order *o)
{
	free(o->pieces);
	*o = (struct image_order){ 0 };
}

json_t *image_order_to_json(const struct image_order *o)
{
	json_t *json = json_object();
	json_put(json, "pieces", indexes_to_json(o->pieces, o->count));
	return json;
}

err_t image_order_from_json(json_t *json, struct image_order *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(image_order_clear))) struct image_order o = { 0 };
	json_open(&r, json, error);
	take_order(&r, "pieces", IMAGE_MAX_PIECES, &o.pieces, &o.count);
	TRY(json_close(&r));
	*ret = o;
	o = (struct image_order){ 0 };
	return OK;
}
