/* SPDX-License-Identifier: Apache-2.0
 * line.c - tests: the messages of measuring a line, what is sent up
 */
#include "line.h"
#include "message.h"

#define no_clear(value) ((void)(value))

static void turns(void)
{
	static const char good[] = "{\"seed\":\"" SHA1 "\",\"bytes\":4194304,\"more\":true}";
	static const struct row rows[] = {
		{ "seed", "\"11\"", "seed" },	 { "seed", NULL, "seed" }, { "bytes", "0", "bytes" },
		{ "bytes", "4194305", "bytes" }, { "more", "1", "more" },  { "more", "false", NULL },
		{ "later", "1", NULL },
	};
	message_survives(line_turn, line_turn_from_json, line_turn_to_json, no_clear, good);
	message_rows(line_turn, line_turn_from_json, no_clear, good, rows);
}

static void proofs(void)
{
	static const char *const bad[] = { "{}", "{\"sha256\":1}", "{\"sha256\":\"" SHA1 "\",\"more\":1}", "[]" };
	struct json_error error;
	sha256 proof = { { 7 } }, got;
	json_t *json = line_proof_to_json(proof);
	ok(line_proof_from_json(json, &got, &error) == OK && sha256_equal(proof, got), "a proof survives");
	json_decref(json);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json = message_parse(bad[i]);
		ok(line_proof_from_json(json, &got, &error) != OK, "%s is refused", bad[i]);
		json_decref(json);
	}
}

static void filling(void)
{
	const sha256 seed = sha256_of("seed", 4);
	uint8_t bytes[100];
	for (size_t len = 0; len <= sizeof bytes; len += 25) {
		line_fill(seed, bytes, len);
		ok(line_is_filled(seed, bytes, len), "%zu bytes are what was asked for", len);
		if (!len)
			continue;
		bytes[len - 1] ^= 1;
		ok(!line_is_filled(seed, bytes, len), "but for a bit at the end");
	}
}

int main(void)
{
	turns();
	proofs();
	filling();
	return done_testing();
}
