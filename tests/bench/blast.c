/* SPDX-License-Identifier: Apache-2.0
 * blast.c - small UDP packets: how many a second arrive, and how many come back
 *
 * As many as go: "blast send ADDRESS SECONDS"; "blast receive SECONDS" prints the packets a second. Round trips: "blast ask ADDRESS
 * SECONDS" keeps WINDOW packets under way and prints how many came back a second; "blast echo SECONDS" sends them back.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "clock.h"

#define PORT 5999
#define BATCH 32
#define PAYLOAD 64
#define WINDOW 64
#define LOST_MS 50 /* silence after which what is under way counts as lost */

static int64_t seconds_of(const char *text)
{
	int64_t s;
	if (int_parse(text, &s) != OK || s < 1 || s > 3600)
		exit(2);
	return s;
}

static void set_up(struct mmsghdr *messages, struct iovec *part)
{
	static uint8_t bytes[PAYLOAD];
	*part = (struct iovec){ bytes, sizeof bytes };
	for (int i = 0; i < BATCH; i++)
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = part, .msg_iovlen = 1 } };
}

static int connected_to(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(s, (struct sockaddr *)&to, sizeof to) < 0)
		exit(1);
	return s;
}

static int bound(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&any, sizeof any) < 0)
		exit(1);
	return s;
}

static bool readable(int s, int wait_ms)
{
	struct pollfd p = { s, POLLIN, 0 };
	return poll(&p, 1, wait_ms) > 0;
}

static int blast_send(const char *address, int64_t seconds)
{
	struct mmsghdr messages[BATCH];
	struct iovec part;
	int s = connected_to(address);
	set_up(messages, &part);
	int64_t end = clock_mono().us + seconds * SECOND_US;
	while (clock_mono().us < end)
		(void)sendmmsg(s, messages, BATCH, 0); /* what finds no room is not what is counted */
	return 0;
}

static int blast_receive(int64_t seconds)
{
	struct mmsghdr messages[BATCH];
	struct iovec part;
	int s = bound();
	set_up(messages, &part);
	int64_t count = 0, begin = clock_mono().us;
	while (clock_mono().us < begin + seconds * SECOND_US) {
		int n = readable(s, 100) ? recvmmsg(s, messages, BATCH, MSG_DONTWAIT, NULL) : 0;
		count += n > 0 ? n : 0;
	}
	printf("%lld\n", (long long)(count / seconds));
	return 0;
}

static int blast_ask(const char *address, int64_t seconds)
{
	struct mmsghdr messages[BATCH];
	struct iovec part;
	int s = connected_to(address);
	set_up(messages, &part);
	int64_t count = 0, end = clock_mono().us + seconds * SECOND_US;
	for (int under_way = 0; clock_mono().us < end;) {
		int free_places = WINDOW - under_way;
		if (free_places > 0) {
			int sent = sendmmsg(s, messages, (unsigned)(free_places < BATCH ? free_places : BATCH), 0);
			under_way += sent > 0 ? sent : 0;
			if (under_way < WINDOW && sent > 0)
				continue;
		}
		int n = readable(s, LOST_MS) ? recvmmsg(s, messages, BATCH, MSG_DONTWAIT, NULL) : 0;
		if (n <= 0)
			under_way = 0;
		count += n > 0 ? n : 0;
		under_way = n > 0 && n < under_way ? under_way - n : 0;
	}
	printf("%lld\n", (long long)(count / seconds));
	return 0;
}

static int blast_echo(int64_t seconds)
{
	struct mmsghdr messages[BATCH];
	struct iovec part;
	struct sockaddr_in names[BATCH];
	int s = bound();
	set_up(messages, &part);
	for (int i = 0; i < BATCH; i++)
		messages[i].msg_hdr.msg_name = &names[i];
	for (int64_t end = clock_mono().us + seconds * SECOND_US; clock_mono().us < end;) {
		for (int i = 0; i < BATCH; i++)
			messages[i].msg_hdr.msg_namelen = sizeof names[i];
		int n = readable(s, 100) ? recvmmsg(s, messages, BATCH, MSG_DONTWAIT, NULL) : 0;
		if (n > 0)
			(void)sendmmsg(s, messages, (unsigned)n, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "send"))
		return blast_send(argv[2], seconds_of(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return blast_receive(seconds_of(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "ask"))
		return blast_ask(argv[2], seconds_of(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "echo"))
		return blast_echo(seconds_of(argv[2]));
	fprintf(stderr, "usage: blast send|ask ADDRESS SECONDS | blast receive|echo SECONDS\n");
	return 2;
}
