/* SPDX-License-Identifier: Apache-2.0
 * blast.c - small UDP packets, as many as go, one way: how many a second arrive
 *
 * blast send ADDRESS SECONDS; blast receive SECONDS prints the packets a second.
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

static int blast_send(const char *address, int64_t seconds)
{
	struct mmsghdr messages[BATCH];
	struct iovec part;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(s, (struct sockaddr *)&to, sizeof to) < 0)
		return 1;
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
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&any, sizeof any) < 0)
		return 1;
	set_up(messages, &part);
	int64_t count = 0, begin = clock_mono().us;
	while (clock_mono().us < begin + seconds * SECOND_US) {
		struct pollfd p = { s, POLLIN, 0 };
		int n = poll(&p, 1, 100) > 0 ? recvmmsg(s, messages, BATCH, MSG_DONTWAIT, NULL) : 0;
		count += n > 0 ? n : 0;
	}
	printf("%lld\n", (long long)(count / seconds));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "send"))
		return blast_send(argv[2], seconds_of(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return blast_receive(seconds_of(argv[2]));
	fprintf(stderr, "usage: blast send ADDRESS SECONDS | blast receive SECONDS\n");
	return 2;
}
