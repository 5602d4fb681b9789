/* SPDX-License-Identifier: Apache-2.0
 * market_head.c - fuzz: what clients send: a head is read the same however it comes, what is read of it lies in it, and nothing is read before
 * its end is there
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *from, size_t len)
{
	assert(text >= from && text + strlen(text) < from + len && !strpbrk(text, "\r\n"));
}

static void check_head(const struct head *h, const char *from, size_t len)
{
	check_text(h->method, from, len);
	check_text(h->target, from, len);
	assert(*h->method && *h->target && !strpbrk(h->target, " \t") && h->field_count <= HEAD_FIELDS);
	for (size_t i = 0; i < h->field_count; i++) {
		check_text(h->fields[i].name, from, len);
		check_text(h->fields[i].value, from, len);
		assert(h->fields[i].name_len && h->fields[i].name_len == strlen(h->fields[i].name));
		assert(head_find(h, h->fields[i].name));
	}
}

static void check_values(const char *text)
{
	free(query_value(text, "limit"));
	char *value = query_value(text, "q");
	assert(!value || strlen(value) <= strlen(text));
	free(value);
	value = cookie_value(text, "__Host-cpushare");
	assert(!value || (strlen(value) < strlen(text) && !strchr(value, ';')));
	free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct head head;
	size_t len = 0, part_len;
	char *text = malloc(size + 1), *part = malloc(size + 1);
	if (!text || !part)
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	check_values(text);
	enum head_result result = head_read(text, size, &head, &len);
	if (result == HEAD_READ) {
		assert(len <= size && len <= HEAD_BYTES);
		check_head(&head, text, len);
		/* All but its last byte is not enough, and what stands behind it does not matter. */
		memcpy(part, data, size);
		assert(head_read(part, len - 1, &head, &part_len) == HEAD_MORE && !memcmp(part, data, len - 1));
		assert(head_read(part, len, &head, &part_len) == HEAD_READ && part_len == len);
	} else if (result == HEAD_MORE) {
		assert(!memcmp(text, data, size) && size < HEAD_BYTES);
	}
	free(text);
	free(part);
	return 0;
}
