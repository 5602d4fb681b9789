/* SPDX-License-Identifier: Apache-2.0
 * images.c - images: announced by the hashes of their pieces, uploaded piece by piece, read by their owner and by machines that run them
 */
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "log.h"
#include "pieces.h"

static err_t check_quota(struct request *r, sha256 id, int64_t size_bytes)
{
	const struct settings *s = market_of(r)->settings;
	AUTO_FREE struct image *rows = NULL;
	size_t count;
	int64_t bytes = size_bytes;
	TRY(store_image_list(market_of(r)->store, r->caller.account, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		if (sha256_equal(rows[i].id, id))
			return OK; /* it is there already */
		bytes += rows[i].size_bytes;
	}
	if ((int64_t)count >= s->images_per_account)
		return refuse(r, REFUSE_LIMIT, NULL, "at most %lld images: delete some", (long long)s->images_per_account);
	if (bytes > s->images_bytes)
		return refuse(r, REFUSE_LIMIT, "size_bytes", "at most %lld bytes of images: delete some",
			      (long long)s->images_bytes);
	return OK;
}

err_t image_create(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	__attribute__((cleanup(image_request_clear))) struct image_request request = { 0 };
	struct image image;
	if (image_request_from_json(r->json, &request, &error) != OK)
		return refuse_json(r, &error);
	if (request.size_bytes > m->settings->image_bytes)
		return refuse(r, REFUSE_BAD_FIELD, "size_bytes", "at most %lld bytes", (long long)m->settings->image_bytes);
	sha256 id = image_id(request.size_bytes, request.pieces, request.piece_count);
	TRY(check_quota(r, id, request.size_bytes));
	TRY(store_image_create(m->store, r->caller.account, &request, id));
	TRY(store_image_get(m->store, r->caller.account, id, &image));
	answer_json(r, 201, image_to_json(&image));
	return OK;
}

err_t image_list(struct request *r)
{
	AUTO_FREE struct image *rows = NULL;
	size_t count;
	TRY(store_image_list(market_of(r)->store, r->caller.account, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, image_to_json(&rows[i]));
	return answer_items(r, items);
}

err_t image_show(struct request *r)
{
	struct image image;
	TRY(store_image_get(market_of(r)->store, r->caller.account, r->values.hash, &image));
	answer_json(r, 200, image_to_json(&image));
	return OK;
}

err_t image_delete(struct request *r)
{
	err_t e = store_image_delete(market_of(r)->store, r->caller.account, r->values.hash);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_IMAGE_IN_USE, NULL, "%s", "");
	TRY(e);
	answer_empty(r);
	return OK;
}

/* Its owner may, and a machine that has a lease of it which has not ended. */
static err_t check_reader(struct request *r, bool bytes)
{
	struct market *m = market_of(r);
	if (!uuid_is_zero(r->caller.machine)) {
		bool allowed = false;
		TRY(store_image_for_machine(m->store, r->caller.machine, r->values.hash, &allowed));
		return allowed ? OK : E_NOT_FOUND;
	}
	struct image image;
	TRY(store_image_get(m->store, r->caller.account, r->values.hash, &image));
	/* Who knows a hash does not have the bytes yet: they are read by who has shown all of them. */
	if (bytes && image.state != IMAGE_READY)
		return refuse(r, REFUSE_IMAGE_NOT_READY, NULL, "%s", "");
	return OK;
}

err_t image_pieces_show(struct request *r)
{
	__attribute__((cleanup(image_pieces_clear))) struct image_pieces pieces = { 0 };
	bool owner = uuid_is_zero(r->caller.machine);
	TRY(check_reader(r, false));
	TRY(store_image_pieces(market_of(r)->store, owner ? r->caller.account : (uuid){ 0 }, r->values.hash, &pieces));
	if (!owner)
		TRY(store_image_order(market_of(r)->store, r->values.hash, &pieces.order, &pieces.order_count));
	answer_json(r, 200, image_pieces_to_json(&pieces));
	return OK;
}

/* A seller's word: a bad one makes others' boots slower, and nothing else. */
err_t image_order_put(struct request *r)
{
	struct json_error error = { 0 };
	__attribute__((cleanup(image_order_clear))) struct image_order order = { 0 };
	if (image_order_from_json(r->json, &order, &error) != OK)
		return refuse_json(r, &error);
	TRY(check_reader(r, false));
	err_t e = store_image_order_set(market_of(r)->store, r->values.hash, &order);
	if (e == E_INVALID)
		return refuse(r, REFUSE_BAD_FIELD, "pieces", "the image has not so many pieces");
	TRY(e);
	answer_empty(r);
	return OK;
}

err_t piece_get(struct request *r)
{
	struct market *m = market_of(r);
	sha256 hash;
	size_t len;
	int fd = -1;
	char etag[SHA256_TEXT_SIZE + 2], text[SHA256_TEXT_SIZE];
	TRY(check_reader(r, true));
	TRY(store_image_piece(m->store, r->values.hash, r->values.n, &hash, &len));
	err_t e = piece_open(m->data_dir, hash, len, &fd);
	if (e == E_NOT_FOUND)
		return refuse(r, REFUSE_IMAGE_NOT_READY, NULL, "this piece is not here");
	TRY(e);
	answer_file(r, "application/octet-stream", fd, len);
	snprintf(etag, sizeof etag, "\"%s\"", sha256_format(hash, text));
	answer_header(r, "ETag", etag);
	return OK;
}

/* ---- upload: checked and written by a worker ---- */

struct upload {
	struct request *r;
	sha256 hash;
	err_t result;
};

static void upload_keep(void *job)
{
	struct upload *u = job;
	u->result = piece_keep(market_of(u->r)->data_dir, u->hash, u->r->body.data, u->r->body.len);
}

static err_t upload_finish(struct request *r)
{
	struct upload *u = r->job;
	if (u->result == E_CORRUPT)
		return refuse(r, REFUSE_BAD_PIECE, NULL, "%s", "");
	if (u->result) {
		log_error("a piece cannot be kept", "request=%s error=%s", r->id, err_name(u->result));
		return refuse(r, REFUSE_UNAVAILABLE, NULL, "%s", "");
	}
	TRY(store_image_piece_add(market_of(r)->store, r->caller.account, r->values.hash, r->values.n));
	answer_empty(r);
	return OK;
}

static void upload_done(void *job)
{
	struct upload *u = job;
	gate_finish(u->r, upload_finish);
	free(u);
}

err_t piece_put(struct request *r)
{
	struct market *m = market_of(r);
	struct image image;
	sha256 hash;
	size_t len;
	TRY(store_image_get(m->store, r->caller.account, r->values.hash, &image));
	TRY(store_image_piece(m->store, r->values.hash, r->values.n, &hash, &len));
	if (r->body.len != len)
		return refuse(r, REFUSE_BAD_PIECE, NULL, "this piece has %zu bytes", len);
	struct upload *u = malloc(sizeof *u);
	if (!u)
		return E_NOMEM;
	*u = (struct upload){ r, hash, OK };
	r->job = u;
	if (workers_submit(m->disks, upload_keep, upload_done, u) == OK) {
		request_wait(r);
		return OK;
	}
	free(u);
	refuse(r, REFUSE_TOO_MANY, NULL, "many pieces are being written at the moment");
	answer_header(r, "Retry-After", "1");
	return E_LIMIT;
}
