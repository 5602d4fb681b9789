/* SPDX-License-Identifier: Apache-2.0
 * vectors.h - the test vectors of docs/VNET.md
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <assert.h>
#include "bytes.h"
#include "tap.h"

#define PAGE "docs/VNET.md"

static char page[65536];

static void vectors_read(void)
{
	FILE *f = fopen(PAGE, "re");
	if (!f || fread(page, 1, sizeof page - 1, f) == 0) {
		printf("Bail out! cannot read %s\n", PAGE);
		exit(1);
	}
	fclose(f);
}

/* A vector's bytes; dies where the page has none of that name. */
static size_t vector(const char *name, uint8_t *data, size_t max)
{
	char key[64];
	int n = snprintf(key, sizeof key, "\n%s = ", name);
	const char *at = strstr(page, "```vectors");
	at = at ? strstr(at, key) : NULL;
	if (!at) {
		printf("Bail out! %s has no vector %s\n", PAGE, name);
		exit(1);
	}
	at += n;
	size_t digits = strspn(at, "0123456789abcdef");
	char text[4096];
	assert(digits / 2 <= max && digits < sizeof text);
	memcpy(text, at, digits);
	text[digits] = '\0';
	assert(hex_decode(text, data, digits / 2) == OK);
	return digits / 2;
}

static void is_vector(const char *name, const uint8_t *got, size_t len)
{
	uint8_t want[2048];
	char text[4097];
	size_t n = vector(name, want, sizeof want);
	if (!ok(n == len && !memcmp(got, want, len), "vector %s", name))
		printf("# got %s\n", hex_encode(got, len, text));
}

#endif
