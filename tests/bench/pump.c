/* SPDX-License-Identifier: Apache-2.0
 * pump.c - one TCP stream, for a guest that has nothing but a kernel: linked statically
 *
 * pump receive PORT takes what comes, for ever. pump send ADDRESS PORT SECONDS prints how many Mbit/s arrived.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char room[256 * 1024];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		exit(2);
	return a;
}

static int take(const char *port)
{
	struct sockaddr_in a = address("0.0.0.0", port);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&a, sizeof a) != 0 || listen(s, 4) != 0)
		return 1;
	for (;;) {
		int fd = accept(s, NULL, NULL);
		while (fd >= 0 && read(fd, room, sizeof room) > 0)
			;
		close(fd);
	}
}

static int give(const char *ip, const char *port, double seconds)
{
	struct sockaddr_in a = address(ip, port);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(s, (struct sockaddr *)&a, sizeof a) != 0)
		return 1;
	double begun = now(), bytes = 0;
	while (now() - begun < seconds) {
		ssize_t n = write(s, room, sizeof room);
		if (n <= 0)
			return 1;
		bytes += (double)n;
	}
	shutdown(s, SHUT_WR);
	(void)!read(s, room, 1); /* until the other side has read it all */
	printf("%.0f\n", bytes * 8 / 1e6 / (now() - begun));
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return take(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "send"))
		return give(argv[2], argv[3], strtod(argv[4], NULL));
	fprintf(stderr, "usage: pump receive PORT | pump send ADDRESS PORT SECONDS\n");
	return 2;
}
