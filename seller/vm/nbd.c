/* SPDX-License-Identifier: Apache-2.0
 * nbd.c - a read-only server's side of the NBD protocol
 *
 * The numbers are those of NBD's doc/proto.md ("Values"). A client that breaks the framing is hung up on, since nothing behind it can be
 * trusted to be a request; one that asks for what there is not gets an error and may go on.
 */
#include "nbd.h"
#include <string.h>
#include "bytes.h"

#define MAGIC_GREETING 0x4e42444d41474943ULL /* "NBDMAGIC" */
#define MAGIC_OPTION 0x49484156454f5054ULL   /* "IHAVEOPT" */
#define MAGIC_OPTION_REPLY 0x0003e889045565a9ULL
#define MAGIC_REQUEST 0x25609513U
#define MAGIC_REPLY 0x67446698U
enum { FLAG_FIXED_NEWSTYLE = 1, FLAG_NO_ZEROES = 2 };
enum { OPT_EXPORT_NAME = 1, OPT_ABORT = 2, OPT_INFO = 6, OPT_GO = 7 };
enum { REP_ACK = 1, REP_INFO = 3 };
#define REP_ERR_UNSUPPORTED 0x80000001U
#define REP_ERR_INVALID 0x80000003U
#define REP_ERR_UNKNOWN 0x80000006U
enum { INFO_EXPORT = 0, INFO_BLOCK_SIZE = 3 };
enum { HAS_FLAGS = 1, READ_ONLY = 2 };
enum { CMD_READ = 0, CMD_WRITE = 1, CMD_DISCONNECT = 2, CMD_TRIM = 4, CMD_WRITE_ZEROES = 6 };
enum { ERR_PERMISSION = 1, ERR_IO = 5, ERR_INVALID = 22 };
enum { OPTION_HEADER = 16, REQUEST_BYTES = 28, ZEROES = 124, BLOCK_PREFERRED = 65536 };
/* A name is at most 4096 bytes ("Strings"), and what is around it less than 64. */
#define OPTION_MAX (4096 + 64)
#define OUT_MAX 65536

static void put(struct nbd *n, const struct writer *w)
{
	buf_append(&n->out, w->start, writer_len(w));
}

void nbd_init(struct nbd *n, uint64_t size_bytes)
{
	uint8_t greeting[18];
	struct writer w = writer_of(greeting, sizeof greeting);
	*n = (struct nbd){ .size_bytes = size_bytes, .out.max = OUT_MAX };
	write_u64(&w, MAGIC_GREETING);
	write_u64(&w, MAGIC_OPTION);
	write_u16(&w, FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
	put(n, &w);
}

void nbd_clear(struct nbd *n)
{
	buf_clear(&n->out);
}

uint8_t *nbd_room(struct nbd *n, size_t *ret_room)
{
	*ret_room = sizeof n->in - n->len;
	return n->in + n->len;
}

void nbd_added(struct nbd *n, size_t len)
{
	n->len += len;
}

static void consume(struct nbd *n, size_t len)
{
	memmove(n->in, n->in + len, n->len - len);
	n->len -= len;
}

static enum nbd_step over(struct nbd *n)
{
	n->phase = NBD_OVER;
	return NBD_ENDS;
}

/* ---- the handshake ---- */

static void option_reply(struct nbd *n, uint32_t option, uint32_t type, const struct writer *data)
{
	uint8_t head[20];
	struct writer w = writer_of(head, sizeof head);
	write_u64(&w, MAGIC_OPTION_REPLY);
	write_u32(&w, option);
	write_u32(&w, type);
	write_u32(&w, data ? (uint32_t)writer_len(data) : 0);
	put(n, &w);
	if (data)
		put(n, data);
}

static bool is_export(const uint8_t *name, size_t len)
{
	return len == strlen(NBD_EXPORT) && !memcmp(name, NBD_EXPORT, len);
}

/* NBD_OPT_INFO, NBD_OPT_GO: the name, and what the client would like to know; it is told all that there is. */
static enum nbd_step take_go(struct nbd *n, uint32_t option, struct reader *r)
{
	uint8_t data[14];
	uint32_t name_len = read_u32(r);
	const uint8_t *name = read_bytes(r, name_len);
	uint16_t count = read_u16(r);
	read_bytes(r, 2 * (size_t)count);
	if (r->bad || reader_left(r)) {
		option_reply(n, option, REP_ERR_INVALID, NULL);
		return NBD_WANTS_BYTES;
	}
	if (!is_export(name, name_len)) {
		option_reply(n, option, REP_ERR_UNKNOWN, NULL);
		return NBD_WANTS_BYTES;
	}
	struct writer w = writer_of(data, sizeof data);
	write_u16(&w, INFO_EXPORT);
	write_u64(&w, n->size_bytes);
	write_u16(&w, HAS_FLAGS | READ_ONLY);
	option_reply(n, option, REP_INFO, &w);
	w = writer_of(data, sizeof data);
	write_u16(&w, INFO_BLOCK_SIZE);
	write_u32(&w, 1);
	write_u32(&w, BLOCK_PREFERRED);
	write_u32(&w, NBD_READ_MAX);
	option_reply(n, option, REP_INFO, &w);
	option_reply(n, option, REP_ACK, NULL);
	if (option == OPT_GO)
		n->phase = NBD_TRANSMISSION;
	return NBD_WANTS_BYTES;
}

/* NBD_OPT_EXPORT_NAME has no way to say no but to hang up. */
static enum nbd_step take_export_name(struct nbd *n, const uint8_t *name, size_t len)
{
	uint8_t data[10 + ZEROES] = { 0 };
	struct writer w = writer_of(data, sizeof data);
	if (!is_export(name, len))
		return over(n);
	write_u64(&w, n->size_bytes);
	write_u16(&w, HAS_FLAGS | READ_ONLY);
	buf_append(&n->out, data, n->no_zeroes ? 10 : sizeof data);
	n->phase = NBD_TRANSMISSION;
	return NBD_WANTS_BYTES;
}

static enum nbd_step take_option(struct nbd *n, uint32_t option, const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	switch (option) {
	case OPT_EXPORT_NAME:
		return take_export_name(n, data, len);
	case OPT_ABORT:
		option_reply(n, option, REP_ACK, NULL);
		return over(n);
	case OPT_INFO:
	case OPT_GO:
		return take_go(n, option, &r);
	default:
		option_reply(n, option, REP_ERR_UNSUPPORTED, NULL);
		return NBD_WANTS_BYTES;
	}
}

static enum nbd_step next_option(struct nbd *n)
{
	struct reader r = reader_of(n->in, n->len);
	uint64_t magic = read_u64(&r);
	uint32_t option = read_u32(&r), len = read_u32(&r);
	if (r.bad)
		return NBD_WANTS_BYTES;
	if (magic != MAGIC_OPTION || len > OPTION_MAX)
		return over(n);
	if (reader_left(&r) < len)
		return NBD_WANTS_BYTES;
	enum nbd_step step = take_option(n, option, n->in + OPTION_HEADER, len);
	consume(n, OPTION_HEADER + len);
	return step;
}

static enum nbd_step next_client_flags(struct nbd *n)
{
	struct reader r = reader_of(n->in, n->len);
	uint32_t flags = read_u32(&r);
	if (r.bad)
		return NBD_WANTS_BYTES;
	if (!(flags & FLAG_FIXED_NEWSTYLE) || flags & ~(uint32_t)(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES))
		return over(n);
	n->no_zeroes = flags & FLAG_NO_ZEROES;
	n->phase = NBD_OPTIONS;
	consume(n, 4);
	return NBD_WANTS_BYTES;
}

/* ---- transmission ---- */

static void reply(struct nbd *n, uint64_t cookie, uint32_t error)
{
	uint8_t data[16];
	struct writer w = writer_of(data, sizeof data);
	write_u32(&w, MAGIC_REPLY);
	write_u32(&w, error);
	write_u64(&w, cookie);
	put(n, &w);
}

void nbd_answer(struct nbd *n, const struct nbd_read *read, bool failed)
{
	reply(n, read->cookie, failed ? ERR_IO : 0);
}

static enum nbd_step next_request(struct nbd *n, struct nbd_read *ret_read)
{
	struct reader r = reader_of(n->in, n->len);
	uint32_t magic = read_u32(&r);
	uint16_t flags = read_u16(&r), type = read_u16(&r);
	struct nbd_read read = { .cookie = read_u64(&r), .offset = read_u64(&r) };
	read.len = read_u32(&r);
	if (r.bad)
		return NBD_WANTS_BYTES;
	consume(n, REQUEST_BYTES);
	if (magic != MAGIC_REQUEST || type == CMD_DISCONNECT || (type == CMD_WRITE && read.len > NBD_READ_MAX))
		return over(n);
	if (type == CMD_WRITE)
		n->skip = read.len;
	bool writes = type == CMD_WRITE || type == CMD_TRIM || type == CMD_WRITE_ZEROES;
	bool outside = read.offset > n->size_bytes || read.len > n->size_bytes - read.offset;
	if (type != CMD_READ || flags || outside || !read.len || read.len > NBD_READ_MAX) {
		reply(n, read.cookie, writes ? ERR_PERMISSION : ERR_INVALID);
		return NBD_WANTS_BYTES;
	}
	*ret_read = read;
	return NBD_WANTS_READ;
}

enum nbd_step nbd_next(struct nbd *n, struct nbd_read *ret_read)
{
	for (;;) {
		size_t before = n->len, skipped = n->skip < n->len ? n->skip : n->len;
		consume(n, skipped);
		n->skip -= (uint32_t)skipped;
		enum nbd_step step = NBD_ENDS;
		if (n->phase == NBD_CLIENT_FLAGS)
			step = next_client_flags(n);
		else if (n->phase == NBD_OPTIONS)
			step = next_option(n);
		else if (n->phase == NBD_TRANSMISSION)
			step = next_request(n, ret_read);
		if (n->out.error)
			return over(n);
		if (step != NBD_WANTS_BYTES || n->len == before)
			return step;
	}
}
