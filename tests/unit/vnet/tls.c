/* SPDX-License-Identifier: Apache-2.0
 * tls.c - what TLS to a relay is made of: the queue, packets out of a byte stream, the proxy's answers
 */
#include <assert.h>
#include "proxy.h"
#include "tap.h"
#include "tls_stream.h"

static mono_time now = { SECOND_US };

/* ---- the queue ---- */
static uint8_t room[PACKET_QUEUE_PREFIX + PACKET_QUEUE_MAX_PACKET];

static void put(struct packet_queue *q, uint8_t first, size_t len, bool control)
{
	static uint8_t packet[PACKET_QUEUE_MAX_PACKET];
	packet[0] = first;
	packet_queue_put(q, packet, len, control, now);
}

static void test_queue(void)
{
	struct packet_queue q = { 0 };
	put(&q, 1, 100, false);
	put(&q, 2, 50, false);
	put(&q, 3, 20, true);
	size_t len = packet_queue_take(&q, room, sizeof room, sizeof room, now);
	is_int(len, 3 * 2 + 170, "all go, each behind its length");
	ok(room[0] == 0 && room[1] == 20 && room[2] == 3, "control first");
	ok(room[22] == 0 && room[23] == 100 && room[24] == 1 && room[126] == 2, "then data in order");
	ok(packet_queue_is_empty(&q), "nothing stays");

	for (int i = 0; i < 300; i++)
		put(&q, (uint8_t)(i & 0xff), 1024, false);
	ok(q.bytes == PACKET_QUEUE_BYTES && q.dropped == 44, "no more than 256 KB wait");
	len = packet_queue_take(&q, room, sizeof room, 1, now);
	ok(len == 1026 && room[2] == 44, "the oldest were dropped");
	now.us += PACKET_QUEUE_US + 1;
	put(&q, 9, 100, false);
	put(&q, 8, 100, true);
	now.us += 1000;
	len = packet_queue_take(&q, room, sizeof room, sizeof room, now);
	ok(len == 204 && room[2] == 8 && room[104] == 9, "data that waited for 50 ms is dropped");
	put(&q, 7, 100, true);
	now.us += SECOND_US;
	is_int(packet_queue_take(&q, room, sizeof room, sizeof room, now), 102, "control waits");
	for (int i = 0; i < 100; i++)
		put(&q, (uint8_t)i, 16, true);
	len = packet_queue_take(&q, room, sizeof room, sizeof room, now);
	ok(len == 64 * 18 && room[2] == 36, "but no more than 64 of it");
	put(&q, 1, PACKET_QUEUE_MAX_PACKET, false);
	put(&q, 2, PACKET_QUEUE_MAX_PACKET, false);
	is_int(packet_queue_take(&q, room, sizeof room, sizeof room, now), sizeof room, "the largest packet fits the stage");
	packet_queue_clear(&q);
	ok(packet_queue_is_empty(&q) && q.bytes == 0, "cleared");
}

/* ---- frames ---- */
static void feed(struct frames *f, const uint8_t *data, size_t len)
{
	size_t size;
	uint8_t *at = frames_room(f, &size);
	assert(len <= size && size >= FRAMES_RECORD);
	memcpy(at, data, len);
	frames_add(f, len);
}

static void test_frames(void)
{
	static struct frames f;
	static uint8_t stream[200000];
	uint8_t *packet;
	size_t len, end = 0, got = 0, at = 0;
	static const uint16_t sizes[] = { 16, 17, 1400, 65535, 16, 65535, 40 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		stream[end] = (uint8_t)(sizes[i] >> 8);
		stream[end + 1] = (uint8_t)sizes[i];
		memset(stream + end + 2, (int)i + 1, sizes[i]);
		end += 2u + sizes[i];
	}
	/* In pieces of all lengths. */
	for (size_t piece = 1; at < end; piece = piece * 3 % 16381 + 1) {
		size_t n = piece < end - at ? piece : end - at;
		feed(&f, stream + at, n);
		at += n;
		err_t e;
		while ((e = frames_next(&f, &packet, &len)) == OK) {
			bool same = len == sizes[got] && packet[0] == got + 1 && packet[len - 1] == got + 1;
			ok(same, "packet %zu comes whole", got);
			got++;
		}
		assert(e == E_AGAIN);
	}
	is_int(got, sizeof sizes / sizeof *sizes, "all of them");
	feed(&f, (const uint8_t[]){ 0, 15 }, 2);
	is_int(frames_next(&f, &packet, &len), E_INVALID, "a packet shorter than a header is refused");
}

/* ---- the proxy ---- */
static void test_proxy(void)
{
	char request[PROXY_REQUEST_SIZE];
	size_t len;
	is_int(proxy_request("192.0.2.7:443", "", request, &len), OK, "a request");
	is_text(request, "CONNECT 192.0.2.7:443 HTTP/1.1\r\nHost: 192.0.2.7:443\r\n\r\n", "by the book");
	is_int(proxy_request("[2001:db8::1]:443", "seller:secret", request, &len), OK, "one with credentials");
	is_text(request,
		"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n"
		"Proxy-Authorization: Basic c2VsbGVyOnNlY3JldA==\r\n\r\n",
		"basic ones");
	is_int(len, strlen(request), "of that length");
	is_int(proxy_request("192.0.2.7:443", "a\r\nb", request, &len), E_INVALID, "no line ends in them");
	static const struct {
		const char *answer;
		err_t want;
		const char *what;
	} rows[] = {
		{ "HTTP/1.1 200 Connection established\r\n\r\n", OK, "200" },
		{ "HTTP/1.0 200 OK\r\nProxy-agent: x\r\n\r\n", OK, "HTTP/1.0 with a header" },
		{ "HTTP/1.1 204\r\n\r\n", OK, "no reason phrase" },
		{ "", E_AGAIN, "nothing yet" },
		{ "HT", E_AGAIN, "a beginning" },
		{ "HTTP/1.1 200 OK\r\nA: b\r\n", E_AGAIN, "not whole" },
		{ "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n<html>", E_AUTH, "407, whatever follows" },
		{ "HTTP/1.1 403 Filtered\r\n\r\n", E_DENIED, "403" },
		{ "HTTP/1.1 302 Found\r\n\r\n", E_DENIED, "302" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", E_DENIED, "100" },
		{ "HTTP/1.1 200 OK\r\n\r\nX", E_INVALID, "bytes behind it" },
		{ "HTTP/2 200\r\n\r\n", E_INVALID, "another HTTP" },
		{ "HTTP/1.1 2000 OK\r\n\r\n", E_INVALID, "a long status" },
		{ "HTTP/1.1 2x0 OK\r\n\r\n", E_INVALID, "no number" },
		{ "HTTP/1.1\r\n\r\n", E_INVALID, "no status" },
		{ "\x16\x03\x03", E_INVALID, "TLS" },
		{ "SSH-2.0-x\r\n", E_INVALID, "SSH" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		is_int(proxy_answer(rows[i].answer, strlen(rows[i].answer)), rows[i].want, "answer: %s", rows[i].what);
	static char endless[PROXY_ANSWER_MAX];
	memset(endless, 'a', sizeof endless);
	memcpy(endless, "HTTP/1.1 200 OK\r\n", 17);
	is_int(proxy_answer(endless, sizeof endless - 1), E_AGAIN, "a long head is waited for");
	is_int(proxy_answer(endless, sizeof endless), E_LIMIT, "an endless one is not");
}

int main(void)
{
	test_queue();
	test_frames();
	test_proxy();
	return done_testing();
}
