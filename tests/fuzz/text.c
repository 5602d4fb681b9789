/* SPDX-License-Identifier: Apache-2.0
 * text.c - fuzz: amounts, times, durations, sizes, identifiers, hex, base64; what is taken reads the same when written again
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "clock.h"
#include "crypto.h"
#include "money.h"
#include "uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void numbers(const char *text)
{
	char again[64];
	money amount, same_amount;
	wall_time at, same_at;
	int64_t number;
	if (money_parse(text, &amount) == OK) {
		assert(amount.micro >= 0 && amount.micro <= MONEY_MAX_MICRO);
		assert(money_parse(money_format(amount, again), &same_amount) == OK && same_amount.micro == amount.micro);
	}
	if (wall_parse(text, &at) == OK)
		assert(wall_parse(wall_format(at, again), &same_at) == OK && same_at.us == at.us);
	if (duration_parse(text, &number) == OK)
		assert(number > 0 && number <= 3650 * DAY_US);
	if (size_parse(text, &number) == OK)
		assert(number >= 0);
	if (rate_parse(text, &number) == OK)
		assert(number >= 0 && number % 1000 == 0);
	if (int_parse(text, &number) == OK)
		assert(number || strspn(text, "-0") == strlen(text));
}

static void identifiers(const char *text)
{
	char again[SHA256_TEXT_SIZE];
	uuid id;
	sha256 hash;
	if (uuid_parse(text, &id) == OK)
		assert(!strcasecmp(uuid_format(id, again), text));
	if (sha256_parse(text, &hash) == OK)
		assert(!strcasecmp(sha256_format(hash, again), text));
	if (token_well_formed("cpu_", text))
		assert(strlen(text) == 40);
}

static void base64(const char *text)
{
	size_t len = 0, max = strlen(text);
	uint8_t *bytes = malloc(max + 1);
	char *again = malloc(4 * ((max + 2) / 3) + 1);
	if (bytes && again && base64_decode(text, bytes, max, &len) == OK)
		assert(len <= max && !strcmp(base64_encode(bytes, len, again), text));
	free(bytes);
	free(again);
}

/* The bytes are read in widths that they themselves say. */
static void cursor(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	uint8_t copy[16];
	while (!r.bad)
		switch (read_u8(&r) % 6) {
		case 0:
			read_u16(&r);
			break;
		case 1:
			read_u32(&r);
			break;
		case 2:
			read_u64(&r);
			break;
		case 3:
			read_copy(&r, copy, sizeof copy);
			break;
		case 4:
			read_bytes(&r, read_u16(&r));
			break;
		}
	assert(reader_left(&r) == 0 && read_u64(&r) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	if (!text)
		return 0;
	numbers(text);
	identifiers(text);
	base64(text);
	cursor(data, size);
	/* One that is well formed would take a tenth of a second. */
	if (strlen(text) < 80)
		assert(password_check("x", text) == E_CORRUPT);
	free(text);
	return 0;
}
