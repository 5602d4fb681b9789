/* SPDX-License-Identifier: Apache-2.0
 * bytes.c - tests of cursors, hex, base64, numbers and bounded texts
 */
#include "bytes.h"
#include "tap.h"

static void test_reader(void)
{
	const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
	struct reader r = reader_of(data, sizeof data);
	is_int(read_u8(&r), 1, "one byte");
	is_int(read_u16(&r), 0x0203, "two, big-endian");
	is_int(read_u32(&r), 0x04050607, "four");
	is_int(read_u64(&r), 0x08090a0b0c0d0e0f, "eight");
	ok(!r.bad && reader_left(&r) == 2, "two are left");
	uint8_t copy[4] = { 9, 9, 9, 9 };
	read_copy(&r, copy, 2);
	ok(copy[0] == 16 && copy[1] == 17 && copy[2] == 9 && !r.bad, "copied");
	ok(read_bytes(&r, 0) != NULL && !r.bad, "nothing can always be read");
	is_int(read_u16(&r), 0, "zeros past the end");
	ok(r.bad, "and bad");

	r = reader_of(data, 3);
	is_int(read_u32(&r), 0, "not half a number");
	is_int(read_u8(&r), 0, "bad sticks, though bytes were left");
	read_copy(&r, copy, sizeof copy);
	ok(copy[0] == 0 && copy[3] == 0, "a copy is zeros then");
	ok(read_bytes(&r, 0) == NULL, "no view either");
	r = reader_of(data, 3);
	ok(read_bytes(&r, SIZE_MAX) == NULL && r.bad, "a length that would wrap");
}

static void test_writer(void)
{
	uint8_t data[16], want[] = { 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4 };
	memset(data, 0xee, sizeof data);
	struct writer w = writer_of(data, 15);
	write_u8(&w, 1);
	write_u16(&w, 2);
	write_u32(&w, 3);
	write_u64(&w, 4);
	ok(!w.bad && writer_len(&w) == 15 && !memcmp(data, want, 15), "all widths");
	write_bytes(&w, "", 0);
	ok(!w.bad, "nothing always fits");
	write_u8(&w, 5);
	ok(w.bad && data[15] == 0xee, "not past the end");
	w = writer_of(data, 1);
	write_u16(&w, 7);
	write_u8(&w, 8);
	ok(w.bad && writer_len(&w) == 0, "bad sticks, though there was room");
}

static void test_hex(void)
{
	uint8_t bytes[] = { 0x00, 0xab, 0xff }, back[3] = { 7, 7, 7 };
	char text[7];
	is_text(hex_encode(bytes, 3, text), "00abff", "encode");
	is_text(hex_encode(bytes, 0, text), "", "encode nothing");
	static const char *const bad[] = { "", "00abf", "00abff0", "00abff00", "00abfg", "0xabff", "00 bff", "00ab\xff\xff" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(hex_decode(bad[i], back, 3), E_INVALID, "refuse \"%s\"", bad[i]);
	is_int(back[0], 7, "a refusal leaves the result alone");
	is_int(hex_decode("00aBFf", back, 3), OK, "either case");
	ok(!memcmp(bytes, back, 3), "the same bytes");
}

static void test_base64(void)
{
	/* RFC 4648 section 10 */
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg==" },
						{ "fo", "Zm8=" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" },
						{ "fooba", "Zm9vYmE=" },
						{ "foobar", "Zm9vYmFy" },
						{ "\xff\xfe\xfb", "//77" } };
	char text[16], back[16];
	size_t len;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		is_text(base64_encode(pairs[i][0], strlen(pairs[i][0]), text), pairs[i][1], "encode to %s", pairs[i][1]);
		is_int(base64_decode(pairs[i][1], back, sizeof back, &len), OK, "decode %s", pairs[i][1]);
		ok(len == strlen(pairs[i][0]) && !memcmp(back, pairs[i][0], len), "the same bytes");
	}
	static const char *const bad[] = { "Z",	       "Zg",   "Zg=",	"Zg===",  "Zh==", "Zm9=", "====",    "=",
					   "Zg==Zg==", "Z===", "Zm 9v", "Zm9v\n", "Zm-_", "Z=g=", "Zm9v====" };
	len = 77;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(base64_decode(bad[i], back, sizeof back, &len), E_INVALID, "refuse \"%s\"", bad[i]);
	is_int(base64_decode("Zm9vYg==", back, 3, &len), E_LIMIT, "more than there is room for");
	is_int(len, 77, "a refusal leaves the result alone");
	is_int(base64_decode("Zm9vYg==", back, 4, &len), OK, "exactly the room");
}

static void test_texts(void)
{
	char text[4] = "old";
	is_int(text_copy(text, sizeof text, "1234"), E_LIMIT, "too long with its NUL");
	is_text(text, "old", "and then untouched");
	is_int(text_copy(text, sizeof text, "123"), OK, "just fits");
	is_text(text, "123", "whole");
	is_int(text_copy(text, 0, ""), E_LIMIT, "no room at all");

	static const struct {
		const char *text;
		err_t error;
		int64_t value;
	} ints[] = {
		{ "0", OK, 0 },
		{ "-0", OK, 0 },
		{ "42", OK, 42 },
		{ "-7", OK, -7 },
		{ "9223372036854775807", OK, INT64_MAX },
		{ "-9223372036854775808", OK, INT64_MIN },
		{ "9223372036854775808", E_OVERFLOW, 0 },
		{ "-9223372036854775809", E_OVERFLOW, 0 },
		{ "99999999999999999999999999", E_OVERFLOW, 0 },
		{ "", E_INVALID, 0 },
		{ "-", E_INVALID, 0 },
		{ "+1", E_INVALID, 0 },
		{ " 1", E_INVALID, 0 },
		{ "1 ", E_INVALID, 0 },
		{ "0x1", E_INVALID, 0 },
		{ "1.0", E_INVALID, 0 },
	};
	static const struct {
		const char *text;
		err_t error;
		int64_t bytes;
	} sizes[] = {
		{ "0", OK, 0 },
		{ "512", OK, 512 },
		{ "1K", OK, 1024 },
		{ "512M", OK, 512LL << 20 },
		{ "20G", OK, 20LL << 30 },
		{ "1T", OK, 1LL << 40 },
		{ "8388607T", OK, 8388607LL << 40 },
		{ "8388608T", E_OVERFLOW, 0 },
		{ "9223372036854775808", E_OVERFLOW, 0 },
		{ "", E_INVALID, 0 },
		{ "M", E_INVALID, 0 },
		{ "-1M", E_INVALID, 0 },
		{ "1MB", E_INVALID, 0 },
		{ "1 M", E_INVALID, 0 },
		{ "1.5G", E_INVALID, 0 },
		{ "1m", E_INVALID, 0 },
		{ "111111111111111111111111111111M", E_INVALID, 0 },
	};
	static const struct {
		const char *text;
		err_t error;
		int64_t bits_s;
	} rates[] = {
		{ "0", OK, 0 },
		{ "500kbit", OK, 500000 },
		{ "20Mbit", OK, 20000000 },
		{ "1Gbit", OK, 1000000000 },
		{ "9223372036Gbit", OK, 9223372036000000000 },
		{ "9223372037Gbit", E_OVERFLOW, 0 },
		{ "9223372036854775808kbit", E_OVERFLOW, 0 },
		{ "", E_INVALID, 0 },
		{ "20", E_INVALID, 0 },
		{ "00", E_INVALID, 0 },
		{ "Mbit", E_INVALID, 0 },
		{ "-1Mbit", E_INVALID, 0 },
		{ "1.5Mbit", E_INVALID, 0 },
		{ "20 Mbit", E_INVALID, 0 },
		{ "20M", E_INVALID, 0 },
		{ "20mbit", E_INVALID, 0 },
		{ "20Mbit/s", E_INVALID, 0 },
		{ "20MB", E_INVALID, 0 },
		{ "111111111111111111111111111111Mbit", E_INVALID, 0 },
	};
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		int64_t bits_s = 0;
		is_int(rate_parse(rates[i].text, &bits_s), rates[i].error, "rate \"%s\"", rates[i].text);
		is_int(bits_s, rates[i].bits_s, "its value");
	}
	for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
		int64_t value = 0;
		is_int(int_parse(ints[i].text, &value), ints[i].error, "integer \"%s\"", ints[i].text);
		is_int(value, ints[i].value, "its value");
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		int64_t bytes = 0;
		is_int(size_parse(sizes[i].text, &bytes), sizes[i].error, "size \"%s\"", sizes[i].text);
		is_int(bytes, sizes[i].bytes, "its value");
	}
}

/* RFC 4648 section 10. */
static void test_base32(void)
{
	static const char *const rows[][2] = { { "", "" },
					       { "f", "MY======" },
					       { "fo", "MZXQ====" },
					       { "foo", "MZXW6===" },
					       { "foob", "MZXW6YQ=" },
					       { "fooba", "MZXW6YTB" },
					       { "foobar", "MZXW6YTBOI======" } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[32];
		is_text(base32_encode(rows[i][0], strlen(rows[i][0]), text), rows[i][1], "base32 of \"%s\"", rows[i][0]);
	}
}

int main(void)
{
	test_reader();
	test_writer();
	test_hex();
	test_base64();
	test_base32();
	test_texts();
	return done_testing();
}
