/* SPDX-License-Identifier: Apache-2.0
 * vm_nbd.c - the server of a lease's image: what QEMU's client says, and what a captured one might
 */
#include <assert.h>
#include "blocks.h"
#include "bytes.h"
#include "image.h"
#include "nbd.h"
#include "tap.h"

static_assert(BLOCKS_PIECE_BYTES == PIECE_BYTES, "the map's pieces are the market's");

#define SIZE 3000000
#define GREETED "NBDMAGICIHAVEOPT\0\3"
#define FLAGS "\0\0\0\3"
#define OPT "IHAVEOPT\0\0\0"
#define GO OPT "\7\0\0\0\13\0\0\0\5image\0\0" /* 11 bytes: a name of 5, no questions */
#define REQUEST(type, offset, len) "\x25\x60\x95\x13\0\0\0" type "COOKIE42" offset len
#define AT_0 "\0\0\0\0\0\0\0\0"
#define LEN_512 "\0\0\2\0"
#define BYTES(text) (text), sizeof(text) - 1

static struct nbd n;
static struct nbd_read read_;

/* All of it in parts of so many bytes; reads are answered. Returns the last step. */
static enum nbd_step say(const char *text, size_t len, size_t part, int *ret_reads)
{
	enum nbd_step step;
	*ret_reads = 0;
	nbd_clear(&n);
	nbd_init(&n, SIZE);
	for (;;) {
		step = nbd_next(&n, &read_);
		if (step == NBD_WANTS_READ) {
			++*ret_reads;
			nbd_answer(&n, &read_, false);
			continue;
		}
		if (step == NBD_ENDS || !len)
			return step;
		size_t room, now = len < part ? len : part;
		uint8_t *to = nbd_room(&n, &room);
		now = now < room ? now : room;
		memcpy(to, text, now);
		nbd_added(&n, now);
		text += now;
		len -= now;
	}
}

/* Does what went out end with these bytes? */
static bool ends_with(const char *bytes, size_t len)
{
	return n.out.len >= len && !memcmp(n.out.data + n.out.len - len, bytes, len);
}

static void test_good(void)
{
	static const char talk[] = FLAGS OPT "\10\0\0\0\0" GO REQUEST("\0", AT_0, LEN_512);
	int reads;
	for (size_t part = 1; part < 64; part += 21) {
		is_int(say(BYTES(talk), part, &reads), NBD_WANTS_BYTES, "parts of %zu: a whole talk", part);
		is_int(reads, 1, "one read");
		is_int(read_.len, 512, "of 512 bytes");
		ok(!memcmp(n.out.data, GREETED, 18), "greeted");
		ok(ends_with(BYTES("\x67\x44\x66\x98\0\0\0\0COOKIE42")), "answered");
	}
	say(BYTES(FLAGS OPT "\10\0\0\0\0"), 99, &reads);
	ok(ends_with(BYTES("\0\0\0\10\x80\0\0\1\0\0\0\0")), "structured replies are not to be had");
	say(BYTES(FLAGS GO), 99, &reads);
	ok(memmem(n.out.data, n.out.len, BYTES("\0\0\0\0\0\0\0\x2d\xc6\xc0\0\3")), "the size; read-only");
	is_int(say(BYTES(FLAGS OPT "\1\0\0\0\5image"), 99, &reads), NBD_WANTS_BYTES, "the old way to the export");
	is_int((int64_t)n.out.len, 18 + 10, "without padding");
	is_int(say(BYTES("\0\0\0\1" OPT "\1\0\0\0\5image"), 99, &reads), NBD_WANTS_BYTES, "or with it");
	is_int((int64_t)n.out.len, 18 + 10 + 124, "124 zeroes");
	is_int(say(BYTES(FLAGS OPT "\2\0\0\0\0"), 99, &reads), NBD_ENDS, "the client gives up");
	is_int(say(BYTES(FLAGS GO REQUEST("\2", AT_0, "\0\0\0\0")), 99, &reads), NBD_ENDS, "it is done");
	say(BYTES(FLAGS GO REQUEST("\0", "\0\0\0\0\0\x2d\xc6\xbf", "\0\0\0\1")), 99, &reads);
	is_int(reads, 1, "the last byte");
	say(BYTES(FLAGS GO REQUEST("\1", AT_0, "\0\0\0\4") "data" REQUEST("\0", AT_0, LEN_512)), 7, &reads);
	is_int(reads, 1, "a write is refused and its bytes are skipped");
	ok(memmem(n.out.data, n.out.len, BYTES("\x67\x44\x66\x98\0\0\0\1COOKIE42")), "by its name");
	nbd_answer(&n, &read_, true);
	ok(ends_with(BYTES("\x67\x44\x66\x98\0\0\0\5COOKIE42")), "a failed read");
}

static void test_hung_up(void)
{
	static const struct {
		const char *what, *said;
		size_t len;
	} all[] = {
		{ "no fixed newstyle", BYTES("\0\0\0\0") },
		{ "flags that there are not", BYTES("\0\0\0\7") },
		{ "another magic of options", BYTES(FLAGS "IHAVENOT\0\0\0\7\0\0\0\0") },
		{ "an option without an end", BYTES(FLAGS OPT "\7\xff\xff\xff\xff") },
		{ "an option that is too long", BYTES(FLAGS OPT "\7\0\0\x20\0") },
		{ "another export, the old way", BYTES(FLAGS OPT "\1\0\0\0\5other") },
		{ "another magic of requests", BYTES(FLAGS GO "\x25\x60\x95\x14\0\0\0\0COOKIE42" AT_0 LEN_512) },
		{ "a write without an end", BYTES(FLAGS GO REQUEST("\1", AT_0, "\xff\xff\xff\xff")) },
	};
	int reads;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		is_int(say(all[i].said, all[i].len, 5, &reads), NBD_ENDS, "hung up: %s", all[i].what);
		is_int(reads, 0, "nothing is read");
	}
}

static void test_refused(void)
{
	static const struct {
		const char *what, *said;
		size_t len;
		const char *answer;
		size_t answer_len;
	} all[] = {
		{ "another export", BYTES(FLAGS OPT "\7\0\0\0\13\0\0\0\5other\0\0"), BYTES("\0\0\0\7\x80\0\0\6\0\0\0\0") },
		{ "a name beyond the option", BYTES(FLAGS OPT "\7\0\0\0\13\0\0\0\6image\0\0"),
		  BYTES("\0\0\0\7\x80\0\0\3\0\0\0\0") },
		{ "a name without an end", BYTES(FLAGS OPT "\6\0\0\0\13\xff\xff\xff\xffimage\0\0"),
		  BYTES("\0\0\0\6\x80\0\0\3\0\0\0\0") },
		{ "questions that are not there", BYTES(FLAGS OPT "\7\0\0\0\13\0\0\0\5image\0\1"),
		  BYTES("\0\0\0\7\x80\0\0\3\0\0\0\0") },
		{ "bytes behind it", BYTES(FLAGS OPT "\7\0\0\0\14\0\0\0\5image\0\0x"), BYTES("\0\0\0\7\x80\0\0\3\0\0\0\0") },
		{ "nothing in it", BYTES(FLAGS OPT "\7\0\0\0\0"), BYTES("\0\0\0\7\x80\0\0\3\0\0\0\0") },
		{ "TLS", BYTES(FLAGS OPT "\5\0\0\0\0"), BYTES("\0\0\0\5\x80\0\0\1\0\0\0\0") },
	};
	static const struct {
		const char *what, *said;
		size_t len;
		char error;
	} requests[] = {
		{ "a read of nothing", BYTES(REQUEST("\0", AT_0, "\0\0\0\0")), 22 },
		{ "a read beyond the end", BYTES(REQUEST("\0", "\0\0\0\0\0\x2d\xc6\xbf", "\0\0\0\2")), 22 },
		{ "a read far beyond", BYTES(REQUEST("\0", "\xff\xff\xff\xff\xff\xff\xff\xff", LEN_512)), 22 },
		{ "a read of 4 GiB", BYTES(REQUEST("\0", AT_0, "\xff\xff\xff\xff")), 22 },
		{ "a read with flags", BYTES("\x25\x60\x95\x13\0\1\0\0COOKIE42" AT_0 LEN_512), 22 },
		{ "a flush", BYTES(REQUEST("\3", AT_0, "\0\0\0\0")), 22 },
		{ "a trim", BYTES(REQUEST("\4", AT_0, LEN_512)), 1 },
		{ "zeroes", BYTES(REQUEST("\6", AT_0, LEN_512)), 1 },
		{ "a command that there is not", BYTES(REQUEST("\x63", AT_0, LEN_512)), 22 },
	};
	int reads;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		is_int(say(all[i].said, all[i].len, 9, &reads), NBD_WANTS_BYTES, "refused: %s", all[i].what);
		ok(ends_with(all[i].answer, all[i].answer_len), "with the protocol's word for it");
		is_int(n.phase, NBD_OPTIONS, "and still options are taken");
	}
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		char talk[128], answer[] = "\x67\x44\x66\x98\0\0\0\0COOKIE42";
		size_t head = sizeof(FLAGS GO) - 1;
		memcpy(talk, FLAGS GO, head);
		memcpy(talk + head, requests[i].said, requests[i].len);
		answer[7] = requests[i].error;
		is_int(say(talk, head + requests[i].len, 11, &reads), NBD_WANTS_BYTES, "refused: %s", requests[i].what);
		is_int(reads, 0, "nothing is read");
		ok(ends_with(answer, sizeof answer - 1), "with the protocol's error");
	}
}

int main(void)
{
	test_good();
	test_hung_up();
	test_refused();
	nbd_clear(&n);
	return done_testing();
}
