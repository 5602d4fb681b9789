/* SPDX-License-Identifier: Apache-2.0
 * forwarder.c - carries UDP packets between two addresses and does nothing else: what a relay is measured against
 *
 * forwarder PORT ADDRESS ADDRESS: what comes to PORT from the one address goes to the other's port of the same number. Packets come and go by
 * the batch, and what the kernel joined (UDP_GRO) goes on as it came (UDP_SEGMENT).
 */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "bytes.h"

#define BATCH 64
#define ROOM_BYTES (65536 + 1600)
#define SOCKET_BYTES (1 << 20)

union control {
	struct cmsghdr header;
	char data[CMSG_SPACE(sizeof(int))];
};

static struct sockaddr_in ends[2];
static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_parts[BATCH], out_parts[BATCH];
static struct sockaddr_in names[BATCH];
static union control controls[BATCH];
static char rooms[BATCH][ROOM_BYTES];

/* The size of the packets that the kernel joined; 0: it is one. */
static uint16_t joined_bytes(struct msghdr *m)
{
	int bytes = 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (c && c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
		memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
	return (uint16_t)bytes;
}

/* Turns a message that came into one that goes; false for a stranger's. */
static bool turn(int i, struct mmsghdr *ret_out, struct iovec *part)
{
	bool from_first = names[i].sin_addr.s_addr == ends[0].sin_addr.s_addr;
	uint16_t each = joined_bytes(&in[i].msg_hdr);
	if (!from_first && names[i].sin_addr.s_addr != ends[1].sin_addr.s_addr)
		return false;
	*part = (struct iovec){ rooms[i], in[i].msg_len };
	*ret_out = (struct mmsghdr){ .msg_hdr = { .msg_iov = part, .msg_iovlen = 1, .msg_name = &ends[from_first] } };
	ret_out->msg_hdr.msg_namelen = sizeof ends[0];
	if (each == 0 || each >= in[i].msg_len)
		return true;
	controls[i].header = (struct cmsghdr){ CMSG_LEN(sizeof each), SOL_UDP, UDP_SEGMENT };
	memcpy(CMSG_DATA(&controls[i].header), &each, sizeof each);
	ret_out->msg_hdr.msg_control = &controls[i];
	ret_out->msg_hdr.msg_controllen = CMSG_SPACE(sizeof each);
	return true;
}

static void carry(int s)
{
	for (int i = 0; i < BATCH; i++) {
		in_parts[i] = (struct iovec){ rooms[i], ROOM_BYTES };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &in_parts[i], .msg_iovlen = 1, .msg_name = &names[i] };
		in[i].msg_hdr.msg_namelen = sizeof names[i];
		in[i].msg_hdr.msg_control = &controls[i];
		in[i].msg_hdr.msg_controllen = sizeof controls[i];
	}
	int n = recvmmsg(s, in, BATCH, MSG_DONTWAIT, NULL);
	unsigned count = 0;
	for (int i = 0; i < n; i++)
		count += turn(i, &out[count], &out_parts[count]);
	for (unsigned sent = 0; sent < count;) {
		int went = sendmmsg(s, out + sent, count - sent, 0);
		sent += went > 0 ? (unsigned)went : 1; /* one that cannot go is left */
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int64_t port;
	int one = 1, bytes = SOCKET_BYTES, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (argc != 4 || int_parse(argv[1], &port) != OK || port < 1 || port > 65535 ||
	    inet_pton(AF_INET, argv[2], &ends[0].sin_addr) != 1 || inet_pton(AF_INET, argv[3], &ends[1].sin_addr) != 1) {
		fprintf(stderr, "usage: forwarder PORT ADDRESS ADDRESS\n");
		return 2;
	}
	any.sin_port = ends[0].sin_port = ends[1].sin_port = htons((uint16_t)port);
	ends[0].sin_family = ends[1].sin_family = AF_INET;
	(void)setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	(void)setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	if (setsockopt(s, SOL_UDP, UDP_GRO, &one, sizeof one) < 0 || bind(s, (struct sockaddr *)&any, sizeof any) < 0)
		return 1;
	for (struct pollfd p = { s, POLLIN, 0 }; poll(&p, 1, -1) >= 0;)
		carry(s);
	return 1;
}
