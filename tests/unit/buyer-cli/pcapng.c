/* SPDX-License-Identifier: Apache-2.0
 * pcapng.c - blocks and options as the draft has them, read back by a reader of its own; and what the frames' records refuse
 */
#include "bytes.h"
#include "capture.h"
#include "pcapng.h"
#include "tap.h"

/* The next block's type and body; false where the framing is wrong. */
static bool next_block(struct reader *r, uint32_t *type, struct reader *body)
{
	*type = read_u32(r);
	uint32_t len = read_u32(r);
	if (len < 12 || len % 4)
		return false;
	const uint8_t *data = read_bytes(r, len - 12);
	uint32_t again = read_u32(r);
	*body = reader_of(data, len - 12);
	return !r->bad && again == len;
}

/* Finds an option among what is left; its bytes, or NULL. */
static const uint8_t *option(struct reader r, uint16_t wanted, size_t *ret_len)
{
	while (!r.bad && reader_left(&r) >= 4) {
		uint16_t code = read_u16(&r), len = read_u16(&r);
		const uint8_t *data = read_bytes(&r, len);
		(void)read_bytes(&r, (4 - len % 4) % 4);
		if (code == 0)
			return NULL;
		*ret_len = len;
		if (code == wanted)
			return data;
	}
	return NULL;
}

static void test_file(void)
{
	AUTO_BUF out = { .len = 0 };
	struct reader body;
	uint32_t type;
	size_t len = 0;
	const uint8_t *o;
	wall_time at = { 0x0123456789abcdef };
	pcapng_begin(&out, "cpushare 1", "cpushare", "a port", 1500);
	pcapng_frame(&out, at, true, "abcde", 5, 60);
	pcapng_frame(&out, at, false, "abcd", 4, 4);
	pcapng_statistics(&out, (wall_time){ 7 }, at, 9, 7);
	is_int(out.error, OK, "it is written");
	struct reader r = reader_of(out.data, out.len);

	ok(next_block(&r, &type, &body) && type == 0x0a0d0d0a, "first the section's header");
	is_int(read_u32(&body), 0x1a2b3c4d, "its byte order");
	is_int(read_u32(&body), 0x00010000, "version 1.0");
	is_int((int64_t)read_u64(&body), -1, "of unknown length");
	o = option(body, 4, &len);
	ok(o && len == 10 && !memcmp(o, "cpushare 1", 10), "written by us");

	ok(next_block(&r, &type, &body) && type == 1, "then the interface");
	is_int(read_u32(&body), 1 << 16, "ethernet");
	is_int(read_u32(&body), 1500, "the snap length");
	o = option(body, 2, &len);
	ok(o && len == 8 && !memcmp(o, "cpushare", 8), "its name");
	o = option(body, 9, &len);
	ok(o && len == 1 && *o == 6, "times in microseconds");

	ok(next_block(&r, &type, &body) && type == 6, "then a frame");
	is_int(read_u32(&body), 0, "of that interface");
	is_int((int64_t)read_u64(&body), at.us, "its time");
	is_int(read_u32(&body), 5, "captured");
	is_int(read_u32(&body), 60, "of so many bytes");
	ok(!memcmp(read_bytes(&body, 8), "abcde\0\0", 8), "padded");
	o = option(body, 2, &len);
	ok(o && len == 4 && o[3] == 2, "outbound");
	ok(next_block(&r, &type, &body) && type == 6, "and another");
	(void)read_bytes(&body, 20 + 4);
	o = option(body, 2, &len);
	ok(o && len == 4 && o[3] == 1, "inbound");

	ok(next_block(&r, &type, &body) && type == 5, "at the end the statistics");
	(void)read_bytes(&body, 12);
	o = option(body, 4, &len);
	ok(o && len == 8 && o[7] == 9, "how many came");
	o = option(body, 5, &len);
	ok(o && len == 8 && o[7] == 7, "how many are missing");
	ok(!r.bad && reader_left(&r) == 0, "and nothing more");
}

static void test_records(void)
{
	struct capture_record c = { .time_us = 1, .dropped = 2, .len = 60, .captured = 60, .outbound = 1 }, got;
	uint8_t bytes[CAPTURE_RECORD_BYTES];
	capture_record_put(&c, bytes);
	ok(capture_record_get(bytes, &got) == OK && !memcmp(&c, &got, sizeof c), "a record is read as it was written");
	c.captured = 61;
	capture_record_put(&c, bytes);
	is_int(capture_record_get(bytes, &got), E_INVALID, "more captured than there was");
	c.len = c.captured = CAPTURE_MAX_BYTES + 1;
	capture_record_put(&c, bytes);
	is_int(capture_record_get(bytes, &got), E_INVALID, "more than any frame");
	c.len = c.captured = 60;
	c.outbound = 2;
	capture_record_put(&c, bytes);
	is_int(capture_record_get(bytes, &got), E_INVALID, "a direction that is none");
}

int main(void)
{
	test_file();
	test_records();
	return done_testing();
}
