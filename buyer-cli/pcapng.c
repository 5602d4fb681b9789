/* SPDX-License-Identifier: Apache-2.0
 * pcapng.c - captured frames in the format that Wireshark reads (draft-ietf-opsawg-pcapng)
 */
#include "pcapng.h"
#include <string.h>
#include "bytes.h"

enum block { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_ETHERNET 1
/* Options: section 3.5, 4.1, 4.2, 4.3, 4.6 of the draft. */
#define OPT_END 0
#define SHB_USERAPPL 4
#define IF_NAME 2
#define IF_DESCRIPTION 3
#define IF_TSRESOL 9
#define TSRESOL_MICROSECONDS 6
#define EPB_FLAGS 2
#define FLAGS_INBOUND 1
#define FLAGS_OUTBOUND 2
#define ISB_STARTTIME 2
#define ISB_ENDTIME 3
#define ISB_IFRECV 4
#define ISB_IFDROP 5

static void put_u16(struct buf *out, uint16_t v)
{
	uint8_t bytes[2];
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u16(&w, v);
	buf_append(out, bytes, sizeof bytes);
}

static void put_u32(struct buf *out, uint32_t v)
{
	uint8_t bytes[4];
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u32(&w, v);
	buf_append(out, bytes, sizeof bytes);
}

/* High word first, in either byte order. */
static void put_time(struct buf *out, wall_time t)
{
	put_u32(out, (uint32_t)((uint64_t)t.us >> 32));
	put_u32(out, (uint32_t)t.us);
}

static size_t padding(size_t len)
{
	return (4 - len % 4) % 4;
}

static void put_padded(struct buf *out, const void *data, size_t len)
{
	static const uint8_t zeros[4];
	buf_append(out, data, len);
	buf_append(out, zeros, padding(len));
}

static void put_option(struct buf *out, uint16_t code, const void *data, size_t len)
{
	put_u16(out, code);
	put_u16(out, (uint16_t)len);
	put_padded(out, data, len);
}

static void put_u64_option(struct buf *out, uint16_t code, uint64_t v)
{
	uint8_t bytes[8];
	struct writer w = writer_of(bytes, sizeof bytes);
	write_u64(&w, v);
	put_option(out, code, bytes, sizeof bytes);
}

/* A block's length stands in front of it and behind it. */
static void put_block(struct buf *out, enum block type, const struct buf *body)
{
	uint32_t len = (uint32_t)(12 + body->len);
	if (body->error) {
		out->error = out->error ? out->error : body->error;
		return;
	}
	put_u32(out, type);
	put_u32(out, len);
	buf_append(out, body->data, body->len);
	put_u32(out, len);
}

void pcapng_begin(struct buf *out, const char *program, const char *interface, const char *description, uint32_t snaplen)
{
	AUTO_BUF section = { .len = 0 };
	AUTO_BUF link = { .len = 0 };
	const uint8_t resolution = TSRESOL_MICROSECONDS;
	put_u32(&section, BYTE_ORDER_MAGIC);
	put_u16(&section, 1); /* version 1.0 */
	put_u16(&section, 0);
	put_u32(&section, UINT32_MAX); /* the section's length is not known yet */
	put_u32(&section, UINT32_MAX);
	put_option(&section, SHB_USERAPPL, program, strlen(program));
	put_option(&section, OPT_END, NULL, 0);
	put_block(out, BLOCK_SECTION, &section);
	put_u16(&link, LINKTYPE_ETHERNET);
	put_u16(&link, 0);
	put_u32(&link, snaplen);
	put_option(&link, IF_NAME, interface, strlen(interface));
	put_option(&link, IF_DESCRIPTION, description, strlen(description));
	put_option(&link, IF_TSRESOL, &resolution, sizeof resolution);
	put_option(&link, OPT_END, NULL, 0);
	put_block(out, BLOCK_INTERFACE, &link);
}

/* Written without a buf of its own: there are many. */
void pcapng_frame(struct buf *out, wall_time at, bool outbound, const void *data, uint32_t captured, uint32_t len)
{
	uint32_t block_len = (uint32_t)(32 + captured + padding(captured) + 12);
	put_u32(out, BLOCK_PACKET);
	put_u32(out, block_len);
	put_u32(out, 0); /* the only interface */
	put_time(out, at);
	put_u32(out, captured);
	put_u32(out, len);
	put_padded(out, data, captured);
	put_u16(out, EPB_FLAGS);
	put_u16(out, 4);
	put_u32(out, outbound ? FLAGS_OUTBOUND : FLAGS_INBOUND);
	put_option(out, OPT_END, NULL, 0);
	put_u32(out, block_len);
}

void pcapng_statistics(struct buf *out, wall_time began, wall_time ended, uint64_t received, uint64_t dropped)
{
	AUTO_BUF body = { .len = 0 };
	put_u32(&body, 0);
	put_time(&body, ended);
	put_u16(&body, ISB_STARTTIME);
	put_u16(&body, 8);
	put_time(&body, began);
	put_u16(&body, ISB_ENDTIME);
	put_u16(&body, 8);
	put_time(&body, ended);
	put_u64_option(&body, ISB_IFRECV, received);
	put_u64_option(&body, ISB_IFDROP, dropped);
	put_option(&body, OPT_END, NULL, 0);
	put_block(out, BLOCK_STATISTICS, &body);
}
