/* SPDX-License-Identifier: Apache-2.0
 * buf.c - tests of the growing byte string: its bound, its sticky error
 */
#include <stdlib.h>
#include "buf.h"
#include "tap.h"

int main(void)
{
	AUTO_BUF b = { 0 };
	buf_puts(&b, "one");
	buf_printf(&b, " %s %d", "two", 3);
	buf_append(&b, "\0x", 2);
	is_text(b.data, "one two 3", "the parts in order");
	is_int(b.len, 11, "and their bytes");
	buf_consume(&b, 4);
	is_text(b.data, "two 3", "without the first");
	buf_consume(&b, 100);
	is_int(b.len, 0, "not more than there is");
	buf_reset(&b);
	buf_consume(&b, 1);
	is_text(b.data, "", "empty again");
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "0123456789");
	ok(b.len == 100000 && b.data[b.len] == '\0' && b.data[99999] == '9', "it grows");
	char *text = buf_take(&b);
	ok(text && strlen(text) == 100000 && b.data == NULL && b.len == 0, "the text is handed out");
	free(text);
	text = buf_take(&b);
	is_text(text, "", "nothing is a text too");
	free(text);

	AUTO_BUF small = { .max = 4 };
	buf_puts(&small, "1234");
	is_int(small.error, OK, "up to the bound");
	buf_puts(&small, "5");
	is_int(small.error, E_LIMIT, "not beyond");
	buf_consume(&small, 4);
	buf_puts(&small, "6");
	is_int(small.len, 0, "the error sticks");
	buf_printf(&small, "%d", 7);
	is_int(small.len, 0, "for all appends");
	ok(buf_take(&small) == NULL, "no text where there was an error");
	is_int(small.error, E_LIMIT, "which stays to be read");
	buf_reset(&small);
	buf_printf(&small, "%s", "12345");
	is_int(small.error, E_LIMIT, "the bound survives a reset");
	buf_clear(&small);
	buf_append(&small, "1234", 4);
	is_text(small.data, "1234", "and is usable after it was cleared");
	buf_append(&small, NULL, (size_t)-1);
	is_int(small.error, E_LIMIT, "a length that would wrap");
	return done_testing();
}
