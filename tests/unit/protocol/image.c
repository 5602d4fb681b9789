/* SPDX-License-Identifier: Apache-2.0
 * image.c - tests of an image's id, its pieces and their messages
 */
#include "image.h"
#include "message.h"

#define ID_OF_TWO "6490927435d25678c90a1f2e681a29340c1ae548a9b2fa83a510cb2d7793bc8c"
#define TWO "[\"" SHA1 "\",\"" SHA2 "\"]"
#define REQUEST "{\"name\":\"tiny\",\"size_bytes\":1048577,\"cdrom_bus\":\"sata\",\"pieces\":" TWO "}"
#define IMAGE                                                                                                           \
	"{\"id\":\"" SHA1                                                                                               \
	"\",\"name\":\"tiny\",\"size_bytes\":1048577,\"cdrom_bus\":\"sata\",\"state\":\"uploading\",\"piece_count\":2," \
	"\"missing_count\":1,\"created_at\":\"" TIME1 "\"}"

static void sizes(void)
{
	static const struct {
		int64_t size;
		size_t count, last;
	} rows[] = {
		{ 1, 1, 1 },
		{ PIECE_BYTES - 1, 1, PIECE_BYTES - 1 },
		{ PIECE_BYTES, 1, PIECE_BYTES },
		{ PIECE_BYTES + 1, 2, 1 },
		{ IMAGE_MAX_BYTES, IMAGE_MAX_PIECES, PIECE_BYTES },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is_int(image_piece_count(rows[i].size), rows[i].count, "pieces of %lld bytes", (long long)rows[i].size);
		is_int(image_piece_len(rows[i].size, rows[i].count - 1), rows[i].last, "the last one's length");
		is_int(image_piece_len(rows[i].size, rows[i].count), 0, "none behind it");
	}
	is_int(image_piece_len(PIECE_BYTES + 1, 0), PIECE_BYTES, "a piece before the last is whole");
	ok(image_piece_count(0) == 0 && image_piece_count(-1) == 0, "nothing has no pieces");
}

static void ids(void)
{
	char text[SHA256_TEXT_SIZE];
	sha256 pieces[2];
	memset(pieces[0].bytes, 0x11, 32);
	memset(pieces[1].bytes, 0x22, 32);
	/* printf '0000000000100001'$(printf 11%.0s {1..32})$(printf 22%.0s {1..32}) | xxd -r -p | sha256sum */
	is_text(sha256_format(image_id(PIECE_BYTES + 1, pieces, 2), text), ID_OF_TWO, "the id is over size and pieces");
	ok(!sha256_equal(image_id(PIECE_BYTES + 2, pieces, 2), image_id(PIECE_BYTES + 1, pieces, 2)),
	   "another size is another image");
}

static void requests(void)
{
	static const struct row rows[] = {
		{ "name", NULL, "name" },
		{ "name", "\"a\\nb\"", "name" },
		{ "size_bytes", "0", "size_bytes" },
		{ "size_bytes", "-1", "size_bytes" },
		{ "size_bytes", "17179869185", "size_bytes" },
		{ "size_bytes", "1048576", "pieces" },
		{ "size_bytes", "2097152", NULL },
		{ "size_bytes", "2097153", "pieces" },
		{ "size_bytes", "17179869184", "pieces" },
		{ "cdrom_bus", "\"ide\"", "cdrom_bus" },
		{ "cdrom_bus", NULL, NULL },
		{ "pieces", NULL, "pieces" },
		{ "pieces", "{}", "pieces" },
		{ "pieces[1]", "7", "pieces[1]" },
		{ "pieces[1]", "\"\"", "pieces[1]" },
		{ "pieces[0]", "\"" SHA1 "0\"", "pieces[0]" },
		{ "id", "\"" SHA1 "\"", "id" },
	};
	static const struct row image[] = {
		{ "id", "\"x\"", "id" },
		{ "state", "\"gone\"", "state" },
		{ "missing_count", "16385", "missing_count" },
		{ "piece_count", "0", "piece_count" },
		{ "tomorrow", "1", NULL },
	};
	message_survives(image_request, image_request_from_json, image_request_to_json, image_request_clear, REQUEST);
	message_rows(image_request, image_request_from_json, image_request_clear, REQUEST, rows);
	message_survives(image, image_from_json, image_to_json, no_clear, IMAGE);
	message_rows(image, image_from_json, no_clear, IMAGE, image);
}

static void lists(void)
{
	static const char good[] = "{\"id\":\"" ID_OF_TWO "\",\"size_bytes\":1048577,\"piece_bytes\":1048576,\"pieces\":" TWO
				   ",\"missing\":[0,1],\"order\":[1,0]}";
	static const char strangers[] =
		"{\"id\":\"" ID_OF_TWO "\",\"size_bytes\":1048577,\"piece_bytes\":1048576,\"pieces\":" TWO "}";
	static const char whole[] =
		"{\"id\":\"" ID_OF_TWO "\",\"size_bytes\":1048577,\"piece_bytes\":1048576,\"pieces\":" TWO ",\"missing\":[]}";
	static const struct row rows[] = {
		{ "piece_bytes", "4096", "piece_bytes" },
		{ "size_bytes", "1048578", "pieces" },
		{ "id", "\"" SHA1 "\"", "pieces" },
		{ "pieces[0]", "\"" SHA2 "\"", "pieces" },
		{ "missing", "[0,1,1]", "missing" },
		{ "missing", "[1,0]", "missing[1]" },
		{ "missing", "[1,1]", "missing[1]" },
		{ "missing", "[2]", "missing[0]" },
		{ "missing", "[-1]", "missing[0]" },
		{ "missing", "[\"0\"]", "missing[0]" },
		{ "order", "[1]", NULL },
		{ "order", "[1,1]", "order[1]" },
		{ "order", "[2]", "order[0]" },
		{ "order", "[-1]", "order[0]" },
		{ "order", "[0.5]", "order[0]" },
		{ "order", "[1,0,1]", "order[2]" },
		{ "tomorrow", "1", NULL },
	};
	message_survives(image_pieces, image_pieces_from_json, image_pieces_to_json, image_pieces_clear, good);
	message_survives(image_pieces, image_pieces_from_json, image_pieces_to_json, image_pieces_clear, strangers);
	message_survives(image_pieces, image_pieces_from_json, image_pieces_to_json, image_pieces_clear, whole);
	message_rows(image_pieces, image_pieces_from_json, image_pieces_clear, good, rows);

	struct image_pieces p;
	struct json_error error;
	json_t *json = message_parse(good);
	json_object_set_new(json, "id", json_string(SHA1));
	is_int(image_pieces_from_json(json, &p, &error), E_CORRUPT, "a list that is another image's is corrupt");
	json_decref(json);
}

static void orders(void)
{
	static const char good[] = "{\"pieces\":[5,0,16383]}";
	static const struct row rows[] = {
		{ "pieces", NULL, "pieces" },	   { "pieces", "5", "pieces" },
		{ "pieces", "[]", NULL },	   { "pieces[0]", "16384", "pieces[0]" },
		{ "pieces[1]", "5", "pieces[1]" }, { "pieces[2]", "\"1\"", "pieces[2]" },
		{ "more", "1", "more" },
	};
	message_survives(image_order, image_order_from_json, image_order_to_json, image_order_clear, good);
	message_rows(image_order, image_order_from_json, image_order_clear, good, rows);

	struct image_order o;
	struct json_error error;
	json_t *json = message_parse(good), *list = json_object_get(json, "pieces");
	json_array_clear(list);
	while (json_array_size(list) < IMAGE_ORDER_MAX)
		json_array_append_new(list, json_integer((json_int_t)json_array_size(list)));
	ok(image_order_from_json(json, &o, &error) == OK && o.count == IMAGE_ORDER_MAX, "1024 pieces");
	image_order_clear(&o);
	json_array_append_new(list, json_integer(IMAGE_ORDER_MAX));
	ok(image_order_from_json(json, &o, &error) != OK, "not 1025");
	json_decref(json);
}

int main(void)
{
	sizes();
	ids();
	requests();
	lists();
	orders();
	return done_testing();
}
