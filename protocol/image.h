/* SPDX-License-Identifier: Apache-2.0
 * image.h - bootable images: pieces of 1 MiB, identified by content
 *
 * An image's id is the SHA-256 over its size (8 bytes, big-endian) and the concatenated SHA-256 of its pieces, each
 * PIECE_BYTES long but the last. Who knows the id can check the list, who has the list can check each piece alone.
 */
#ifndef PROTOCOL_IMAGE_H
#define PROTOCOL_IMAGE_H

#include "account.h"

#define PIECE_BYTES 1048576
#define IMAGE_MAX_BYTES (16LL << 30)
#define IMAGE_MAX_PIECES (IMAGE_MAX_BYTES / PIECE_BYTES)

sha256 image_id(int64_t size_bytes, const sha256 *pieces, size_t count);
size_t image_piece_count(int64_t size_bytes);
/* Length of piece i of an image of that size. */
size_t image_piece_len(int64_t size_bytes, size_t i);

/* POST /v1/images {"name","size_bytes","pieces":[hex,…],"cdrom_bus"?}. pieces is on the heap, owned by the struct. */
struct image_request {
	char name[NAME_SIZE];
	int64_t size_bytes;
	enum cdrom_bus cdrom_bus;
	sha256 *pieces;
	size_t piece_count;
};
void image_request_clear(struct image_request *r);
json_t *image_request_to_json(const struct image_request *r);
MUST_CHECK err_t image_request_from_json(json_t *json, struct image_request *ret, struct json_error *error);

struct image {
	sha256 id;
	char name[NAME_SIZE];
	int64_t size_bytes;
	enum cdrom_bus cdrom_bus;
	enum image_state state;
	uint32_t piece_count, missing_count;
	wall_time created_at;
};
json_t *image_to_json(const struct image *i);
MUST_CHECK err_t image_from_json(json_t *json, struct image *ret, struct json_error *error);

/* GET /v1/images/{id}/pieces: {"id","size_bytes","piece_bytes","pieces":[hex,…],"missing":[index,…]}; "missing" only to
 * the image's owner (NULL where it is absent); "order":[index,…] only to machines, where a boot of this image was heard of.
 * PUT /v1/images/{id}/pieces/{index}: the bytes, application/octet-stream, 204. GET: the bytes. */
struct image_pieces {
	sha256 id;
	int64_t size_bytes;
	sha256 *pieces; /* heap */
	size_t piece_count;
	uint32_t *missing; /* heap, ascending */
	size_t missing_count;
	uint32_t *order; /* heap, none twice; NULL: not known */
	size_t order_count;
};
void image_pieces_clear(struct image_pieces *p);
json_t *image_pieces_to_json(const struct image_pieces *p);
/* Also checks that the list hashes to the id: E_CORRUPT. */
MUST_CHECK err_t image_pieces_from_json(json_t *json, struct image_pieces *ret, struct json_error *error);

/* PUT /v1/images/{id}/order {"pieces":[index,…]}, by a machine with a lease of it: in which order its guest read them first; 204. The first
 * IMAGE_ORDER_MAX are enough: what a boot reads. */
#define IMAGE_ORDER_MAX 1024
struct image_order {
	uint32_t *pieces; /* heap, none twice */
	size_t count;
};
void image_order_clear(struct image_order *o);
json_t *image_order_to_json(const struct image_order *o);
MUST_CHECK err_t image_order_from_json(json_t *json, struct image_order *ret, struct json_error *error);

#endif
