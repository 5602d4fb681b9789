/* SPDX-License-Identifier: Apache-2.0
 * delay.c - a slow line between two network namespaces, which puts packets out of order
 *
 * delay SEED LEAST_US MOST_US NAMESPACE DEVICE NAMESPACE DEVICE
 *	makes a TAP of that name in each namespace and brings it up; a frame from one comes out at the other after a time between the two,
 *	at random, so that frames overtake each other. Prints a line when both are there; runs until it is killed.
 */
#include <assert.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "clock.h"

#define FRAMES 4096 /* under way; more are dropped */
#define FRAME_BYTES 2048

struct frame {
	int64_t due_us; /* 0: none */
	int to;
	size_t len;
	uint8_t data[FRAME_BYTES];
};
static struct frame frames[FRAMES];
static uint64_t state;

static uint64_t random_number(void)
{
	state ^= state << 13; /* xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int open_tap(const char *namespace, const char *device)
{
	char path[256];
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	snprintf(path, sizeof path, "/run/netns/%s", namespace);
	int space = open(path, O_RDONLY | O_CLOEXEC);
	assert(space >= 0 && setns(space, CLONE_NEWNET) == 0);
	close(space);
	assert(text_copy(r.ifr_name, sizeof r.ifr_name, device) == OK);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert(fd >= 0 && s >= 0 && ioctl(fd, TUNSETIFF, &r) == 0);
	assert(ioctl(s, SIOCGIFFLAGS, &r) == 0);
	r.ifr_flags |= IFF_UP;
	assert(ioctl(s, SIOCSIFFLAGS, &r) == 0);
	close(s);
	return fd;
}

static void take_frames(int from, int to, int64_t least_us, int64_t most_us)
{
	for (int i = 0; i < FRAMES; i++) {
		struct frame *f = &frames[i];
		if (f->due_us)
			continue;
		ssize_t n = read(from, f->data, sizeof f->data);
		if (n <= 0)
			return;
		f->len = (size_t)n;
		f->to = to;
		f->due_us = clock_mono().us + least_us + (int64_t)(random_number() % (uint64_t)(most_us - least_us + 1));
	}
}

/* Returns when the next one is due. */
static int64_t send_frames(void)
{
	int64_t now = clock_mono().us, next = now + SECOND_US;
	for (int i = 0; i < FRAMES; i++) {
		struct frame *f = &frames[i];
		if (f->due_us && f->due_us <= now) {
			f->due_us = 0;
			if (write(f->to, f->data, f->len) < 0)
				continue; /* its device is down: lost, as on a line */
		} else if (f->due_us && f->due_us < next) {
			next = f->due_us;
		}
	}
	return next;
}

int main(int argc, char **argv)
{
	int64_t seed, least_us, most_us;
	assert(argc == 8 && int_parse(argv[1], &seed) == OK && int_parse(argv[2], &least_us) == OK &&
	       int_parse(argv[3], &most_us) == OK && seed > 0 && most_us >= least_us);
	state = (uint64_t)seed;
	int a = open_tap(argv[4], argv[5]), b = open_tap(argv[6], argv[7]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd polls[] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
		int64_t wait_us = send_frames() - clock_mono().us;
		struct timespec wait = { .tv_sec = wait_us > 0 ? wait_us / SECOND_US : 0,
					 .tv_nsec = wait_us > 0 ? wait_us % SECOND_US * 1000 : 0 };
		ppoll(polls, 2, &wait, NULL);
		take_frames(a, b, least_us, most_us);
		take_frames(b, a, least_us, most_us);
	}
}
