/* SPDX-License-Identifier: Apache-2.0
 * line.c - the messages of measuring a line
 */
#include "line.h"
#include <string.h>

json_t *line_turn_to_json(const struct line_turn *t)
{
	json_t *json = json_object();
	json_put_sha256(json, "seed", t->seed);
	json_put_int(json, "bytes", t->bytes);
	json_put_bool(json, "more", t->more);
	return json;
}

err_t line_turn_from_json(json_t *json, struct line_turn *ret, struct json_error *error)
{
	struct json_reader r;
	struct line_turn t = { .bytes = 0 };
	json_open(&r, json, error);
	json_take_sha256(&r, "seed", &t.seed);
	json_take_u32(&r, "bytes", 1, LINE_MAX_BYTES, &t.bytes);
	json_take_bool(&r, "more", &t.more);
	TRY(json_close_lenient(&r));
	*ret = t;
	return OK;
}

json_t *line_proof_to_json(sha256 proof)
{
	json_t *json = json_object();
	json_put_sha256(json, "sha256", proof);
	return json;
}

err_t line_proof_from_json(json_t *json, sha256 *ret, struct json_error *error)
{
	struct json_reader r;
	sha256 proof;
	json_open(&r, json, error);
	json_take_sha256(&r, "sha256", &proof);
	TRY(json_close(&r));
	*ret = proof;
	return OK;
}

void line_fill(sha256 seed, uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof seed.bytes)
		memcpy(bytes + at, seed.bytes, len - at < sizeof seed.bytes ? len - at : sizeof seed.bytes);
}

bool line_is_filled(sha256 seed, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof seed.bytes)
		if (memcmp(bytes + at, seed.bytes, len - at < sizeof seed.bytes ? len - at : sizeof seed.bytes) != 0)
			return false;
	return true;
}
