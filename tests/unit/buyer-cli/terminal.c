/* SPDX-License-Identifier: Apache-2.0
 * terminal.c - what a guest prints cannot drive the buyer's terminal
 */
#include <stdio.h>
#include <string.h>
#include "tap.h"
#include "terminal.h"

static const struct {
	const char *in, *out, *what;
} cases[] = {
	{ "plain\ttext\r\nnext", "plain\ttext\nnext", "text, tabs and newlines pass, carriage returns do not" },
	{ "\033[1;31mred\033[0m", "red", "colours" },
	{ "a\033]0;title\007b", "ab", "a window's title" },
	{ "a\033]52;c;ZWNobw==\033\\b", "ab", "the clipboard" },
	{ "a\033Pq#0\033\\b", "ab", "device control" },
	{ "a\033_x\033[31mb", "ab", "a string cut short by another sequence" },
	{ "a\033]never ended\nb", "ab", "a string that never ends, ends with its line" },
	{ "a\033(Bb\0337c\033cd", "abcd", "character sets, saved cursors, resets" },
	{ "a\033[6nb\033[?1049hc", "abc", "questions to the terminal, other screens" },
	{ "a\b\a\177\001b", "ab", "single control characters" },
	{ "\033[2J\033[1;1Hone\033[1;9Htwo\033[2;1Hthree\033[Jfour", "onetwo\nthree\nfour", "another row is another line" },
	{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	  "UTF-8 passes" },
	{ "a\xc2\x9b"
	  "31mb",
	  "a31mb", "a control character of 8 bits as UTF-8" },
	{ "a\x9b"
	  "31mb",
	  "a31mb", "and as it is" },
	{ "a\xc0\x9b\xe0\x80\x9b\xed\xa0\x80\xf5\x80\x80\x80\xf4\xbf\xbf\xbf"
	  "b",
	  "ab", "what is no UTF-8: too long, half a pair, too large" },
	{ "a\xe2\x82"
	  "b\xc3",
	  "ab", "a sequence cut short" },
	{ "a\xe2\033[31mb", "ab", "an escape inside of one" },
	{ "a\033[99999999999999999999Hb", "a\nb", "a number without end" },
};

static void test_filter(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = strlen(cases[i].in);
		struct terminal_filter whole = { .in_line = false };
		AUTO_BUF out = { .data = NULL };
		terminal_filter(&whole, (const uint8_t *)cases[i].in, len, &out);
		is_text(out.data, cases[i].out, "%s", cases[i].what);
		struct terminal_filter bytes = { .in_line = false };
		AUTO_BUF cut = { .data = NULL };
		for (size_t n = 0; n < len; n++)
			terminal_filter(&bytes, (const uint8_t *)cases[i].in + n, 1, &cut);
		is_text(cut.data, cases[i].out, "the same byte by byte");
	}
}

/* Whatever comes, nothing but printable text, tabs and newlines leaves. */
static void test_noise(void)
{
	struct terminal_filter f = { .in_line = false };
	AUTO_BUF out = { .data = NULL };
	uint32_t x = 12345;
	for (int i = 0; i < 200000; i++) {
		x = x * 1103515245 + 12345;
		uint8_t c = (uint8_t)(x >> 16);
		terminal_filter(&f, &c, 1, &out);
	}
	size_t bad = 0;
	for (size_t i = 0; i < out.len; i++) {
		uint8_t c = (uint8_t)out.data[i];
		bad += (c < 32 && c != '\n' && c != '\t') || c == 127 || (c == 0xc2 && (uint8_t)out.data[i + 1] < 0xa0);
	}
	ok(out.len > 1000 && bad == 0, "of noise only text is left (%zu bytes)", out.len);
}

static void test_clean(void)
{
	char text[] = "a\033[31mb\n\xc2\x9bgr\xc3\xbc\xc3\x9f";
	terminal_clean(text);
	is_text(text, "a?[31mb???gr\xc3\xbc\xc3\x9f", "control characters in a name become question marks");
}

int main(void)
{
	test_filter();
	test_noise();
	test_clean();
	return done_testing();
}
